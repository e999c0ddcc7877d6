//! The profiler `sched` through the real binary: who is blamed, who is not, and what a run leaves
//! that never ends. Who and whom, and shares with wide bounds, no times; what the machine did is
//! left out of the shares.

#![cfg(tokio_unstable)]

use crate::support::Lab;
use lab_analysis::profile::{Profile, read_all};
use lab_analysis::scheduler::{Blame, Culprit, Sched, worth};
use lab_analysis::stacks::{Names, Plumbing};

fn looked_into(scenario: &str, variant: &str, more: &[&str]) -> Profile {
    profiled(&Lab::builtin(), scenario, variant, more)
}

fn profiled(lab: &Lab, scenario: &str, variant: &str, more: &[&str]) -> Profile {
    let args = ["run", scenario, "--variant", variant, "--profile", "sched"];
    let done = lab.passed_but_for_times(&[&args[..], more].concat());
    let mut profiles = read_all(&lab.newest());
    assert_eq!(profiles.len(), 1, "{}{}", done.stdout, done.stderr);
    profiles.remove(0)
}

fn sched(profile: &Profile) -> &Sched {
    profile.sched.as_ref().unwrap_or_else(|| panic!("nothing was seen: {:?}", profile.note))
}

fn blame(sched: &Sched) -> &Blame {
    sched.blame.as_ref().unwrap()
}

/// Of what the requests waited for and was no lack of cores, the share that is charged to polls
/// whose function has this name.
fn share_of(sched: &Sched, function: &str) -> f64 {
    let of_requests = |culprit: Culprit, victim: usize| {
        sched.task_kinds[victim].name == "requests" && culprit != Culprit::Kernel
    };
    let is_his = |culprit: Culprit| matches!(culprit, Culprit::TaskKind(task_kind) if sched.task_kinds[task_kind].function.as_deref() == Some(function));
    let edges = || blame(sched).edges.iter().filter(|edge| of_requests(edge.culprit, edge.victim));
    let all: f64 = edges().map(|edge| edge.ms).sum();
    edges().filter(|edge| is_his(edge.culprit)).map(|edge| edge.ms).sum::<f64>() / all
}

fn charges_add_up(sched: &Sched) {
    let charged: f64 = blame(sched).edges.iter().map(|edge| edge.ms).sum();
    let waited = blame(sched).waited_ms;
    assert!((charged - waited).abs() <= 0.001 * waited, "{charged} ms of {waited}");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn the_waiting_of_requests_is_charged_to_the_import_by_its_function() {
    let profile = looked_into("greedy", "buggy", &["--duration", "1s"]);
    let sched = sched(&profile);
    charges_add_up(sched);
    let share = share_of(sched, "scenario_greedy::buggy::import");
    assert!(share >= 0.9, "{share}: {:#?}", sched.blame);
    let first = worth(sched)[0];
    assert_eq!(sched.task_kinds[first.victim].name, "requests");
    assert!(
        sched.worst.as_ref().is_some_and(|worst| !worst.rows.is_empty() && worst.waited_ms > 0.0)
    );
    let view = &profile.views[0];
    let total = view.folded.total();
    assert!(
        (total - blame(sched).waited_ms).abs() <= 0.01 * total,
        "the picture is as wide as the waiting"
    );
    let probe = sched.probe.as_ref().unwrap();
    // Which of the two the import delays is a matter of luck: it runs before the probe's wake-up is
    // polled, or, where the host is slow, within its only yield.
    let longest_us = probe.wake_delay_us.max.max(probe.yield_us.max);
    assert!(probe.wake_ups > 0 && longest_us > 10_000.0, "the import delays the probe: {probe:?}");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn the_waiting_of_requests_is_charged_to_the_blocking_read() {
    let lab = Lab::builtin();
    let profile = profiled(&lab, "blocking", "buggy", &["--duration", "1s"]);
    charges_add_up(sched(&profile));
    let share = share_of(sched(&profile), "scenario_blocking::buggy::index");
    assert!(share >= 0.8, "{share}: {:#?}", sched(&profile).blame);
    let cleaned = Names::new().fold(Plumbing::Shown).apply(&profile.views[0].folded);
    let has = |frames: &[&str], part: &str| frames.iter().any(|frame| frame.contains(part));
    // Of what was charged to the function: waiting for a core is no matter of names. The rest of it
    // is computing, which takes longer beside other tests, and the read does not.
    let charged = cleaned
        .share(|frames| has(frames, "requests waits") && has(frames, "buggy::index"))
        .unwrap();
    let reads = cleaned
        .share(|frames| has(frames, "requests waits") && has(frames, "read_to_string"))
        .unwrap();
    let recording = lab_recording::folder::open(&profile.folder).unwrap();
    let is_quiet = lab_analysis::host::disturbance(&recording.outcome).is_none();
    let least = if is_quiet { 0.4 } else { 0.2 };
    assert!(reads >= least * charged, "{reads} of {charged} is for the read, by name");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn what_is_slow_and_holds_no_worker_is_not_blamed() {
    for (scenario, variant) in [("greedy", "slow-upstream"), ("shutdown", "slow-drain")] {
        let profile = looked_into(scenario, variant, &[]);
        let sched = sched(&profile);
        charges_add_up(sched);
        let blamed: Vec<_> = worth(sched);
        assert!(blamed.is_empty(), "{variant}: {blamed:?} of {:?}", sched.task_kinds);
        assert!(
            sched.task_kinds.iter().any(|task_kind| task_kind.polls > 100),
            "and yet something was looked at"
        );
    }
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_run_that_never_ends_keeps_what_was_seen_and_its_open_poll() {
    let profile = looked_into("shutdown", "buggy", &["--timeout", "3s"]);
    let sched = sched(&profile);
    assert!(sched.notes.iter().any(|note| note.contains("killed")), "{:?}", sched.notes);
    assert!(
        sched.events > 100 && sched.wall_ms > 500.0,
        "{} events in {} ms",
        sched.events,
        sched.wall_ms
    );
}
