//! Profiling overhead in the machine-readable result: one entry per profiled run.

use crate::report::overhead::{Beside, beside, by_profiler};
use lab_analysis::overhead::{Cost, PerEvent, Range};
use lab_analysis::profile::Profile;
use lab_analysis::results::Results;
use lab_recording::profiler::Profiler;
use lab_recording::spec::Side;
use serde::Serialize;
use std::collections::BTreeMap;

/// The overhead of one profiler in one run.
#[derive(Debug, Serialize)]
pub(crate) struct ProfiledRun<'a> {
    profiler: Profiler,
    variant: &'a str,
    /// Of a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<Side>,
    folder: String,
    /// Why the overhead is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_measured: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Measured<'a>>,
    /// Metric → its value in the unprofiled run with the same seed, and in this run.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    against_unprofiled: BTreeMap<String, [f64; 2]>,
}

#[derive(Debug, Serialize)]
struct Measured<'a> {
    /// CPU time of the profiler, as a share of the run's CPU time.
    share: f64,
    /// The confidence interval of the share.
    share_ci: [f64; 2],
    /// CPU time of the profiler, as a share of the wall time.
    wall_share: f64,
    wall_share_ci: [f64; 2],
    /// False if a part was not measured: then the share is a lower bound.
    complete: bool,
    ms: f64,
    ms_ci: [f64; 2],
    run_ms: f64,
    threads_ms: f64,
    per_event: Vec<Event<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    missing: &'a [String],
}

#[derive(Debug, Serialize)]
struct Event<'a> {
    event: &'a str,
    count: u64,
    ns: f64,
    ns_ci: [f64; 2],
}

/// The overhead of each profiled run; empty without profilers.
pub(crate) fn documents(report: &Results) -> Vec<ProfiledRun<'_>> {
    by_profiler(report)
        .into_iter()
        .flat_map(|(_, runs)| runs)
        .map(|profile| document(report, profile))
        .collect()
}

fn document<'a>(report: &Results, profile: &'a Profile) -> ProfiledRun<'a> {
    let pair = |Beside { metric, unwatched, watched }: Beside| (metric, [unwatched, watched]);
    ProfiledRun {
        profiler: profile.profiler,
        variant: &profile.spec.variant,
        side: profile.side(),
        folder: profile.folder.display().to_string(),
        not_measured: profile.overhead.as_ref().err().map(String::as_str),
        cost: profile.overhead.as_ref().ok().map(measured),
        against_unprofiled: beside(report, profile).into_iter().map(pair).collect(),
    }
}

fn measured<'a>(cost: &'a Cost) -> Measured<'a> {
    let ci = |range: Range| [range.low, range.high];
    let event = |PerEvent { what, count, ns }: &'a PerEvent| Event {
        event: what,
        count: *count,
        ns: ns.mid,
        ns_ci: ci(*ns),
    };
    Measured {
        share: cost.share.mid,
        share_ci: ci(cost.share),
        wall_share: cost.of_wall.mid,
        wall_share_ci: ci(cost.of_wall),
        complete: cost.complete,
        ms: cost.ms.mid,
        ms_ci: ci(cost.ms),
        run_ms: cost.run_ms,
        threads_ms: cost.threads_ms,
        per_event: cost.per_event.iter().map(event).collect(),
        missing: &cost.missing,
    }
}
