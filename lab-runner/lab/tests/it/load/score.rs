//! `lab score` through the real binary: its plan, its document, what it asks of others. How good a
//! diagnosis is, no test says.

use crate::support::{Done, Lab, processes_with, signal, until};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

/// Fails unless a document is what the schema says.
fn assert_follows_the_schema(result: &Value) {
    let text = include_str!("../../../../schema/lab.score.v2.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap();
    let errors: Vec<String> =
        schema.iter_errors(result).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{result:#}");
}

/// The exit code that the numbers of a score ask for. How good a diagnosis is on a busy host is not
/// for a test to say.
fn exit_code(overall: &Value) -> i32 {
    let count = |share: &str, what: &str| overall[share][what].as_u64().unwrap();
    let undecided = count("undecided", "faulty") + count("undecided", "healthy");
    let is_wrong = count("recall", "hits") < count("recall", "of")
        || overall["false_positives"].as_u64().unwrap() > 0;
    match (undecided == count("recall", "of") + count("specificity", "of"), is_wrong) {
        (true, _) => 4,
        (false, true) => 3,
        (false, false) => 0,
    }
}

/// Another scanner that finds the same everywhere: right on what is quadratic, and an accusation on
/// all else.
#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_score_follows_its_schema_and_can_be_read_again() {
    let lab = Lab::builtin();
    let scanner = lab.out.path().join("scan");
    std::fs::write(&scanner, "#!/bin/sh\ntest -f \"$1/spec.json\" && echo quadratic-combinator\n")
        .unwrap();
    std::fs::set_permissions(&scanner, std::fs::Permissions::from_mode(0o755)).unwrap();
    let args = ["score", "unordered", "--scanner", scanner.to_str().unwrap(), "--format", "json"];
    let scoring = lab.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let neighbours = format!("__neighbour\0{}", scoring.id());
    let done = Done::from(scoring.wait_with_output().unwrap());
    let (code, score) = (done.code, done.json());
    assert_follows_the_schema(&score);
    assert_eq!(code, exit_code(&score["overall"]), "{score:#}");
    let (overall, other) = (&score["overall"], &score["scanner"]);
    let runs = score["runs"].as_array().unwrap();
    let faulty = runs.iter().filter(|run| run.get("truth").is_some()).count();
    assert_eq!(
        (&overall["recall"]["of"], &other["recall"]["hits"]),
        (&faulty.into(), &faulty.into())
    );
    assert_eq!(other["specificity"]["hits"], 0, "every healthy run has a finding");
    assert!(
        runs.iter().any(|run| run["neighbour"] == true) && processes_with(&neighbours).is_empty(),
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
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
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
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn an_interrupted_score_says_where_its_recordings_are() {
    let lab = Lab::builtin();
    let mut command = lab.command(&["score", "shutdown"]);
    let score = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    until("a run is going on", || !lab.runs().is_empty());
    signal("INT", score.id());
    let output = score.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("lab score --from") && said.contains("/score-"), "{said}");
}
