//! `scenario-blocking` through the real binary: endings, counts, and that nothing is left behind.

use crate::support::{Lab, assert_follows_the_schema, processes_with, signal, until};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;

/// Short stalls, so that a test does not take long.
const LOAD: [&str; 8] =
    ["--stall", "150ms", "--duration", "800ms", "--size", "100kB", "--timeout", "120s"];

fn metric(run: &Value, name: &str) -> f64 {
    run["metrics"][name].as_f64().unwrap_or_else(|| panic!("no {name} in {run:#}"))
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn every_variant_answers_everything_and_leaves_no_pipe() {
    let lab = Lab::builtin();
    let args = [&["run", "blocking", "--all"][..], &LOAD, &["--format", "json"]].concat();
    let result = lab.passed_but_for_times(&args).json();
    assert_follows_the_schema(&result);
    for run in result["runs"].as_array().unwrap() {
        assert_eq!((&run["ending"], metric(run, "lost")), (&"finished".into(), 0.0), "{run:#}");
        let answered = metric(run, "files_processed")
            + metric(run, "files_timed_out")
            + metric(run, "files_failed");
        assert_eq!(metric(run, "files_offered"), answered, "{run:#}");
        assert_eq!(metric(run, "files_failed"), 0.0, "{run:#}");
    }
    assert_eq!(scratch_folders(&lab), 0);
    let of = |variant: &str, name: &str| {
        let runs = result["runs"].as_array().unwrap();
        metric(runs.iter().find(|run| run["variant"] == variant).unwrap(), name)
    };
    assert_eq!((of("buggy", "pool_threads"), of("dedicated-thread", "pool_threads")), (0.0, 0.0));
    assert_eq!(of("small-pool", "pool_threads"), 1.0);
    assert_eq!(
        of("buggy", "files_timed_out"),
        0.0,
        "a deadline cannot fire in a poll that does not return"
    );
    assert_eq!(of("block-in-place", "files_timed_out"), 0.0);
}

fn scratch_folders(lab: &Lab) -> usize {
    lab.runs().iter().filter(|run| run.join("scratch").exists()).count()
}

fn has_pipes(lab: &Lab) -> bool {
    lab.runs().iter().any(|run| {
        std::fs::read_dir(run.join("scratch")).is_ok_and(|mut pipes| pipes.next().is_some())
    })
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_kill_leaves_no_pipe() {
    let lab = Lab::builtin();
    let endless = ["run", "blocking", "--stall", "5s", "--size", "1kB", "--profile", "none"];
    let mut parent = lab.command(&endless).stdout(Stdio::null()).spawn().unwrap();
    until("there are pipes", || has_pipes(&lab));
    let folder = lab.out.path().display().to_string();
    let child =
        || processes_with("__child").into_iter().find(|pid| processes_with(&folder).contains(pid));
    until("the child is there", || child().is_some());
    signal("KILL", child().unwrap());
    assert_eq!(parent.wait().unwrap().code(), Some(3), "it claims to end by itself");
    assert_eq!(scratch_folders(&lab), 0);
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn what_a_killed_lab_left_is_removed_by_the_next_one() {
    let lab = Lab::builtin();
    let mut parent =
        lab.command(&["run", "blocking", "--stall", "5s", "--size", "1kB"]).spawn().unwrap();
    until("there are pipes", || has_pipes(&lab));
    signal("KILL", parent.id());
    parent.wait().unwrap();
    until("the child is gone", || processes_with(&lab.out.path().display().to_string()).is_empty());
    assert_eq!(scratch_folders(&lab), 1, "nobody was left to remove it");
    lab.passed(&["run", "unordered", "--fixed", "--size", "100", "--profile", "none"]);
    assert_eq!(scratch_folders(&lab), 0);
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn real_files_are_read_and_only_claims_about_them_are_judged() {
    let lab = Lab::builtin();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/cmd").display().to_string();
    let args = ["run", "blocking", "--files", &folder, "--duration", "800ms", "--timeout", "120s"];
    let result = lab.passed_json(&[&args[..], &["--profile", "none"]].concat());
    assert_follows_the_schema(&result);
    let run = &result["runs"][0];
    assert!(metric(run, "files_processed") >= 3.0 && metric(run, "bytes_processed") > 0.0);
    let about_stalls = run["claims"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|claim| claim["measure"].to_string().contains("stall"));
    assert!(about_stalls.clone().count() >= 3);
    for claim in about_stalls {
        assert_eq!(claim["verdict"], "not measured", "{claim}");
    }
}
