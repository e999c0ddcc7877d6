//! Real child processes: every ending leaves a recording that `lab report` reads, and nothing
//! survives.

use crate::support::{Done, Lab, processes_with, signal, until};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs one variant, checks that reading its recording again says the same, and returns its run.
fn run(lab: &Lab, variant: &str, more: &[&str]) -> (i32, Value) {
    let (code, result) = lab.json(&[&["run", "endings", "--variant", variant], more].concat());
    let (code_again, again) = lab.json(&["report", &lab.runs()[0].display().to_string()]);
    assert_eq!(code, code_again, "the verdict comes from the recording");
    assert_eq!(result["runs"], again["runs"]);
    (code, result["runs"][0].clone())
}

fn metric(run: &Value, name: &str) -> f64 {
    run["metrics"][name].as_f64().unwrap_or_else(|| panic!("no {name} in {run:#}"))
}

/// Checks what was measured before the run ended as it did: 100 requests after 50 of warm-up.
pub fn assert_all_was_measured(run: &Value) {
    assert_eq!(
        (metric(run, "offered"), metric(run, "completed"), metric(run, "lost")),
        (100.0, 100.0, 0.0)
    );
    assert_eq!(metric(run, "greeted"), 150.0);
    assert!(metric(run, "response_p50_us") > 0.0);
}

#[test]
fn a_quick_run_finishes_and_its_claim_holds() {
    let lab = Lab::endings();
    let (code, run) = run(&lab, "quick", &[]);
    assert_eq!(
        (code, run["ending"].as_str(), run["validity"].as_str()),
        (0, Some("finished"), Some("valid"))
    );
    assert_eq!(run["claims"][0]["verdict"], "held");
    assert_all_was_measured(&run);
}

#[test]
fn a_hang_is_a_result() {
    let lab = Lab::endings();
    let (code, run) = run(&lab, "hang", &["--timeout", "5s"]);
    assert_eq!((code, run["ending"].as_str()), (0, Some("hung")), "it claims to hang");
    assert!(run["text"].as_str().unwrap().contains("still running after 5000 ms"));
    assert_all_was_measured(&run);
}

#[test]
fn a_child_that_will_not_end_is_killed() {
    let lab = Lab::endings();
    let (code, run) = run(&lab, "stubborn", &["--timeout", "5s"]);
    assert_eq!((code, run["ending"].as_str()), (0, Some("hung")));
    assert!(processes_with(&lab.out.path().display().to_string()).is_empty());
}

#[test]
fn an_error_and_a_panic_are_failures_with_their_text() {
    let lab = Lab::endings();
    let (code, failed) = run(&lab, "error", &[]);
    assert_eq!(code, 3, "a variant that claims nothing else is held to end by itself");
    assert_eq!(
        (failed["ending"].as_str(), failed["text"].as_str()),
        (Some("failed"), Some("no more greetings"))
    );
    assert_all_was_measured(&failed);
    let lab = Lab::endings();
    let (_, panicked) = run(&lab, "panic", &[]);
    let text = panicked["text"].as_str().unwrap();
    assert!(text.contains("endings.rs") && text.ends_with("too many greetings"), "{text}");
    assert_all_was_measured(&panicked);
}

#[test]
fn leaving_the_process_early_is_a_failure() {
    let lab = Lab::endings();
    let (_, run) = run(&lab, "exit", &[]);
    assert_eq!(run["ending"], "failed");
    assert!(run["text"].as_str().unwrap().contains("exit code 7"));
    assert_all_was_measured(&run);
}

#[test]
fn a_crash_keeps_what_was_measured_and_breaks_the_claim_to_end_well() {
    let lab = Lab::endings();
    let (code, run) = run(&lab, "abort", &[]);
    assert_eq!(
        (code, run["ending"].as_str(), run["text"].as_str()),
        (3, Some("crashed"), Some("killed by SIGABRT"))
    );
    assert_all_was_measured(&run);
}

#[test]
fn a_grandchild_does_not_outlive_its_run() {
    let lab = Lab::endings();
    let (_, run) = run(&lab, "fork", &[]);
    assert_eq!(run["ending"], "finished");
    assert!(run["notes"].to_string().contains("1 process outlived the run"), "{run:#}");
    let printed = std::fs::read_to_string(lab.runs()[0].join("stdout.txt")).unwrap();
    let grandchild: u32 = printed.trim().parse().unwrap();
    assert!(!processes_with("sleep\x00600").contains(&grandchild), "it was killed");
}

#[test]
fn what_a_scenario_prints_goes_to_its_folder_and_not_into_the_document() {
    let lab = Lab::endings();
    let (_, run) = run(&lab, "print", &[]);
    assert_eq!(run["ending"], "finished");
    let printed = std::fs::read_to_string(lab.runs()[0].join("stdout.txt")).unwrap();
    assert_eq!(printed, ".".repeat(1 << 20));
}

#[test]
fn a_child_killed_from_outside_has_crashed() {
    let lab = Lab::endings();
    let mut parent = lab.start(&["run", "endings", "--variant", "quick", "--duration", "60s"]);
    let folder = lab.runs()[0].display().to_string();
    let child = || processes_with(&folder);
    until("the child is there", || !child().is_empty());
    signal("KILL", child()[0]);
    parent.wait().unwrap();
    let (_, result) = lab.json(&["report", &folder]);
    let run = &result["runs"][0];
    assert_eq!(
        (run["ending"].as_str(), run["text"].as_str()),
        (Some("crashed"), Some("killed by SIGKILL"))
    );
    assert!(metric(run, "offered") < 30_000.0, "only what was due before the kill was offered");
}

fn interrupt_with(name: &str) -> (Lab, Done) {
    let lab = Lab::endings();
    let parent = lab.start(&["run", "endings", "--variant", "quick", "--duration", "60s"]);
    let folder = lab.runs()[0].display().to_string();
    signal(name, parent.id());
    let done = Done::from(parent.wait_with_output().unwrap());
    until("the child is gone", || processes_with(&folder).is_empty());
    (lab, done)
}

#[test]
fn an_interrupt_keeps_the_recording_and_says_where_it_is() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let (lab, done) = interrupt_with(name);
        assert_eq!((done.code, done.stdout.as_str()), (code, ""));
        let invocation = lab.runs()[0].parent().unwrap().display().to_string();
        assert!(done.stderr.contains(&invocation), "{}", done.stderr);
        let (_, result) = lab.json(&["report", &invocation]);
        let last = result["runs"].as_array().unwrap().last().unwrap();
        assert_eq!(last["ending"], "unfinished", "{last:#}");
        assert_eq!(last["text"], format!("interrupted by SIG{name}"));
    }
}

#[test]
fn a_parent_that_is_killed_takes_its_child_along_and_leaves_an_unfinished_recording() {
    let lab = Lab::endings();
    let mut parent = lab.start(&["run", "endings", "--variant", "hang"]);
    let folder = lab.runs()[0].display().to_string();
    signal("KILL", parent.id());
    parent.wait().unwrap();
    until("the child is gone", || processes_with(&folder).is_empty());
    let (_, result) = lab.json(&["report", &folder]);
    assert_eq!(result["runs"][0]["ending"], "unfinished");
    assert!(result["runs"][0]["text"].as_str().unwrap().contains("the lab was killed"));
}

#[test]
fn a_binary_that_is_built_anew_meanwhile_does_not_end_the_runs_of_the_one_before() {
    let lab = Lab::endings();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("lab");
    std::fs::copy(lab.binary(), &copy).unwrap();
    let mut command = Command::new(&copy);
    command.args(["run", "endings", "--variant", "quick", "--trials", "3", "--format", "json"]);
    command.arg("--out").arg(lab.out.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let parent = command.spawn().unwrap();
    until("a run has begun", || !lab.runs().is_empty());
    let built = folder.path().join("built");
    std::fs::write(&built, "no binary").unwrap();
    std::fs::rename(&built, &copy).unwrap();
    let done = Done::from(parent.wait_with_output().unwrap());
    let result = done.json();
    let endings: Vec<_> =
        result["runs"].as_array().unwrap().iter().map(|run| run["ending"].clone()).collect();
    assert_eq!(endings, ["finished"; 3], "{}", done.stderr);
}

#[test]
fn a_recording_of_a_scenario_that_this_binary_lacks_is_shown_and_not_judged() {
    let lab = Lab::endings();
    lab.passed(&["run", "endings", "--variant", "quick"]);
    let (code, result) = Lab::builtin().json(&["report", &lab.runs()[0].display().to_string()]);
    assert_eq!((code, result["verdict"].as_str()), (4, Some("not measured")));
    assert_eq!(result["runs"][0]["metrics"]["completed"], 100.0);
}

#[test]
fn plain_text_is_ascii_without_colour() {
    let lab = Lab::endings();
    let done = lab.passed(&[
        "--plain",
        "run",
        "endings",
        "--variant",
        "quick",
        "--out",
        &lab.out.path().display().to_string(),
    ]);
    assert!(done.stdout.is_ascii(), "{}", done.stdout);
    let piped = lab.passed(&["run", "endings", "--variant", "quick"]);
    assert!(
        !piped.stdout.contains('\x1b') && piped.stderr.is_empty(),
        "no colour and no progress without a terminal"
    );
}

#[test]
fn a_damaged_recording_shows_what_is_left() {
    let lab = Lab::endings();
    lab.passed(&["run", "endings", "--variant", "quick"]);
    let run = lab.runs().remove(0);
    let cut = |name: &str, length: u64| {
        let file = std::fs::File::options().write(true).open(run.join(name)).unwrap();
        file.set_len(length).unwrap();
    };
    cut("requests.bin", 256 + 32 * 80);
    let (code, result) = lab.json(&["report", &run.display().to_string()]);
    assert_eq!(
        (code, result["runs"][0]["metrics"]["offered"].as_f64()),
        (0, Some(30.0)),
        "80 of 150 slots, 50 of warm-up"
    );
    cut("requests.bin", 100);
    cut("counters.bin", 4);
    cut("outcome.json", 10);
    let (code, result) = lab.json(&["report", &run.display().to_string()]);
    let run = &result["runs"][0];
    assert_eq!((code, run["ending"].as_str()), (4, Some("unfinished")));
    let notes = run["notes"].to_string();
    assert!(
        notes.contains("cannot read the requests") && notes.contains("cannot read the counters"),
        "{notes}"
    );
    assert!(Path::new(run["folder"].as_str().unwrap()).is_dir());
}
