//! The profiler `sched` in the child: the scheduler's recorder together with the stall sampler.
//! Blame needs both: the recorder knows which poll occupied a worker, and the sampler which code it
//! ran. Both use the same hooks, and the recorder is called nearest to the poll.

use crate::awaits::{self, Awaits};
use crate::hooks::{HOW_TO_SEE_POLLS, Hooks, SEES_POLLS};
use crate::instrument::Instrument;
use crate::price::Priced;
use crate::profilers::scheduler_costs::{OTHER, prices};
use crate::profilers::stall::{POLL, SAMPLE, StallProfiler};
use crate::scheduler::polled;
use crate::scheduler::recorder::{Recorder, add_hooks};
use crate::stall::hooks::{polls, price_of_a_sample};
use crate::threads::hand_offs::{self, HandOffs};
use crate::threads::stuck_threads::{self, Detector};
use lab_recording::profiler::ProfilerStatus;
use std::path::Path;

/// The profiler `sched`.
pub(crate) struct SchedProfiler {
    recorder: Recorder,
    sampler: StallProfiler,
    /// The detector of stuck threads outside of polls.
    stuck_threads: Option<Detector>,
    /// The reason why the sampler is not available.
    no_stacks: Option<String>,
    /// The sampler of hand-offs to the blocking pool, or the reason why it is not available.
    hand_offs: Option<Result<HandOffs, String>>,
    /// The recorder of waits, or the reason why it is not available.
    awaits: Option<Result<Awaits, String>>,
    /// Number of polls at the start.
    polls_before: u64,
    /// Number of events of the recording, after the profiler has stopped.
    events: Option<u64>,
}

impl SchedProfiler {
    /// A profiler that has not started.
    pub fn new() -> SchedProfiler {
        SchedProfiler {
            recorder: Recorder::new(true),
            sampler: StallProfiler::default(),
            stuck_threads: None,
            no_stacks: None,
            hand_offs: None,
            awaits: None,
            polls_before: 0,
            events: None,
        }
    }
}

impl Instrument for SchedProfiler {
    fn hooks(&self, all: &mut Hooks) {
        self.sampler.hooks(all);
        polled::add_hooks(all);
        awaits::prepare();
        add_hooks(all, true);
    }

    fn start(&mut self, folder: &Path) -> Result<(), String> {
        self.polls_before = polls();
        self.recorder.start(folder)?;
        self.no_stacks = self.sampler.start(folder).err();
        self.hand_offs = Some(hand_offs::start(folder));
        self.awaits = Some(awaits::start(folder));
        // If threads cannot be signalled, the sampler has reported the same reason.
        self.stuck_threads = Detector::start(folder).ok();
        Ok(())
    }

    fn threads(&self) -> Vec<&'static str> {
        let hand_offs = self.hand_offs.iter().flatten().map(|_| "lab-hand-offs");
        let awaits = self.awaits.iter().flatten().map(|_| awaits::THREAD);
        let stuck_threads =
            self.stuck_threads.iter().flat_map(|_| [stuck_threads::THREAD, "lab-threads"]);
        ["lab-sched"]
            .into_iter()
            .chain(self.sampler.threads())
            .chain(hand_offs)
            .chain(awaits)
            .chain(stuck_threads)
            .collect()
    }

    fn prices(&mut self, all: &Hooks, _folder: &Path) -> Vec<Priced> {
        let mut all_of_them = prices(all);
        all_of_them.push((SAMPLE, price_of_a_sample()));
        all_of_them.extend(hand_offs::prices());
        all_of_them.push(awaits::price());
        all_of_them
    }

    fn counted(&self) -> Vec<(&'static str, u64)> {
        let samples = self.sampler.signals().map(|sent| sent + stuck_threads::signals());
        let other = self.events.map(|events| events.saturating_sub(polls() - self.polls_before));
        let known = [(SAMPLE, samples), (OTHER, other)]
            .into_iter()
            .filter_map(|(what, count)| Some((what, count?)));
        let waits = awaits::counted();
        [(POLL, polls()), waits].into_iter().chain(known).chain(hand_offs::counted()).collect()
    }

    fn load_ends(&mut self, _folder: &Path) {
        awaits::close();
    }

    fn stop(&mut self, folder: &Path) -> anyhow::Result<ProfilerStatus> {
        let stuck_threads = self.stuck_threads.take().map_or(Ok(()), Detector::stop);
        let counts = self.recorder.stop();
        self.events = Some(counts.events + counts.dropped);
        self.sampler.stop(folder)?;
        let no_hand_offs = match self.hand_offs.take() {
            Some(Ok(hand_offs)) => hand_offs.stop().err().map(|error| format!("{error:#}")),
            Some(Err(why)) => Some(why),
            None => None,
        };
        let no_hand_offs = no_hand_offs
            .map(|why| format!("hand-offs to the blocking pool are not recorded: {why}"));
        let no_awaits = match self.awaits.take() {
            Some(Ok(awaits)) => awaits.stop().err().map(|error| format!("{error:#}")),
            Some(Err(why)) => Some(why),
            None => None,
        };
        let no_awaits = no_awaits.map(|why| format!("waits of requests are not recorded: {why}"));
        let stacks = self.no_stacks.take().map(|why| match SEES_POLLS {
            true => format!("code that held workers is not sampled: {why}"),
            false => format!("only workers and queues are recorded: {HOW_TO_SEE_POLLS}"),
        });
        let ended = counts.trouble.map(|why| format!("the recording ends before the run: {why}"));
        let no_stuck_threads = stuck_threads
            .err()
            .map(|why| format!("stuck threads outside of polls cannot be shown: {why:#}"));
        let named = [
            ("events", counts.events),
            ("events_dropped", counts.dropped),
            ("bytes", counts.bytes),
        ];
        Ok(ProfilerStatus {
            counts: named.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
            notes: [stacks, ended, no_stuck_threads, no_hand_offs, no_awaits]
                .into_iter()
                .flatten()
                .collect(),
            ..ProfilerStatus::default()
        })
    }
}
