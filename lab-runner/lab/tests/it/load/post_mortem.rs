//! A run that hangs explains itself: what its threads and tasks were at is in its folder, through
//! the real binary.

use crate::support::{Lab, processes_with, signal, until};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn read<T: DeserializeOwned>(folder: &Path, file: &str) -> T {
    let text = std::fs::read(folder.join(file))
        .unwrap_or_else(|e| panic!("{}/{file}: {e}", folder.display()));
    serde_json::from_slice(&text).unwrap()
}

fn post_mortem(folder: &Path) -> Value {
    assert!(!folder.join("post-mortem.raw.json").exists(), "once it has names the raw one is gone");
    read(folder, "post-mortem.json")
}

/// Whether one of a thread's functions has this in its name.
fn has(thread: &Value, function: &str) -> bool {
    let frames = thread["stack"].as_array().unwrap();
    frames.iter().any(|frame| frame["function"].as_str().unwrap().contains(function))
}

fn threads(dead: &Value) -> &[Value] {
    dead["threads"].as_array().unwrap()
}

/// The thread that waits for a runtime of which it is a part.
fn assert_waits_for_itself(dead: &Value) -> &Value {
    let waits = threads(dead)
        .iter()
        .find(|thread| has(thread, "scenario_shutdown::buggy::serve") && has(thread, "blocking"));
    let waits = waits.unwrap_or_else(|| panic!("nobody waits for itself in {dead:#}"));
    assert!(
        has(waits, "tokio::runtime::blocking::pool::BlockingPool")
            || has(waits, "blocking::shutdown"),
        "{waits:#}"
    );
    assert_eq!(
        (waits["same_later"].as_bool(), waits["stack"].as_array().unwrap().is_empty()),
        (Some(true), false)
    );
    assert!(
        threads(dead).iter().all(|thread| !thread["name"].as_str().unwrap().starts_with("lab-")),
        "{dead:#}"
    );
    waits
}

/// The folder of the run under the profiler, beside the measured one.
fn under_profiler(lab: &Lab) -> PathBuf {
    let invocation = lab.runs()[0].parent().unwrap().to_owned();
    let mut found =
        std::fs::read_dir(invocation.join("profiles")).unwrap().flatten().map(|entry| entry.path());
    found.find(|path| path.is_dir()).expect("a profiler looked")
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_measured_run_that_hangs_leaves_the_stacks_of_its_threads() {
    let lab = Lab::builtin();
    let result = lab.passed_json(&["run", "shutdown", "--profile", "none"]);
    assert_eq!(result["runs"][0]["ending"], "hung");
    let dead = post_mortem(&lab.runs()[0]);
    assert_waits_for_itself(&dead);
    assert!(
        dead.get("tasks").is_none(),
        "nobody looked at tasks, which is not the same as that there are none"
    );
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn under_a_profiler_with_hooks_it_also_tells_tasks_and_polls() {
    let lab = Lab::builtin();
    lab.passed(&["run", "shutdown", "--profile", "sched"]);
    let dead = post_mortem(&under_profiler(&lab));
    let waits = assert_waits_for_itself(&dead);
    let number =
        waits["poll"]["task"].as_u64().unwrap_or_else(|| panic!("it is in no poll: {waits:#}"));
    let tasks = dead["tasks"].as_array().unwrap();
    let task = tasks
        .iter()
        .find(|task| task["number"] == number)
        .unwrap_or_else(|| panic!("no task {number}: {dead:#}"));
    assert!(
        task["place"].as_str().unwrap().contains("scenarios/shutdown/src/service.rs:"),
        "{task:#}"
    );
    assert_eq!(task["state"]["polled"], waits["tid"], "{task:#}");
    assert!(task["last_poll_ms"].as_f64().is_some(), "{task:#}");
    assert!(dead["runtimes"][0]["workers"].as_u64().unwrap() > 0, "{dead:#}");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_crowd_of_threads_and_tasks_is_told_as_a_whole() {
    let lab = Lab::endings();
    let result = lab.passed_json(&[
        "run",
        "endings",
        "--variant",
        "crowd",
        "--timeout",
        "8s",
        "--profile",
        "sched",
    ]);
    assert_eq!(result["runs"][0]["ending"], "hung");
    for folder in [lab.runs()[0].clone(), under_profiler(&lab)] {
        let outcome: Value = read(&folder, "outcome.json");
        assert_eq!(
            (outcome["ending"].as_str(), outcome["warnings"].is_null()),
            (Some("hung"), true),
            "{outcome:#}"
        );
        let dead = post_mortem(&folder);
        let sleeps =
            threads(&dead).iter().filter(|thread| has(thread, "endings::sleeps_for_ever")).count();
        assert_eq!((sleeps, &dead["notes"]), (500, &Value::Array(Vec::new())));
        assert!(
            threads(&dead).iter().all(|thread| !thread["stack"].as_array().unwrap().is_empty())
        );
    }
    let dead = post_mortem(&under_profiler(&lab));
    let waiting = dead["tasks"].as_array().unwrap().iter().filter(|task| {
        task["state"] == "waits" && task["place"].as_str().unwrap().contains("endings.rs")
    });
    assert_eq!(waiting.count(), 10_000);
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_child_that_is_killed_while_it_tells_keeps_what_was_recorded_before() {
    let lab = Lab::endings();
    let mut parent = lab.start(&["run", "endings", "--variant", "quick", "--duration", "60s"]);
    let folder = lab.runs()[0].display().to_string();
    until("the child is there", || !processes_with(&folder).is_empty());
    let child = processes_with(&folder)[0];
    signal("QUIT", child);
    signal("KILL", child);
    parent.wait().unwrap();
    let (_, result) = lab.json(&["report", &folder]);
    let run = &result["runs"][0];
    assert_eq!(
        (run["ending"].as_str(), run["text"].as_str()),
        (Some("crashed"), Some("killed by SIGKILL"))
    );
    assert!(run["metrics"]["greeted"].as_f64().unwrap() > 0.0, "{run:#}");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_panic_of_any_thread_leaves_its_stack() {
    let lab = Lab::builtin();
    lab.passed(&["run", "shutdown", "--variant", "in-task", "--profile", "none"]);
    let panics: Vec<Value> = read(&lab.runs()[0], "panics.json");
    let of_task = panics.iter().find(|panic| has(panic, "in_task::serve"));
    let of_task = of_task.unwrap_or_else(|| panic!("no panic of the task: {panics:#?}"));
    assert!(of_task["text"].as_str().unwrap().contains("Cannot drop a runtime"), "{of_task:#}");
    assert!(!lab.runs()[0].join("panics.raw.json").exists());
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_thread_that_stands_outside_of_polls_is_seen() {
    let lab = Lab::builtin();
    lab.passed(&["run", "shutdown", "--variant", "timeout-in-pool", "--profile", "sched"]);
    let stuck_threads: Vec<Value> = read(&under_profiler(&lab), "threads.json");
    let stands = stuck_threads
        .iter()
        .find(|one| has(one, "timeout_in_pool::serve") && has(one, "shutdown_timeout"));
    let stands = stands.unwrap_or_else(|| panic!("nobody stands in the pool: {stuck_threads:#?}"));
    assert!(stands["looks"].as_u64().unwrap() >= 3, "{stands:#}");
}
