//! Claims on profiles: the share of a view in stacks of a kind.

use crate::claims::Missing;
use crate::host::disturbance;
use crate::overhead::limits::least_share;
use crate::profile::{Profile, View};
use crate::requests::Reading;
use crate::stacks::stalls::LongPoll;
use crate::stacks::{Folded, Names, has_frame};
use crate::stats::estimate::quantile;
use lab_kit::{Stacks, Whole};
use lab_recording::folder::{self, Recording};
use lab_recording::profiler::Profiler;
use lab_recording::spec::Spec;
use std::collections::BTreeMap;

/// Half width of the interval of a share, in standard deviations: 95 % for independent samples.
const DEVIATIONS: f64 = 1.959_964;

const WATCHING: &str = "profiling overhead is as large";
const BOTH: &str = "few samples, and profiling overhead may be part of it";

/// The share in a profiled run of this variant.
pub fn reading(wanted: Stacks, run: &Recording, profiles: &[Profile]) -> Result<Reading, Missing> {
    let spec = &run.spec;
    if spec.load.files.is_some() {
        return Err(Missing::NotApplicable(
            "not judged with --files: real files stall at unknown times".into(),
        ));
    }
    let profiler = profiler_of(wanted.view);
    let looked = profiles
        .iter()
        .find(|profile| profile.spec.variant == spec.variant && Some(profile.profiler) == profiler);
    let missing = || {
        let profiler = profiler.map_or("all".into(), |profiler| profiler.to_string());
        Missing::NotApplicable(format!(
            "needs a profiler: lab run {} --variant {} --profile {profiler}",
            spec.scenario, spec.variant
        ))
    };
    let profile = looked.ok_or_else(missing)?;
    if let Some(why) = &profile.note.unavailable {
        return Err(Missing::NotMeasured(format!("the {} profiler: {why}", profile.profiler)));
    }
    if profile.was_killed_beside(run.outcome.ending) {
        return Err(Missing::NotMeasured(format!(
            "the run under the {} profiler was killed",
            profile.profiler
        )));
    }
    let view = profile.views.iter().find(|view| view.name == wanted.view);
    let nothing =
        || Missing::NotMeasured(format!("the {} profiler has no samples there", profile.profiler));
    let seen = view.and_then(|view| Some((view, share(view, &wanted, &profile.long_polls)?)));
    let widened = |(view, share): (&View, Reading)| {
        beyond_overhead(share, least_share(&view.name, &view.unit, &profile.overhead))
    };
    let share = seen.map(widened).ok_or_else(nothing)?;
    match wanted.whole {
        Whole::View => Ok(share),
        Whole::WallTime => of_wall_time(share, &profile.note.counts).ok_or_else(nothing),
    }
}

/// A share of the service's CPU time as a share of the wall time of the run: of 0.15 s of CPU time in
/// a run of 3 s, whatever share is at most a twentieth of the run. The samples tell which part of
/// the process's CPU time is the service's: the load generator may spin on a core of its own.
fn of_wall_time(share: Reading, counts: &BTreeMap<String, u64>) -> Option<Reading> {
    let count = |name: &str| counts.get(name).map(|count| *count as f64);
    let (delivered, of_the_lab) = (count("samples_delivered")?, count("samples_of_the_lab")?);
    let (cpu_ms, wall_ms) = (count("cpu_ms")?, count("wall_ms")?);
    if delivered <= 0.0 || wall_ms <= 0.0 {
        return None;
    }
    let cpus = cpu_ms / wall_ms * (delivered - of_the_lab).max(0.0) / delivered;
    Some(Reading {
        value: share.value * cpus,
        low: share.low * cpus,
        high: share.high * cpus,
        ..share
    })
}

/// The profiler that a view is of, which its name begins with.
pub fn profiler_of(view: &str) -> Option<Profiler> {
    view.split(' ').next()?.parse().ok()
}

/// The share, with the range that so few samples leave it; none if there is no stack to have a
/// share of.
fn share(view: &View, wanted: &Stacks, polls: &[LongPoll]) -> Option<Reading> {
    let names = Names::new();
    let among = |folded: &Folded| {
        let mut kept = Folded::default();
        let cleaned = names.apply(folded);
        let of_them = cleaned
            .stacks()
            .filter(|(frames, _)| wanted.among.is_empty() || has_frame(frames, wanted.among));
        of_them.for_each(|(frames, weight)| kept.add(frames, weight));
        kept
    };
    let kept = among(&view.folded);
    let share = kept.share(|frames| wanted.having.iter().all(|part| has_frame(frames, part)))?;
    let (low, high) = match (&view.samples, view.unit.as_str()) {
        (Some(samples), _) => wilson(share, among(samples).total()),
        (None, "samples") => wilson(share, kept.total()),
        // The scheduler's recording has every wait of every task: its shares are counted and not
        // sampled.
        (None, "ms") if view.name.starts_with("sched") => return Some(Reading::exact(share)),
        // A millisecond of a stall says the same as the one before it: stalls are independent,
        // their milliseconds are not.
        (None, "ms") => wider(wilson(share, kept.total()), between_polls(share, wanted, polls)),
        (None, _) => return Some(Reading::exact(share)),
    };
    Some(Reading { value: share, low, high, because: Some("few samples") })
}

fn wider(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// The range of a share of waiting by how much the long polls differ from each other: that of a
/// ratio of two sums over clusters (Cochran 1977, 2.11), a poll being a cluster.
fn between_polls(share: f64, wanted: &Stacks, polls: &[LongPoll]) -> (f64, f64) {
    let waits: Vec<(f64, f64)> =
        polls.iter().filter_map(|poll| waits_there(poll, wanted)).collect();
    let (n, all) = (waits.len() as f64, waits.iter().map(|(ms, _)| ms).sum::<f64>());
    if waits.is_empty() || all <= 0.0 {
        return (0.0, 1.0);
    }
    // The only poll that waited is all that there is to have a share of: one that never ends, say.
    if waits.len() == 1 {
        return (share, share);
    }
    let mean = waits.iter().map(|(ms, there)| ms * there).sum::<f64>() / all;
    let squares: f64 = waits.iter().map(|(ms, there)| (ms * (there - mean)).powi(2)).sum();
    let half = quantile(waits.len(), 0.975) * (n / (n - 1.0) * squares).sqrt() / all;
    ((share - half).max(0.0), (share + half).min(1.0))
}

/// How long a poll waited off the CPU, in milliseconds, and the share of that in stacks of the
/// wanted kind: by its most frequent stack, which is nearly all of a stall. None if it is not among
/// those that the claim is about.
fn waits_there(poll: &LongPoll, wanted: &Stacks) -> Option<(f64, f64)> {
    let frames: Vec<&str> = poll.stack.iter().map(|frame| &frame.function[..]).collect();
    if !wanted.among.is_empty() && !has_frame(&frames, wanted.among) {
        return None;
    }
    let ms = poll.seen_ns as f64 / 1e6 * (1.0 - poll.on_cpu);
    let there = wanted.having.iter().all(|part| has_frame(&frames, part));
    Some((ms, f64::from(u8::from(there))))
}

/// The disturbance of the host during the profile.
pub fn disturbed(wanted: Stacks, spec: &Spec, profiles: &[Profile]) -> Option<String> {
    let profiler = profiler_of(wanted.view);
    let its = |profile: &&Profile| {
        profile.spec.variant == spec.variant && Some(profile.profiler) == profiler
    };
    let recording = folder::open(&profiles.iter().find(its)?.folder).ok()?;
    disturbance(&recording.outcome)
}

/// The range widened by the profiling overhead, if known: the overhead may be in the share or
/// outside of it.
fn beyond_overhead(share: Reading, took: Option<f64>) -> Reading {
    let Some(took) = took.filter(|took| *took > 0.0) else { return share };
    let because = if share.because.is_some() { BOTH } else { WATCHING };
    let (low, high) = ((share.low - took).max(0.0), (share.high + took).min(1.0));
    Reading { value: share.value, low, high, because: Some(because) }
}

/// Wilson's interval for a share of independent samples (Wilson 1927): unlike the normal one it
/// stays within 0 and 1 and holds near both.
fn wilson(share: f64, samples: f64) -> (f64, f64) {
    if samples <= 0.0 {
        return (0.0, 1.0);
    }
    let z2 = DEVIATIONS * DEVIATIONS;
    let middle = share + z2 / (2.0 * samples);
    let half =
        DEVIATIONS * (share * (1.0 - share) / samples + z2 / (4.0 * samples * samples)).sqrt();
    let over = 1.0 + z2 / samples;
    (((middle - half) / over).max(0.0), ((middle + half) / over).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn view(unit: &str, stacks: &str) -> View {
        View {
            name: "cpu".into(),
            unit: unit.into(),
            shows: String::new(),
            folded: Folded::parse(stacks.as_bytes()).folded,
            samples: None,
            damage: Vec::new(),
        }
    }

    const WORKER: Stacks = Stacks {
        view: "cpu",
        among: "worker::run",
        having: &["shop::import", "serde_json"],
        whole: Whole::View,
    };

    #[test]
    fn a_share_is_of_the_stacks_that_are_looked_among() {
        let seen = view(
            "samples",
            "worker::run;shop::import;serde_json::parse 80\nworker::run;park 20\npacer;spin 900\n",
        );
        let reading = share(&seen, &WORKER, &[]).unwrap();
        assert_eq!(reading.value, 0.8);
        assert!(
            (0.70..0.72).contains(&reading.low) && (0.86..0.88).contains(&reading.high),
            "{reading:?}"
        );
        assert_eq!(share(&view("samples", "pacer;spin 900\n"), &WORKER, &[]), None);
    }

    #[test]
    fn few_samples_of_a_run_that_waits_are_certainly_little_of_its_time() {
        let counts = |cpu, wall, of_the_lab| {
            let counts = [
                ("cpu_ms", cpu),
                ("wall_ms", wall),
                ("samples_delivered", 100),
                ("samples_of_the_lab", of_the_lab),
            ];
            BTreeMap::from(counts.map(|(name, count)| (name.to_owned(), count)))
        };
        let seen = view("samples", "worker::run;read 1\nworker::run;park 14\n");
        let among = Stacks { among: "", having: &["read"], whole: Whole::WallTime, ..WORKER };
        let share = share(&seen, &among, &[]).unwrap();
        assert!(share.high > 0.29, "{share:?}");
        let of_wall = of_wall_time(share.clone(), &counts(150, 3_000, 0)).unwrap();
        assert!(of_wall.high < 0.015 && of_wall.low > 0.0, "{of_wall:?}");
        let busy = of_wall_time(Reading::exact(0.9), &counts(3_000, 3_000, 0)).unwrap();
        assert_eq!(busy.value, 0.9, "one that computes is nearly all of its time");
        assert_eq!(of_wall_time(share.clone(), &counts(150, 0, 0)), None);
        let beside_a_pacer = of_wall_time(share, &counts(3_150, 3_000, 95)).unwrap();
        assert!(beside_a_pacer.high < 0.016, "what spins beside it is not its own");
    }

    #[test]
    fn a_poll_that_waits_alone_is_all_there_is_and_several_tell_how_they_differ() {
        let poll = |seen_ms: u64, function: &str| -> LongPoll {
            let frame = json!({"function": function});
            let poll = json!({
                "task": 1, "thread": 1, "poll": 1, "begin_ns": 0, "seen_ns": seen_ms * 1_000_000,
                "samples": seen_ms, "on_cpu": 0.0, "runnable": 0.0, "stack": [frame],
                "stack_share": 1.0, "waits": [],
            });
            serde_json::from_value(poll).unwrap()
        };
        let reads =
            Stacks { view: "stall off-CPU", among: "", having: &["read"], whole: Whole::View };
        let range = |polls: &[LongPoll]| between_polls(1.0, &reads, polls);
        assert_eq!(range(&[]), (0.0, 1.0));
        assert_eq!(range(&[poll(4_000, "read")]), (1.0, 1.0));
        let (low, high) = range(&[poll(250, "read"), poll(250, "read"), poll(100, "lock")]);
        assert!(low < 0.9 && high == 1.0, "{low} to {high}");
    }

    #[test]
    fn what_was_timed_and_not_sampled_is_exact() {
        let seen = view("us", "worker::run;shop::import;serde_json::parse 1\nworker::run;park 3\n");
        assert_eq!(share(&seen, &WORKER, &[]), Some(Reading::exact(0.25)));
    }

    #[test]
    fn a_claim_that_overhead_alone_could_decide_is_not_measured() {
        let wider = |value: f64, took| beyond_overhead(Reading::exact(value), took);
        let verdict =
            |reading: &Reading| crate::claims::compare(reading, lab_kit::Bound::AtLeast(0.8));
        assert_eq!(verdict(&wider(0.849, Some(0.05))), crate::claims::Verdict::NotMeasured);
        assert_eq!(verdict(&wider(0.851, Some(0.05))), crate::claims::Verdict::Held);
        assert_eq!(verdict(&wider(0.749, Some(0.05))), crate::claims::Verdict::Broken);
        assert_eq!(wider(0.8, None), Reading::exact(0.8), "where the price is not known it stands");
        let all = wider(0.99, Some(0.05));
        assert_eq!((all.high, all.because), (1.0, Some(WATCHING)));
    }

    #[test]
    fn wilsons_interval_is_the_published_one() {
        // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        let cases = [
            (81.0, 263.0, 0.2553, 0.3662),
            (15.0, 148.0, 0.0624, 0.1605),
            (0.0, 20.0, 0.0, 0.1611),
            (1.0, 29.0, 0.0061, 0.1718),
        ];
        for (hits, of, low, high) in cases {
            let found = wilson(hits / of, of);
            assert!(
                (found.0 - low).abs() < 5e-5 && (found.1 - high).abs() < 5e-5,
                "{hits} of {of}: {found:?}"
            );
        }
        assert_eq!(wilson(0.0, 0.0), (0.0, 1.0));
    }

    #[test]
    fn a_view_names_its_profiler() {
        assert_eq!(profiler_of("stall off-CPU"), Some(Profiler::Stall));
        assert_eq!(profiler_of("gpu"), None);
    }
}
