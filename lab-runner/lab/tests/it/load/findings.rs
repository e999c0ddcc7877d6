//! Findings through the real binary: faulty runs are named with their place, healthy ones are not,
//! and what was not looked at is said.

#![cfg(tokio_unstable)]

use crate::support::{Lab, assert_follows_the_schema, on_a_quiet_host};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Runs a variant with the profiler `sched` and tells its diagnosis, and where it was recorded.
fn diagnosed(lab: &Lab, scenario: &str, variant: &str, more: &[&str]) -> (Value, PathBuf) {
    let args = ["run", scenario, "--variant", variant, "--profile", "sched"];
    let args = [&args[..], more, &["--format", "json"]].concat();
    let result = on_a_quiet_host(|| lab.passed_but_for_times(&args).json());
    assert_follows_the_schema(&result);
    let run = PathBuf::from(result["runs"][0]["folder"].as_str().unwrap());
    (result["diagnosis"][0].clone(), run.parent().unwrap().to_owned())
}

fn accused(diagnosis: &Value) -> Vec<(&str, &str)> {
    let found = diagnosis["findings"].as_array().unwrap().iter();
    let named = found.map(|finding| {
        (finding["cause"].as_str().unwrap(), finding["function"].as_str().unwrap_or_default())
    });
    named.filter(|(cause, _)| !["host-noise", "overload"].contains(cause)).collect()
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_greedy_task_is_named_with_its_function_and_its_line() {
    let lab = Lab::builtin();
    // A short import, for other tests share the cores: it is to end before the run does.
    let load = ["--duration", "800ms", "--size", "4kB"];
    let (diagnosis, _) = diagnosed(&lab, "greedy", "buggy", &load);
    assert_eq!(
        accused(&diagnosis),
        [("long-poll", "scenario_greedy::buggy::import")],
        "{diagnosis:#}"
    );
    let finding = &diagnosis["findings"][0];
    assert!(finding["file"].as_str().unwrap().ends_with("greedy/src/buggy.rs"), "{finding:#}");
    assert!(
        finding["cost_ms"].as_f64().unwrap() > 0.0 && finding["requests_hit"].as_u64().unwrap() > 0,
        "{finding:#}"
    );
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_combinator_is_blamed_on_whoever_collects_into_it() {
    let lab = Lab::builtin();
    let (diagnosis, _) = diagnosed(&lab, "unordered", "join-all", &[]);
    assert_eq!(
        accused(&diagnosis),
        [("quadratic-combinator", "scenario_unordered::join_all::process_all")],
        "{diagnosis:#}"
    );
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_full_pool_is_blamed_on_whoever_hands_over() {
    let lab = Lab::builtin();
    let (diagnosis, _) = diagnosed(&lab, "blocking", "small-pool", &["--duration", "1s"]);
    assert_eq!(
        accused(&diagnosis),
        [("pool-exhausted", "scenario_blocking::fixed::index")],
        "{diagnosis:#}"
    );
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn what_is_slow_and_right_is_not_accused() {
    let lab = Lab::builtin();
    for (scenario, variant) in
        [("greedy", "slow-upstream"), ("shutdown", "slow-drain"), ("unordered", "few")]
    {
        let more: &[&str] = if scenario == "greedy" { &["--duration", "500ms"] } else { &[] };
        let (diagnosis, _) = diagnosed(&lab, scenario, variant, more);
        assert_eq!(accused(&diagnosis), [], "{scenario} {variant}: {diagnosis:#}");
    }
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn what_no_profiler_saw_and_what_is_lost_is_not_looked_at() {
    let lab = Lab::builtin();
    let args = [
        "run",
        "greedy",
        "--fixed",
        "--duration",
        "300ms",
        "--profile",
        "none",
        "--format",
        "json",
    ];
    let unlooked = lab.passed_but_for_times(&args).json();
    assert_eq!(unlooked["diagnosis"][0]["conclusion"], "not-enough-evidence", "{unlooked:#}");
    assert!(
        unlooked["runs"][0].get("findings").is_none(),
        "nobody looked, so there is no list of what was found"
    );
    let (_, invocation) = diagnosed(&lab, "greedy", "offload", &["--duration", "300ms"]);
    std::fs::write(profile_of(&invocation).join("in-polls.json"), "[{").unwrap();
    let args = ["report", &invocation.display().to_string(), "--format", "json"];
    let again = lab.passed_but_for_times(&args).json();
    let missed = again["diagnosis"][0]["not_examined"].to_string();
    assert!(
        missed.contains("long polls")
            && again["diagnosis"][0]["conclusion"] == "not-enough-evidence",
        "{missed}"
    );
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn two_tasks_that_wait_for_each_other_are_told_as_a_cycle_with_their_locks() {
    let lab = Lab::endings();
    let result = lab.passed_json(&[
        "run",
        "endings",
        "--variant",
        "embrace",
        "--timeout",
        "2s",
        "--profile",
        "none",
    ]);
    assert_eq!(result["runs"][0]["ending"], "hung", "{result:#}");
    let found = &result["diagnosis"][0]["findings"][0];
    assert_eq!(found["cause"], "deadlock", "{result:#}");
    assert!(
        found["file"].as_str().unwrap().ends_with("endings.rs") && found["line"].as_u64() > Some(0),
        "{found:#}"
    );
    let told = found["evidence"].to_string();
    assert!(told.contains("left") && told.contains("right"), "{told}");
    assert_eq!(
        result["diagnosis"][0]["polls_recorded"], false,
        "locks are watched where no hook is, too"
    );
}

fn profile_of(invocation: &Path) -> PathBuf {
    std::fs::read_dir(invocation.join("profiles"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.is_dir())
        .unwrap()
}
