//! Memory that is retained during the load.

use crate::diagnosis::Case;
use crate::diagnosis::rules::{BYTES_PER_OP, GROWN};
use crate::diagnosis::sign::Sign;
use crate::diagnosis::suspect::{Location, Suspect, Suspicion};
use crate::diagnosis::suspects::profile_under;
use crate::profile::Profile;
use crate::stacks::{Folded, is_foreign, is_own, own_function};
use crate::units::{self, percent};
use lab_recording::Ending;
use lab_recording::alloc::{GROWTH, LIVE};
use lab_recording::profiler::Profiler;
use std::collections::BTreeMap;

/// The number of parts of the load. The first is left out: caches and buffers fill up during
/// it.
const PARTS: usize = lab_recording::alloc::PARTS as usize;

/// A part of the load grows if it adds at least this share of what the parts up to it add on average:
/// what requests in flight hold goes up and down by less.
const GROWS: f64 = 0.25;

/// The least share of memory for which one function is named: with less, it is one of many.
const NAMED: f64 = 0.2;

pub fn memory(case: &Case<'_>) -> Vec<Suspect> {
    profile_under(case, Profiler::Alloc)
        .filter(|profile| all_answered(profile))
        .and_then(|profile| suspect(case, profile))
        .into_iter()
        .collect()
}

/// The least share of requests that were answered in a run of which a leak may be said: what
/// requests hold that still wait is their state.
const ANSWERED: f64 = 0.99;

fn all_answered(profile: &Profile) -> bool {
    let count = |name: &str| profile.metrics.get(name).copied();
    match (count("completed"), count("offered")) {
        (Some(completed), Some(offered)) => completed >= ANSWERED * offered,
        _ => profile.ending != Ending::Hung,
    }
}

/// Bytes for each answered request that a run kept, if they may be a leak: at least as many as a
/// finding needs, and a third of what it held before. Of a run without the heap's own views that is
/// all that is known.
///
/// It is the measured run's where that has no profiler, for a recorder keeps memory too.
pub fn kept_per_op(case: &Case<'_>) -> Option<f64> {
    let profile = profile_under(case, Profiler::Sched)?;
    let plain = case.measured.filter(|run| run.recording.spec.purpose.profiler().is_none());
    let ([before, after], ops) = match plain {
        Some(run) => (run.held?, run.metrics.get("completed")?.value),
        None => (profile.held?, profile.ops? as f64),
    };
    let per_op = after.saturating_sub(before) as f64 / ops.max(1.0);
    let grown = after as f64 / before.max(1) as f64;
    (all_answered(profile) && per_op >= BYTES_PER_OP && grown >= GROWN).then_some(per_op)
}

fn suspect(case: &Case<'_>, profile: &Profile) -> Option<Suspect> {
    let load_ms = profile.spec.load.duration_ms as f64;
    let looks: Vec<_> = profile.memory.iter().filter(|at| at.ms <= load_ms).collect();
    // A look in each part at least, with some to spare; a batch has no load that lasts.
    if load_ms <= 0.0 || looks.len() < 3 * PARTS {
        return None;
    }
    let at_end = |part: usize| part * (looks.len() - 1) / PARTS;
    let mut ends: Vec<f64> = (1..=PARTS).map(|part| looks[at_end(part)].allocated as f64).collect();
    // The heap is dumped after the first part, and a dump holds memory for a moment.
    let after_dump = &looks[at_end(1)..=(at_end(1) + at_end(2)) / 2];
    ends[0] = after_dump.iter().map(|at| at.allocated as f64).fold(ends[0], f64::min);
    let grown = ends[PARTS - 1] - ends[0];
    let per_op = profile
        .ops
        .filter(|ops| *ops > 0)
        .map(|ops| grown / (ops as f64 * (PARTS - 1) as f64 / PARTS as f64));
    let keeper = Keeper::new(case, profile);
    let location = keeper.as_ref().map(|keeper| Location {
        function: keeper.function.clone(),
        file: None,
        line: None,
    });
    let suspect = Suspect::new(Suspicion::Memory, location)
        .with(Sign::Grown, ends[PARTS - 1] / ends[0].max(1.0))
        .with(Sign::GrowingSixths, growing_parts(&ends) as f64)
        .with_known(Sign::BytesPerOp, per_op);
    let evidence =
        format!("{} were added after the first sixth of the load", units::memory(grown.max(0.0)));
    let evidence = [evidence].into_iter().chain(keeper.map(Keeper::in_words)).collect();
    Some(Suspect { evidence, ..suspect })
}

/// The number of parts after the first in which memory grew, from the memory at the end of each.
///
/// *Example:* a leak whose sessions hold more and more adds 2, 9, 9, 9 and 16. The first of these is
/// less than a quarter of the mean of all, and all of the mean up to it: each part grows. A cache
/// that fills up adds 20, 8, 4, 1 and 0: the last two are less than a quarter of the mean up to them.
fn growing_parts(ends: &[f64]) -> usize {
    let Some(first) = ends.first() else { return 0 };
    let windows = ends.array_windows().zip(1..);
    let grows = |([before, after], parts): &(&[f64; 2], i32)| {
        let mean = (after - first) / f64::from(*parts);
        after > before && after - before >= GROWS * mean
    };
    windows.filter(grows).count()
}

/// The user function that allocated the largest share of the memory that is kept.
#[derive(Debug, PartialEq)]
struct Keeper {
    function: String,
    share: f64,
    of: &'static str,
}

impl Keeper {
    /// By what was added during the load, so that what was there before it is out of the question;
    /// by what was alive at the end if the run has no such view.
    fn new(case: &Case<'_>, profile: &Profile) -> Option<Keeper> {
        const VIEWS: [(&str, &str); 2] = [
            (GROWTH, "memory that was added after the first sixth of the load and kept"),
            (LIVE, "memory alive at the end"),
        ];
        VIEWS.into_iter().find_map(|(name, of)| {
            let view = profile.views.iter().find(|view| view.name == name)?;
            let (function, share) = largest(&view.folded, case.own_crate)?;
            Some(Keeper { function, share, of })
        })
    }

    fn in_words(self) -> String {
        let Keeper { function, share, of } = self;
        format!("{} of the {of} was allocated inside {function}", percent(share))
    }
}

/// The user function inside which most of a view was allocated, and its share; none if no function
/// stands out.
fn largest(folded: &Folded, own_crate: Option<&str>) -> Option<(String, f64)> {
    // Where the crate is not known, what no table assigns to a library is user code.
    let is_user =
        |frame: &str| is_own(frame, own_crate) && (own_crate.is_some() || !is_foreign(frame));
    let mut of = BTreeMap::<String, f64>::new();
    for (frame, weight) in folded.innermost(is_user) {
        *of.entry(own_function(frame)).or_default() += weight;
    }
    let (function, weight) = of.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let share = weight / folded.total();
    (share >= NAMED).then_some((function, share))
}
