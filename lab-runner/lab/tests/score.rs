//! `lab score` through the real binary: its plan, its document, what it asks of others. How good a diagnosis is, no test says.

mod support;

use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use support::{Lab, processes_with, signal, until};

/// Fails unless a document is what the schema says.
fn assert_follows_the_schema(result: &Value) {
    let text = include_str!("../../schema/lab.score.v2.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap();
    let errors: Vec<String> = schema.iter_errors(result).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{result:#}");
}

#[test]
fn a_dry_run_tells_the_cells_and_makes_nothing() {
    let lab = Lab::builtin();
    let plan = lab.done(&["score", "unordered", "--dry-run"]);
    assert_eq!((plan.code, plan.stderr.as_str()), (0, ""));
    assert!(plan.stdout.starts_with("001-unordered-buggy "), "{}", plan.stdout);
    assert!(plan.stdout.contains("22 of 22 planned runs"), "{}", plan.stdout);
    assert_eq!(plan.stdout.lines().filter(|line| line.ends_with(" neighbour")).count(), 11, "{}", plan.stdout);
    let (_, cells) = lab.json(&["score", "unordered", "--dry-run"]);
    assert_eq!((&cells[11]["asked"]["size"], &cells[11]["load"]), (&5_000.into(), &"half".into()));
    assert!(lab.runs().is_empty(), "a dry run makes nothing");
}

/// With two workers the other one takes the requests, and silence would be right.
#[test]
fn the_whole_matrix_leaves_out_what_cannot_show() {
    let lab = Lab::builtin();
    let plan = lab.done(&["score", "greedy", "--thorough", "--seeds", "7", "--dry-run"]).stdout;
    // Eleven variants, two loads, two numbers of workers, with and without a noisy neighbour; four variants are faulty on one worker alone.
    assert!(plan.contains("72 of 72 planned runs") && plan.contains("16 in which the fault does not occur"), "{plan}");
}

#[test]
fn all_short_scores_fit_into_four_minutes() {
    let plan = Lab::builtin().done(&["score", "--dry-run"]).stdout;
    let seconds = plan.split("about ").last().and_then(|rest| rest.split(' ').next()).unwrap();
    assert!(seconds.parse::<u64>().unwrap() <= 240, "{plan}");
    for scenario in lab::SCENARIOS {
        for variant in scenario.variants {
            assert!(plan.contains(&format!("-{}-{} ", scenario.name, variant.name)), "{} is run", variant.name);
        }
    }
}

#[test]
fn wrong_input_is_refused() {
    let lab = Lab::builtin();
    for (args, says) in [
        (&["score", "gredy"][..], "try greedy"),
        (&["score", "--seeds", "many"], "whole number"),
        (&["score", "--scanner", "/no/such/thing"], "try --scanner"),
        (&["score", "--from", "/no/such/folder"], "lab score makes one"),
        (&["score", "--format", "ledger"], "markdown"),
    ] {
        let done = lab.done(args);
        assert_eq!((done.code, done.stderr.lines().count()), (2, 1), "{args:?}: {}", done.stderr);
        assert!(done.stderr.contains(says), "{args:?}: {}", done.stderr);
    }
    assert!(lab.runs().is_empty(), "nothing was made");
}

/// Another scanner that finds the same everywhere: right on what is quadratic, and an accusation on all else.
#[test]
fn a_score_follows_its_schema_and_can_be_read_again() {
    let lab = Lab::builtin();
    let scanner = lab.out.path().join("scan");
    std::fs::write(&scanner, "#!/bin/sh\ntest -f \"$1/spec.json\" && echo quadratic-combinator\n").unwrap();
    std::fs::set_permissions(&scanner, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (code, score) = lab.json(&["score", "unordered", "--scanner", scanner.to_str().unwrap()]);
    assert!([0, 3, 4].contains(&code), "{score:#}");
    assert_follows_the_schema(&score);
    let (overall, other) = (&score["overall"], &score["scanner"]);
    let runs = score["runs"].as_array().unwrap();
    let faulty = runs.iter().filter(|run| run.get("truth").is_some()).count();
    assert_eq!((&overall["recall"]["of"], &other["recall"]["hits"]), (&faulty.into(), &faulty.into()));
    assert_eq!(other["specificity"]["hits"], 0, "it accuses everybody");
    assert!(
        runs.iter().any(|run| run["neighbour"] == true) && processes_with("__neighbour").is_empty(),
        "no neighbour is left"
    );
    let folder = score["recording"].as_str().unwrap();
    let (again, reread) = lab.json(&["score", "--from", folder]);
    assert_eq!((again, &reread), (code, &score), "recordings are enough");
    let (reported, report) = lab.json(&["report", folder]);
    assert_eq!((reported, &report), (code, &score));
    let table = lab.done(&["score", "--from", folder, "--format", "markdown"]).stdout;
    assert!(table.contains("| all runs |") && table.contains("| unordered |"), "{table}");
    let text = lab.done(&["score", "--from", folder]).stdout;
    assert!(text.contains("recall") && !text.contains("--scanner CMD scores"), "{text}");
}

#[test]
fn a_neighbour_dies_with_its_parent() {
    let lab = Lab::builtin();
    let script = format!("'{}' __neighbour $$ & wait", lab.binary().display());
    let mut shell = Command::new("sh").args(["-c", &script]).spawn().unwrap();
    let neighbour = format!("__neighbour\0{}", shell.id());
    until("the neighbour runs", || !processes_with(&neighbour).is_empty());
    signal("KILL", shell.id());
    shell.wait().unwrap();
    until("the neighbour is gone", || processes_with(&neighbour).is_empty());
}

/// Runs that were done stay, and no noisy neighbour does.
#[test]
fn an_interrupted_score_says_where_its_recordings_are() {
    let lab = Lab::builtin();
    let mut command = lab.command(&["score", "shutdown"]);
    let score = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    until("a run is going on", || !lab.runs().is_empty());
    signal("INT", score.id());
    let output = score.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("lab score --from") && said.contains("/score-"), "{said}");
}
