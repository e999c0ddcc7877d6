//! How much of its time awake a worker's thread waits for a core, sample by sample.

use crate::scheduler::lanes::Quick;
use lab_recording::scheduler::{CoreWait, Event, What};
use std::collections::HashMap;

/// The readings of the kernel for each thread: time, and total waiting so far, in nanoseconds.
pub struct Samples(HashMap<u64, Vec<(u64, u64)>, Quick>);

impl Samples {
    pub fn new(waits: &[CoreWait]) -> Samples {
        let mut threads: HashMap<u64, Vec<(u64, u64)>, Quick> = HashMap::default();
        waits.iter().for_each(|wait| {
            threads.entry(wait.thread).or_default().push((wait.at_ns, wait.waited_ns))
        });
        threads.values_mut().for_each(|samples| samples.sort_unstable());
        Samples(threads)
    }

    fn from(&self, thread: u64, at_ns: u64) -> &[(u64, u64)] {
        let all = self.0.get(&thread).map(Vec::as_slice).unwrap_or_default();
        &all[all.partition_point(|(at, _)| *at < at_ns)..]
    }
}

/// The time between two samples of a worker's thread, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub worker: usize,
    pub from: u64,
    pub until: u64,
    /// How long it waited for a core.
    waited: u64,
    /// How long it was not asleep.
    awake: u64,
    /// Whether the thread did anything as this worker.
    seen: bool,
}

impl Window {
    /// The part of the time awake, from 0 to 1.
    pub fn part(&self) -> f64 {
        if self.awake == 0 { 0.0 } else { (self.waited as f64 / self.awake as f64).min(1.0) }
    }
}

/// Follows one lane and cuts it at the samples of its thread.
#[derive(Default)]
pub struct Clock<'a> {
    samples: &'a [(u64, u64)],
    since: u64,
    parked: u64,
    parked_since: Option<u64>,
    /// The sample before: when, the sum of waiting and that of sleep.
    last: Option<(u64, u64, u64)>,
    worker: Option<usize>,
    seen: bool,
}

impl<'a> Clock<'a> {
    /// The lane is of another thread from here on.
    pub fn thread(&mut self, samples: &'a Samples, event: &Event, windows: &mut Vec<Window>) {
        self.pass(event.at_ns, event.at_ns, None, windows);
        *self = Clock {
            samples: samples.from(event.task, event.at_ns),
            since: event.at_ns,
            ..Clock::default()
        };
    }

    /// A worker's event of the lane.
    pub fn event(&mut self, event: &Event, worker: usize, windows: &mut Vec<Window>) {
        if self.worker.is_none() && event.what == What::Unpark {
            self.parked_since = Some(self.since);
        }
        self.pass(event.end_ns(), event.at_ns, Some(worker), windows);
        self.worker = Some(worker);
        self.seen = true;
        match event.what {
            What::Park => self.parked_since = Some(event.at_ns),
            What::Unpark => self.wake(event.at_ns),
            _ => {}
        }
    }

    /// The lane has ended.
    pub fn finish(mut self, windows: &mut Vec<Window>) {
        self.pass(u64::MAX, u64::MAX, None, windows);
    }

    fn wake(&mut self, at_ns: u64) {
        if let Some(since) = self.parked_since.take() {
            self.parked = self.parked.saturating_add(at_ns.saturating_sub(since));
        }
    }

    /// All samples up to the end of an event, during which the thread did not fall asleep.
    #[inline]
    fn pass(&mut self, until: u64, begin: u64, worker: Option<usize>, windows: &mut Vec<Window>) {
        while let Some((&(at, waited), rest)) = self.samples.split_first()
            && at <= until
        {
            self.samples = rest;
            self.sample(at, waited, begin < at, self.worker.or(worker), windows);
        }
    }

    fn sample(
        &mut self,
        at: u64,
        waited: u64,
        inside: bool,
        worker: Option<usize>,
        windows: &mut Vec<Window>,
    ) {
        let parked = self
            .parked
            .saturating_add(self.parked_since.map_or(0, |since| at.saturating_sub(since)));
        if let (Some((from, before, slept)), Some(worker)) = (self.last, worker)
            && at > from
        {
            let awake = (at - from).saturating_sub(parked.saturating_sub(slept));
            let waited = waited.saturating_sub(before);
            windows.push(Window {
                worker,
                from,
                until: at,
                waited,
                awake,
                seen: self.seen || inside,
            });
        }
        self.last = Some((at, waited, parked));
        self.seen = false;
    }
}

/// The windows of each worker, none over another, by worker and time. `shared` tells which workers
/// several threads have been: of these only the threads that did something count.
pub fn in_order(mut windows: Vec<Window>, shared: &[bool]) -> Vec<Window> {
    windows.retain(|window| window.seen || !shared[window.worker]);
    windows.sort_unstable_by_key(|window| (window.worker, window.from, window.until));
    let mut sorted: Vec<Window> = Vec::with_capacity(windows.len());
    for mut window in windows {
        match sorted.last_mut() {
            Some(last) if last.worker == window.worker && window.from < last.until => {
                // Threads are sampled one after the other: windows of two that were the worker are
                // nearly the same.
                if window.from - last.from < (last.until - last.from) / 2 {
                    last.waited = last.waited.saturating_add(window.waited);
                    last.awake = last.awake.saturating_add(window.awake);
                } else if window.until > last.until {
                    window.from = last.until;
                    sorted.push(window);
                }
            }
            _ => sorted.push(window),
        }
    }
    sorted
}

/// How long each of so many workers waited for a core, in nanoseconds; none of which nothing is
/// known.
pub fn sums(windows: &[Window], workers: usize) -> Vec<Option<u64>> {
    let mut sums = vec![None; workers];
    for window in windows {
        let sum: &mut Option<u64> = &mut sums[window.worker];
        *sum = Some(sum.unwrap_or(0).saturating_add(window.waited));
    }
    sums
}
