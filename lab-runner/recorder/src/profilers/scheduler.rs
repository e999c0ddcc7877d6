//! The recorder as a profiler, with the stall sampler beside it: blame needs to know not only whose
//! poll held a worker but where in the code it was. Both see polls through the same hooks, the
//! recorder nearest to the poll.

use crate::hooks::{HOW_TO_SEE_POLLS, Hooks, SEES_POLLS};
use crate::instrument::Instrument;
use crate::price::Priced;
use crate::profilers::scheduler_costs::{OTHER, prices};
use crate::profilers::stall::{POLL, SAMPLE, StallProfiler};
use crate::scheduler::recorder::{Recorder, add_hooks};
use crate::stall::hooks::{polls, price_of_a_sample};
use crate::threads::hand_offs::{self, Looking};
use crate::threads::stuck_threads::{self, Watch};
use lab_recording::profiler::ProfilerStatus;
use std::path::Path;

/// Recorder and sampler, in the child.
pub(crate) struct SchedProfiler {
    recorder: Recorder,
    sampler: StallProfiler,
    /// Looks at threads that are in no poll.
    stuck_threads: Option<Watch>,
    /// Why there are no stacks, if so.
    no_stacks: Option<String>,
    /// Who hands work to the blocking pool, or why that is not looked at.
    hand_offs: Option<Result<Looking, String>>,
    /// Polls when it began, and the events of the recording once it has stopped.
    polls_before: u64,
    events: Option<u64>,
}

impl SchedProfiler {
    /// Neither has begun to look.
    pub fn new() -> SchedProfiler {
        SchedProfiler {
            recorder: Recorder::new(true),
            sampler: StallProfiler::default(),
            stuck_threads: None,
            no_stacks: None,
            hand_offs: None,
            polls_before: 0,
            events: None,
        }
    }
}

impl Instrument for SchedProfiler {
    fn hooks(&self, all: &mut Hooks) {
        self.sampler.hooks(all);
        hand_offs::add_hooks(all);
        add_hooks(all, true);
    }

    fn start(&mut self, folder: &Path) -> Result<(), String> {
        self.polls_before = polls();
        self.recorder.start(folder)?;
        self.no_stacks = self.sampler.start(folder).err();
        self.hand_offs = Some(hand_offs::start(folder));
        // Where threads cannot be asked the sampler has said so.
        self.stuck_threads = Watch::start(folder).ok();
        Ok(())
    }

    fn threads(&self) -> Vec<&'static str> {
        let hand_offs = self.hand_offs.iter().flatten().map(|_| "lab-hand-offs");
        let stuck_threads =
            self.stuck_threads.iter().flat_map(|_| ["lab-stuck_threads", "lab-threads"]);
        ["lab-sched"]
            .into_iter()
            .chain(self.sampler.threads())
            .chain(hand_offs)
            .chain(stuck_threads)
            .collect()
    }

    fn prices(&mut self, all: &Hooks, _folder: &Path) -> Vec<Priced> {
        let mut all_of_them = prices(all);
        all_of_them.push((SAMPLE, price_of_a_sample()));
        all_of_them.extend(hand_offs::prices());
        all_of_them
    }

    fn counted(&self) -> Vec<(&'static str, u64)> {
        let samples = self.sampler.asked().map(|asked| asked + stuck_threads::asked());
        let other = self.events.map(|events| events.saturating_sub(polls() - self.polls_before));
        let known = [(SAMPLE, samples), (OTHER, other)]
            .into_iter()
            .filter_map(|(what, count)| Some((what, count?)));
        [(POLL, polls())].into_iter().chain(known).chain(hand_offs::counted()).collect()
    }

    fn stop(&mut self, folder: &Path) -> anyhow::Result<ProfilerStatus> {
        let stood = self.stuck_threads.take().map_or(Ok(()), Watch::stop);
        let counts = self.recorder.stop();
        self.events = Some(counts.events + counts.dropped);
        self.sampler.stop(folder)?;
        let no_hand_offs = match self.hand_offs.take() {
            Some(Ok(looking)) => looking.stop().err().map(|error| format!("{error:#}")),
            Some(Err(why)) => Some(why),
            None => None,
        };
        let no_hand_offs = no_hand_offs
            .map(|why| format!("hand-offs to the blocking pool are not recorded: {why}"));
        let stacks = self.no_stacks.take().map(|why| match SEES_POLLS {
            true => format!("code that held workers is not sampled: {why}"),
            false => format!("only workers and queues are recorded: {HOW_TO_SEE_POLLS}"),
        });
        let ended = counts.trouble.map(|why| format!("the recording ends before the run: {why}"));
        let stood = stood
            .err()
            .map(|why| format!("stuck threads outside of polls cannot be shown: {why:#}"));
        let named = [
            ("events", counts.events),
            ("events_dropped", counts.dropped),
            ("bytes", counts.bytes),
        ];
        Ok(ProfilerStatus {
            counts: named.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
            notes: stacks.into_iter().chain(ended).chain(stood).chain(no_hand_offs).collect(),
            ..ProfilerStatus::default()
        })
    }
}
