//! Programs after faults that people reported in public (`lab-runner/strangers/examples/reported`): each is
//! named with its cause and its function, and what cured it is not accused. All of them hold no
//! worker, or come in many short polls.

#![cfg(tokio_unstable)]

use crate::support::{Lab, assert_follows_the_schema, on_a_quiet_host};
use serde_json::Value;

/// Scenario, cause, and the function to blame.
const FAULTY: [(&str, &str, &str); 12] = [
    ("actor", "stuck-tasks", "reported::actor::ask"),
    ("buffered-body", "starved-in-task", "reported::buffered_body::import"),
    ("driver-asleep", "driver-starvation", "reported::driver_asleep::query"),
    ("futurelock", "futurelock", "reported::futurelock::Journal::append"),
    ("lookups", "pool-exhausted", "reported::lookups::connect"),
    ("middleware", "stuck-tasks", "reported::middleware::handler"),
    ("one-thread", "blocking-call", "reported::one_thread::verify"),
    ("ordered-pages", "starved-in-task", "reported::ordered_pages::Export::run"),
    ("two-borrows", "deadlock", "reported::two_borrows::status"),
    ("two-connections", "stuck-tasks", "reported::two_connections::Pool::connection"),
    // The loop is sampled in its caller or in itself, as the compiler inlines them.
    ("spins", "busy-loop", ""),
    // The future's type is known from full debug information alone.
    ("wide", "stack-overflow", ""),
];

/// Scenarios whose other variant is healthy.
const HEALTHY: [(&str, &str); 10] = [
    ("buffered-body", "fixed"),
    ("driver-asleep", "eager"),
    ("driver-asleep", "fixed"),
    ("futurelock", "fixed"),
    ("middleware", "fixed"),
    ("ordered-pages", "fixed"),
    ("says-no", "buggy"),
    ("two-borrows", "fixed"),
    ("two-connections", "fixed"),
    // Slow, and not stuck: the connection is handed on.
    ("two-connections", "too-few"),
];

/// Variants of the scenario `strangers`, each with its cause and the function to blame.
const STRANGERS: [(&str, &str, &str); 10] = [
    ("adds-up", "never-yields", "strangers::boxed::Totals::keep_up"),
    ("closes", "futurelock", "strangers::background::Ledger::close"),
    ("flags", "busy-loop", "strangers::declared::flags::beside"),
    ("forgets", "leak", "strangers::generic::Sessions::follow"),
    ("rates", "long-poll", "strangers::declared::rates::beside"),
    // The helper that takes both locks is no place.
    ("registries", "deadlock", "strangers::mixed::Registries::"),
    ("renders", "pool-deadlock", "strangers::boxed::Renderer::render"),
    ("selects", "quadratic-combinator", "strangers::generic::first_come"),
    // To print a panic takes long, and is no fault of its own.
    ("unwraps", "panic", "strangers::mixed::unwraps"),
    ("wakes-all", "wake-storm", "strangers::generic::"),
];

/// Variants of the same scenario that look like these and are healthy.
const STRANGERS_HEALTHY: [&str; 11] = [
    "actor",
    "adds-up-outside",
    "batched",
    "bursts",
    "fetches",
    "one-at-a-time",
    "orders",
    "pairs",
    "renders-loaded",
    "ticks",
    "wakes-one",
];

/// The diagnosis of a variant under the profilers `sched` and `alloc`.
fn diagnosed(lab: &Lab, scenario: &str, variant: &str) -> Value {
    let profilers = if scenario == "strangers" { "sched,alloc" } else { "sched" };
    let args = ["run", scenario, "--variant", variant, "--profile", profilers];
    let result = on_a_quiet_host(|| lab.json(&args).1);
    assert_follows_the_schema(&result);
    result["diagnosis"][0].clone()
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
fn what_people_reported_is_named_at_its_place() {
    let lab = Lab::reported();
    for (scenario, cause, function) in FAULTY {
        let diagnosis = diagnosed(&lab, scenario, "buggy");
        let accused = accused(&diagnosis);
        let (found, at) = *accused.first().unwrap_or(&("nothing", ""));
        assert_eq!(found, cause, "{scenario}: {diagnosis:#}");
        assert!(at.ends_with(function), "{scenario}: {diagnosis:#}");
    }
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn what_cured_it_is_not_accused() {
    let lab = Lab::reported();
    for (scenario, variant) in HEALTHY {
        let diagnosis = diagnosed(&lab, scenario, variant);
        assert!(accused(&diagnosis).is_empty(), "{scenario}: {diagnosis:#}");
    }
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn what_strangers_wrote_is_named_and_what_looks_like_it_is_not() {
    let lab = Lab::strangers();
    for (variant, cause, function) in STRANGERS {
        let diagnosis = diagnosed(&lab, "strangers", variant);
        let (found, at) = *accused(&diagnosis).first().unwrap_or(&("nothing", ""));
        assert_eq!(found, cause, "{variant}: {diagnosis:#}");
        assert!(at.starts_with(function), "{variant}: {diagnosis:#}");
    }
    for variant in STRANGERS_HEALTHY {
        let diagnosis = diagnosed(&lab, "strangers", variant);
        assert!(accused(&diagnosis).is_empty(), "{variant}: {diagnosis:#}");
    }
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_stuck_lock_is_told_with_those_who_wait_and_the_one_who_keeps_it() {
    let lab = Lab::reported();
    let diagnosis = diagnosed(&lab, "middleware", "buggy");
    let evidence = diagnosis["findings"][0]["evidence"].to_string();
    for part in [
        "request 150 awaits RwLock::write in reported::middleware::handler",
        "requests await RwLock::read in reported::middleware::middleware",
        "it holds what RwLock::read gave it there",
    ] {
        assert!(evidence.contains(part), "{part}: {evidence}");
    }
}
