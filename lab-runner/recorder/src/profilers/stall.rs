//! The profiler `stall` in the child: it records addresses, which the parent resolves to names.

use crate::hooks::{HOW_TO_SEE_POLLS, Hooks, SEES_POLLS, Task};
use crate::instrument::Instrument;
use crate::price::{Priced, price};
use crate::stall::{Sampler, hooks};
use crate::tasks;
use lab_recording::overhead::Price;
use lab_recording::profiler::ProfilerStatus;
use lab_recording::stall::HZ;
use std::path::Path;

/// Events on the threads of the program: a poll, and a sample.
pub(crate) const POLL: &str = "poll";
pub(crate) const SAMPLE: &str = "sample";
/// Number of polls in a block of a cost measurement, which takes about 10 µs.
const POLLS_A_BLOCK: u32 = 250;

/// The profiler `stall`.
#[derive(Default)]
pub(crate) struct StallProfiler {
    sampler: Option<Sampler>,
    /// Number of signals sent, after the profiler has stopped.
    signals: Option<u64>,
}

impl StallProfiler {
    /// Number of signals sent to threads, after the profiler has stopped.
    pub fn signals(&self) -> Option<u64> {
        self.signals
    }
}

impl Instrument for StallProfiler {
    fn hooks(&self, all: &mut Hooks) {
        hooks::prepare();
        all.before_poll.push(|task| hooks::enter_poll(task.number));
        all.after_poll.push(hooks::leave_poll);
        all.parks.push(|_runtime| hooks::sleeps());
        all.unparks.push(|_runtime| hooks::awakes());
        all.thread_stops.push(hooks::thread_stops);
        tasks::add_hooks(all);
    }

    fn start(&mut self, folder: &Path) -> Result<(), String> {
        if !SEES_POLLS {
            return Err(HOW_TO_SEE_POLLS.into());
        }
        self.sampler = Some(Sampler::start(folder, HZ)?);
        Ok(())
    }

    fn threads(&self) -> Vec<&'static str> {
        self.sampler.iter().map(|_| "lab-stall").collect()
    }

    fn prices(&mut self, all: &Hooks, _folder: &Path) -> Vec<Priced> {
        vec![(POLL, price_of_a_poll(all)), (SAMPLE, hooks::price_of_a_sample())]
    }

    fn counted(&self) -> Vec<(&'static str, u64)> {
        [(POLL, Some(hooks::polls())), (SAMPLE, self.signals)]
            .into_iter()
            .filter_map(|(what, count)| Some((what, count?)))
            .collect()
    }

    fn stop(&mut self, _folder: &Path) -> anyhow::Result<ProfilerStatus> {
        // The counts are in the profiler's file, which the parent reads.
        self.signals = Some(self.sampler.take().map_or(0, |sampler| sampler.stop().sent));
        Ok(ProfilerStatus::default())
    }
}

/// The cost of all callbacks of a poll.
///
/// # Errors
/// If this build has no hooks for polls.
pub(crate) fn price_of_a_poll(hooks: &Hooks) -> Result<Price, String> {
    if !SEES_POLLS {
        return Err(HOW_TO_SEE_POLLS.into());
    }
    let task = Task::made_up(u64::MAX);
    let price = price(POLLS_A_BLOCK, || (), |_| (0..POLLS_A_BLOCK).for_each(|_| hooks.poll(&task)));
    hooks.thread_stops.iter().for_each(|hook| hook());
    Ok(price)
}
