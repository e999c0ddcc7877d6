//! `scenario-leak` through the real binary: what is left is counted, and the diagnosis names the code
//! that allocated what was added.

use crate::support::{Lab, assert_follows_the_schema};
use lab_kit::Kind;
use serde_json::Value;

fn metric(run: &Value, name: &str) -> f64 {
    run["metrics"][name].as_f64().unwrap_or_else(|| panic!("no {name} in {run:#}"))
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn every_variant_serves_every_client_and_sessions_end_as_it_promises() {
    let lab = Lab::builtin();
    let args =
        ["run", "leak", "--all", "--duration", "1200ms", "--profile", "none", "--format", "json"];
    let result = lab.passed_but_for_times(&args).json();
    assert_follows_the_schema(&result);
    let runs = result["runs"].as_array().unwrap();
    assert_eq!(runs.len(), scenario_leak::SCENARIO.variants.len());
    for run in runs {
        assert_eq!((&run["ending"], metric(run, "errors")), (&"finished".into(), 0.0), "{run:#}");
        assert_eq!(metric(run, "updates_shown"), metric(run, "updates_due"), "{run:#}");
        assert!(metric(run, "updates_due") > 0.0, "there was something to see: {run:#}");
        let keeps_tasks =
            ["buggy", "bigger-channel", "shrink-to-fit"].iter().any(|name| run["variant"] == *name);
        let left = if keeps_tasks { metric(run, "sessions_opened") } else { 0.0 };
        assert_eq!(metric(run, "sessions_alive_end"), left, "{run:#}");
    }
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn what_keeps_memory_is_named_and_what_levels_off_is_not() {
    let lab = Lab::builtin();
    for variant in scenario_leak::SCENARIO.variants {
        let args = ["run", "leak", "--variant", variant.name, "--profile", "alloc"];
        let more = ["--duration", "1500ms", "--format", "json"];
        let result = lab.passed_but_for_times(&[&args[..], &more].concat()).json();
        let found = result["diagnosis"][0]["findings"].as_array().unwrap().iter();
        let leaks: Vec<&str> = found
            .filter(|finding| finding["cause"] == "leak")
            .map(|finding| finding["function"].as_str().unwrap_or_default())
            .collect();
        let expected: Vec<&str> = variant.truth.iter().map(|truth| truth.function).collect();
        assert_eq!(leaks, expected, "{} ({})", variant.name, variant.kind == Kind::Decoy);
    }
}
