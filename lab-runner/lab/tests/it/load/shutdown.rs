//! `scenario-shutdown` through the real binary: endings, losses, and real signals to the real
//! child.

use crate::support::{Done, Lab, assert_follows_the_schema, processes_with, signal, until};
use serde_json::Value;
use std::process::Stdio;

fn metric(run: &Value, name: &str) -> f64 {
    run["metrics"][name].as_f64().unwrap_or_else(|| panic!("no {name} in {run:#}"))
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn every_variant_ends_as_it_claims() {
    let lab = Lab::builtin();
    let result = lab.passed_json(&["run", "shutdown", "--all"]);
    assert_follows_the_schema(&result);
    for run in result["runs"].as_array().unwrap() {
        let ending = match run["variant"].as_str().unwrap() {
            "buggy" | "drop-in-pool" | "greedy-tenant" => "hung",
            "in-task" => "failed",
            _ => "finished",
        };
        assert_eq!(run["ending"], ending, "{run:#}");
        let loses =
            ["background", "in-task", "abort-all"].contains(&run["variant"].as_str().unwrap());
        assert_eq!(metric(run, "lost") > 0.0, loses, "{run:#}");
        if !loses {
            assert_eq!(metric(run, "completed"), metric(run, "accepted"), "{run:#}");
        }
    }
    let hung = &result["runs"][0];
    let quiesce = &hung["bounds"]["quiesce_us"];
    assert!(
        quiesce["low"].as_f64().unwrap() > 0.0 && quiesce.get("high").is_none(),
        "it is censored: {hung:#}"
    );
}

/// Sends a signal to the child of a run that would go on for long, and reads the result.
fn signalled(variant: &str, name: &str) -> Value {
    let lab = Lab::builtin();
    let args = [
        "run",
        "shutdown",
        "--variant",
        variant,
        "--duration",
        "60s",
        "--profile",
        "none",
        "--format",
        "json",
    ];
    let parent = lab.start(&args);
    let folder = lab.runs()[0].display().to_string();
    let child = processes_with(&folder);
    let child = child.into_iter().find(|pid| *pid != parent.id()).expect("there is a child");
    signal(name, child);
    let done = Done::from(parent.wait_with_output().unwrap());
    done.assert_passed();
    done.json()["runs"][0].take()
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn the_fix_answers_a_real_signal_and_loses_nothing() {
    for name in ["TERM", "INT"] {
        let run = signalled("fixed", name);
        assert_eq!(run["ending"], "finished", "{run:#}");
        assert_eq!((metric(&run, "lost"), metric(&run, "tasks_left")), (0.0, 0.0), "{run:#}");
        assert_eq!(metric(&run, "completed"), metric(&run, "accepted"));
        assert!(metric(&run, "offered") < 30_000.0, "the load ended with the signal");
    }
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn the_fault_does_not_end_by_a_real_signal_either() {
    let lab = Lab::builtin();
    let args = [
        "run",
        "shutdown",
        "--duration",
        "4s",
        "--timeout",
        "8s",
        "--profile",
        "none",
        "--format",
        "json",
    ];
    let parent = lab.command(&args).stdout(Stdio::piped()).spawn().unwrap();
    until("the child is there", || {
        !lab.runs().is_empty() && processes_with(&lab.runs()[0].display().to_string()).len() == 1
    });
    let child = processes_with(&lab.runs()[0].display().to_string())[0];
    std::thread::sleep(std::time::Duration::from_secs(2));
    signal("TERM", child);
    let done = Done::from(parent.wait_with_output().unwrap());
    done.assert_passed();
    let result = done.json();
    assert_eq!(result["runs"][0]["ending"], "hung", "{result:#}");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn trials_are_counted_with_an_exact_interval() {
    let lab = Lab::builtin();
    let (code, result) = lab.json(&["run", "shutdown", "--fixed", "--trials", "5"]);
    assert_follows_the_schema(&result);
    let trials = &result["trials"][0];
    assert_eq!(
        (code, &trials["trials"], &trials["endings"]["finished"]),
        (0, &5.into(), &5.into()),
        "{result:#}"
    );
    let most = trials["hung"][1].as_f64().unwrap();
    assert!((most - 0.4507).abs() < 1e-3, "none of 5 leaves up to 45.1 %: {most}");
    let seeds: Vec<u64> = lab
        .runs()
        .iter()
        .map(|run| {
            serde_json::from_str::<Value>(&std::fs::read_to_string(run.join("spec.json")).unwrap())
                .unwrap()
        })
        .map(|spec| spec["load"]["seed"].as_u64().unwrap())
        .collect();
    assert_eq!(seeds, [7, 8, 9, 10, 11]);
    let text = lab.done(&["report"]).stdout;
    assert!(text.contains("finished 5 of 5") && text.contains("in 5 of 5 trials"), "{text}");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_load_that_cannot_be_made_is_told_and_is_no_hang() {
    // The shell allows no file as large as the log of so many requests.
    let lab = Lab::builtin();
    let line = format!(
        "ulimit -f 2000; {} run shutdown --rate 200000 --duration 2s --format json --out {}",
        lab.binary().display(),
        lab.out.path().display()
    );
    let done = Done::from(std::process::Command::new("sh").args(["-c", &line]).output().unwrap());
    let result: Value =
        serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {}", done.stderr));
    let run = &result["runs"][0];
    assert_ne!(run["ending"], "hung", "{run:#}");
    assert_eq!(done.code, 3, "its claim to hang is broken");
}
