//! The profilers through the real binary: that each fault shows its own line in the profiler that
//! can see it, and not in the one that cannot. Names and shares with wide bounds, no times.

use crate::support::Lab;
use lab_analysis::profile::{Profile, View, read_all};
use lab_analysis::stacks::{Names, Plumbing};

/// What these profilers saw of a variant.
fn looked_into(
    lab: &Lab,
    scenario: &str,
    variant: &str,
    profilers: &str,
    more: &[&str],
) -> Vec<Profile> {
    let args = ["run", scenario, "--variant", variant, "--profile", profilers];
    lab.passed_but_for_times(&[&args[..], more].concat());
    read_all(&lab.newest())
}

fn view<'a>(profiles: &'a [Profile], name: &str) -> &'a View {
    let views = || profiles.iter().flat_map(|profile| &profile.views);
    let names: Vec<&str> = views().map(|view| view.name.as_str()).collect();
    views()
        .find(|view| view.name == name)
        .unwrap_or_else(|| panic!("no {name} among {names:?}: {profiles:#?}"))
}

/// The share of a view's weight in stacks that have all of these parts; none if there is no weight.
fn share(view: &View, parts: &[&str]) -> Option<f64> {
    let cleaned = Names::new().fold(Plumbing::Shown).apply(&view.folded);
    cleaned.share(|frames| parts.iter().all(|part| frames.iter().any(|frame| frame.contains(part))))
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn the_import_that_starves_is_where_its_worker_computes() {
    let lab = Lab::builtin();
    let profiles = looked_into(&lab, "greedy", "buggy", "stall", &["--duration", "1s"]);
    let on_cpu = view(&profiles, "stall on-CPU");
    let import = share(on_cpu, &["scenario_greedy::buggy::import"]).unwrap();
    assert!(import >= 0.8, "{import} of the time in polls is the import's");
    let parsing = share(on_cpu, &["serde_json"]).unwrap();
    assert!(parsing >= 0.3, "{parsing} of it is parsing, by name");
    assert!(profiles[0].ops.is_some_and(|ops| ops > 100), "weights can be told for a request");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_blocking_read_is_seen_off_the_cpu_with_its_line() {
    let lab = Lab::builtin();
    let profiles = looked_into(&lab, "blocking", "buggy", "stall", &["--duration", "1s"]);
    let off_cpu = view(&profiles, "stall off-CPU");
    let reading = share(off_cpu, &["read_to_string", "scenario_blocking::buggy::index"]).unwrap();
    assert!(reading >= 0.9, "{reading} of the time off the CPU is the read's");
    let polls = std::fs::read_to_string(profiles[0].folder.join("stall-polls.json")).unwrap();
    assert!(polls.contains("src/buggy.rs"), "the line of our own code is there: {polls}");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn polls_in_vain_are_seen_by_name_and_are_gone_with_the_fix() {
    let lab = Lab::builtin();
    let faulty = looked_into(&lab, "unordered", "buggy", "stall", &[]);
    let vain = |profiles: &[Profile]| {
        share(view(profiles, "stall on-CPU"), &["FuturesUnordered", "poll_next"])
    };
    let before = vain(&faulty).unwrap();
    assert!(before >= 0.8, "{before} of the time is spent polling the whole set");
    let cured = looked_into(&lab, "unordered", "fixed", "stall", &[]);
    assert!(vain(&cured).is_none_or(|after| after < 0.05), "gone with the fix");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_run_that_is_killed_keeps_what_the_profiler_saw() {
    let lab = Lab::builtin();
    let profiles = looked_into(&lab, "shutdown", "buggy", "stall", &["--timeout", "3s"]);
    let waiting = view(&profiles, "stall off-CPU");
    let hang = share(waiting, &["scenario_shutdown"]).unwrap_or(0.0);
    assert!(
        hang >= 0.5,
        "{hang} of the waiting inside polls is the service that ends itself: {profiles:#?}"
    );
    assert!(
        profiles[0].note.notes.iter().any(|note| note.contains("killed")),
        "{:?}",
        profiles[0].note
    );
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_profiler_that_is_not_there_says_so_and_fails_nothing() {
    let lab = Lab::builtin();
    let done = lab.done(&["run", "greedy", "--fixed", "--duration", "300ms", "--profile", "gpu"]);
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("try --profile cpu,stall"), "{}", done.stderr);
    let none = looked_into(&lab, "greedy", "fixed", "none", &["--duration", "300ms"]);
    assert!(none.is_empty(), "nothing was looked at, and nothing is shown");
}
