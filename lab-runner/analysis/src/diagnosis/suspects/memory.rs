//! Memory that is retained during the load.

use crate::diagnosis::Case;
use crate::diagnosis::sign::Sign;
use crate::diagnosis::suspect::{Location, Suspect, Suspicion};
use crate::diagnosis::suspects::profile_under;
use crate::profile::Profile;
use crate::stacks::is_own;
use crate::units::{bytes, percent};
use lab_recording::profiler::Profiler;

/// The number of parts of the load. The first is left out: caches and buffers fill up during
/// it.
const PARTS: usize = 6;

pub fn memory(case: &Case<'_>) -> Vec<Suspect> {
    profile_under(case, Profiler::Alloc)
        .and_then(|profile| suspect(case, profile))
        .into_iter()
        .collect()
}

fn suspect(case: &Case<'_>, profile: &Profile) -> Option<Suspect> {
    let load_ms = profile.spec.load.duration_ms as f64;
    let looks: Vec<_> = profile.memory.iter().filter(|at| at.ms <= load_ms).collect();
    // A look in each part at least, with some to spare; a batch has no load that lasts.
    if load_ms <= 0.0 || looks.len() < 3 * PARTS {
        return None;
    }
    let end_of = |part: usize| looks[part * (looks.len() - 1) / PARTS].allocated as f64;
    let ends: Vec<f64> = (1..=PARTS).map(end_of).collect();
    let growing = ends.array_windows().filter(|[before, after]| after > before).count();
    let grown = ends[PARTS - 1] - ends[0];
    let per_op = profile
        .ops
        .filter(|ops| *ops > 0)
        .map(|ops| grown / (ops as f64 * (PARTS - 1) as f64 / PARTS as f64));
    let suspect = Suspect::new(Suspicion::Memory, keeper(case, profile))
        .with(Sign::Grown, ends[PARTS - 1] / ends[0].max(1.0))
        .with(Sign::GrowingSixths, growing as f64)
        .with_known(Sign::BytesPerOp, per_op);
    let evidence = vec![format!(
        "{} more at the end of the load than after its first sixth",
        bytes(grown.max(0.0) as usize)
    )];
    Some(Suspect {
        evidence: evidence.into_iter().chain(share(case, profile)).collect(),
        ..suspect
    })
}

/// The user function with the largest share of the memory alive at the end.
fn most(case: &Case<'_>, profile: &Profile) -> Option<(String, f64)> {
    let view = profile.views.iter().find(|view| view.name == "alloc live")?;
    let (mut all, mut of) = (0.0, std::collections::BTreeMap::<String, f64>::new());
    for (frames, weight) in view.folded.stacks() {
        all += weight;
        let own = frames.iter().rev().find(|frame| is_own(frame, case.own_crate));
        if let Some(own) = own {
            *of.entry(crate::stacks::without_closures(own)).or_default() += weight;
        }
    }
    let (function, weight) = of.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (all > 0.0).then(|| (function, weight / all))
}

fn keeper(case: &Case<'_>, profile: &Profile) -> Option<Location> {
    most(case, profile).map(|(function, _)| Location { function, file: None, line: None })
}

fn share(case: &Case<'_>, profile: &Profile) -> Option<String> {
    let (function, share) = most(case, profile)?;
    Some(format!(
        "{} of the memory alive at the end was allocated inside {function}",
        percent(share)
    ))
}
