//! What watching cost, through the real binary: every profiler says it of its own run, or why it
//! cannot, and every page has the section.

use crate::support::Lab;
use lab_analysis::profile::{Profile, read_all};

fn assert_measured(profile: &Profile) {
    let profiler = profile.profiler;
    if let Some(why) = &profile.note.unavailable {
        assert!(
            profile.overhead.is_err(),
            "{profiler} did not look ({why}), so it cost nothing that is known"
        );
        return;
    }
    if profile.ending != lab_kit::Ending::Finished {
        assert!(profile.overhead.is_err(), "{profiler}: a run that {} has no sum", profile.ending);
        return;
    }
    assert!(profile.folder.join("overhead.json").is_file(), "{profiler} left what it cost");
    let cost = profile.overhead.as_ref().unwrap_or_else(|why| panic!("{profiler}: {why}"));
    let share = cost.share;
    assert!(
        0.0 < share.low && share.low <= share.mid && share.mid <= share.high && share.high <= 1.0,
        "{profiler}: {cost:?}"
    );
    assert!(cost.threads_ms > 0.0, "{profiler} has threads of its own: {cost:?}");
    assert_eq!(
        cost.complete,
        cost.missing.is_empty(),
        "{profiler} gives a reason for what is missing: {cost:?}"
    );
    assert!(
        cost.per_event.iter().any(|event| event.count > 0 && event.ns.mid > 0.0),
        "{profiler}: {cost:?}"
    );
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn every_profiler_measures_its_own_share_and_the_page_tells_it() {
    let lab = Lab::builtin();
    let args = ["run", "greedy", "--variant", "fixed", "--duration", "1s", "--profile", "all"];
    let done = lab.passed_but_for_times(&args);
    let folder = lab.newest();
    let profiles = read_all(&folder);
    assert_eq!(profiles.len(), 5, "a run for each profiler");
    profiles.iter().for_each(assert_measured);
    assert!(
        profiles.iter().any(|profile| profile.overhead.is_ok()),
        "at least one of them came to its end"
    );
    assert!(done.stdout.contains("overhead"), "{}", done.stdout);
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(
        page.contains("<summary>Profiling overhead</summary>") && !page.contains("No profiled run")
    );
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_run_that_nobody_watched_says_so() {
    let lab = Lab::builtin();
    lab.passed_but_for_times(&[
        "run",
        "greedy",
        "--fixed",
        "--duration",
        "300ms",
        "--profile",
        "none",
    ]);
    let folder = lab.newest();
    lab.passed_but_for_times(&[
        "report",
        folder.to_str().unwrap(),
        "--html",
        lab.out.path().join("page.html").to_str().unwrap(),
    ]);
    let page = std::fs::read_to_string(lab.out.path().join("page.html")).unwrap();
    assert!(
        page.contains("<summary>Profiling overhead</summary>") && page.contains("No profiled run")
    );
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_run_that_was_killed_says_that_its_price_is_not_known() {
    let lab = Lab::builtin();
    let args =
        ["run", "shutdown", "--variant", "buggy", "--profile", "stall", "--timeout", "3s", "-v"];
    let done = lab.passed(&args);
    assert!(done.stdout.contains("stall: not measured: the run was killed"), "{}", done.stdout);
}
