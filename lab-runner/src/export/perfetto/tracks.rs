//! The tracks of a Perfetto trace beside each other: threads, the yield probe, what is missing, and
//! counters.

use crate::export::perfetto::packets::{PID, PROCESS, Packets};
use lab_analysis::protobuf::Message;
use lab_recording::scheduler::{Counters, Event, Known, What};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// The largest number of values of the track of waiting tasks.
const MOMENTS: usize = 10_000;

/// The last number that was given to a track.
pub(crate) struct Tracks(u64);

impl Default for Tracks {
    fn default() -> Self {
        Tracks(PROCESS)
    }
}

/// The track of a thread.
pub(crate) struct Thread {
    /// Its number among the tracks.
    pub id: u64,
    /// Its number in the kernel.
    thread: u64,
    known: bool,
}

impl Tracks {
    /// A track of the thread with this number in the kernel.
    pub fn thread(&mut self, thread: u64) -> Thread {
        Thread { id: self.next(), thread, known: false }
    }

    /// A track of a thread with an unknown number: high ones are not given to real threads.
    pub fn unnamed(&mut self) -> Thread {
        let id = self.next();
        Thread { id, thread: (1 << 30) + id, known: false }
    }

    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    /// A track of the process that is no thread.
    fn named<W: Write>(&mut self, name: &str, packets: &mut Packets<'_, W>) -> io::Result<u64> {
        let id = self.next();
        packets.track(&Message::from_numbers([(1, id), (5, PROCESS)]).text(2, name))?;
        Ok(id)
    }

    fn counter<W: Write>(&mut self, name: &str, packets: &mut Packets<'_, W>) -> io::Result<u64> {
        let id = self.next();
        let counter = Message::from_numbers([(3, 2)]); // a count
        packets.track(
            &Message::from_numbers([(1, id), (5, PROCESS)]).text(2, name).holding(8, &counter),
        )?;
        Ok(id)
    }
}

impl Thread {
    /// Makes it known by the worker that it is when it polls first.
    pub fn describe<W: Write>(
        &mut self,
        poll: &Event,
        packets: &mut Packets<'_, W>,
    ) -> io::Result<()> {
        if self.known {
            return Ok(());
        }
        self.known = true;
        let name = match poll.runtime {
            0 => format!("worker {}", poll.worker),
            runtime => format!("runtime {runtime} worker {}", poll.worker),
        };
        let thread = Message::from_numbers([(1, PID), (2, self.thread)]).text(5, &name);
        packets.track(&Message::from_numbers([(1, self.id), (5, PROCESS)]).holding(4, &thread))
    }
}

/// A stretch of time with a name.
type Slice = (u64, u64, String);

/// The yield probe: how long its questions waited to be heard, and how long its yields took.
pub(crate) fn probe<W: Write>(
    known: &Known,
    tracks: &mut Tracks,
    packets: &mut Packets<'_, W>,
) -> io::Result<()> {
    let unheard = known.probes.iter().map(|probe| {
        let until = probe.yielded_ns.unwrap_or(known.until_ns);
        (probe.asked_ns, until, "woken, not yet polled: not part of the yield".to_owned())
    });
    let heard =
        known.probes.iter().filter_map(|probe| Some((probe.yielded_ns?, probe.answered_ns)));
    let yields =
        heard.map(|(from, until)| (from, until.unwrap_or(known.until_ns), "yield_now".to_owned()));
    apart("yield probe", unheard.chain(yields).collect(), tracks, packets)
}

/// Where events are missing.
pub(crate) fn missing<W: Write>(
    known: &Known,
    tracks: &mut Tracks,
    packets: &mut Packets<'_, W>,
) -> io::Result<()> {
    let one = |dropped: &lab_recording::scheduler::Dropped| {
        let name = format!("{} events of lane {} are missing", dropped.events, dropped.lane);
        (dropped.from_ns, dropped.until_ns, name)
    };
    apart("missing events", known.dropped.iter().map(one).collect(), tracks, packets)
}

/// Puts slices on as many tracks as it takes for none to overlap: on one track an end would close
/// the wrong one.
fn apart<W: Write>(
    name: &str,
    mut slices: Vec<Slice>,
    tracks: &mut Tracks,
    packets: &mut Packets<'_, W>,
) -> io::Result<()> {
    slices.sort();
    let mut used: Vec<(u64, u64)> = Vec::new();
    for (from, until, label) in slices {
        let until = until.max(from);
        let track = match used.iter_mut().find(|(_, end)| *end <= from) {
            Some((track, end)) => {
                *end = until;
                *track
            }
            None => {
                let track = tracks.named(name, packets)?;
                used.push((track, until));
                track
            }
        };
        packets.slice(track, &label, from, until)?;
    }
    Ok(())
}

/// A counter's name, and where it is among a runtime's.
type CounterTrack = (&'static str, fn(&Counters) -> Option<u64>);

/// The exported counters.
const LISTED: [CounterTrack; 7] = [
    ("alive tasks", |at| Some(at.alive_tasks)),
    ("global queue", |at| Some(at.global_queue)),
    ("local queues", |at| at.local_queues),
    ("steals so far", |at| at.steals),
    ("forced yields so far", |at| at.forced_yields),
    ("blocking queue", |at| at.blocking_queue),
    ("busy blocking threads", |at| {
        Some(at.blocking_threads?.saturating_sub(at.idle_blocking_threads?))
    }),
];

/// The runtimes' own counters, each on a track.
pub(crate) fn counters<W: Write>(
    known: &Known,
    tracks: &mut Tracks,
    packets: &mut Packets<'_, W>,
) -> io::Result<()> {
    let runtimes: BTreeSet<u8> = known.counters.iter().map(|at| at.runtime).collect();
    for (runtime, (name, of)) in
        runtimes.into_iter().flat_map(|runtime| LISTED.map(|counter| (runtime, counter)))
    {
        let name =
            if runtime == 0 { name.to_owned() } else { format!("runtime {runtime}: {name}") };
        let of_it = known.counters.iter().filter(|at| at.runtime == runtime);
        let values: Vec<(u64, u64)> = of_it.filter_map(|at| Some((at.at_ns, of(at)?))).collect();
        if values.is_empty() {
            continue;
        }
        let track = tracks.counter(&name, packets)?;
        values.into_iter().try_for_each(|(at_ns, value)| packets.counter(track, at_ns, value))?;
    }
    Ok(())
}

/// How many tasks are runnable and not polled, at moments that are equally far from each other.
pub(crate) struct Waiting {
    from_ns: u64,
    step_ns: u64,
    /// By how many more wait at a moment than at the one before.
    changes: Vec<i64>,
}

impl Waiting {
    pub fn over(known: &Known) -> Waiting {
        let step_ns = (known.until_ns.saturating_sub(known.from_ns) / MOMENTS as u64).max(1);
        Waiting { from_ns: known.from_ns, step_ns, changes: vec![0; MOMENTS + 1] }
    }

    pub fn add(&mut self, event: &Event) {
        let Some(runnable) = event.runnable_ns().filter(|_| event.what == What::Poll) else {
            return;
        };
        let (from, until) = (self.moment(runnable), self.moment(event.at_ns));
        self.changes[from] += 1;
        self.changes[until] -= 1;
    }

    /// The first moment that is not before this.
    fn moment(&self, at_ns: u64) -> usize {
        let moment = at_ns.saturating_sub(self.from_ns).div_ceil(self.step_ns);
        usize::try_from(moment).unwrap_or(MOMENTS).min(MOMENTS)
    }

    /// Writes the number where it changes; nothing without recorded schedule latency.
    pub fn write<W: Write>(
        &self,
        known: &Known,
        tracks: &mut Tracks,
        packets: &mut Packets<'_, W>,
    ) -> io::Result<()> {
        if !known.has_latency {
            return Ok(());
        }
        let track = tracks.counter("waiting tasks", packets)?;
        packets.counter(track, self.from_ns, 0)?;
        let mut waiting: i64 = 0;
        for (moment, change) in (0..).zip(&self.changes).filter(|(_, change)| **change != 0) {
            waiting += change;
            packets.counter(
                track,
                self.from_ns + moment * self.step_ns,
                waiting.try_into().unwrap_or_default(),
            )?;
        }
        Ok(())
    }
}
