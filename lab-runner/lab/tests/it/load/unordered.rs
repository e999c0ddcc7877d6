//! `scenario-unordered` and `lab sweep` through the real binary: counts, which no busy machine
//! changes.

use crate::support::{Lab, assert_follows_the_schema, claim};
use serde_json::Value;

fn metric(run: &Value, name: &str) -> f64 {
    run["metrics"][name].as_f64().unwrap_or_else(|| panic!("no {name} in {run:#}"))
}

fn runs(result: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let plain = result["runs"].as_array().unwrap().iter().filter(|run| run.get("scaled").is_none());
    plain.map(|run| (run["variant"].as_str().unwrap(), run))
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn every_way_processes_every_upload_and_polls_as_often_as_is_claimed() {
    let lab = Lab::builtin();
    let result =
        lab.passed_json(&["run", "unordered", "--all", "--size", "10240", "--timeout", "120s"]);
    assert_follows_the_schema(&result);
    for (variant, run) in runs(&result) {
        let uploads = if variant == "few" { 100.0 } else { 10_240.0 };
        assert_eq!(
            (metric(run, "offered"), metric(run, "completed")),
            (uploads, uploads),
            "{variant}"
        );
        assert_eq!(run["ending"], "finished", "{variant}");
        let polls = metric(run, "polls_per_op");
        match variant {
            // n/128 rounds of one worker, each polling what is left: n/256 + 1/2 polls of each.
            "buggy" | "join-all" | "bounded-by-n" => {
                assert!((40.0..41.0).contains(&polls), "{variant}: {polls}")
            }
            "bounded-1024" => assert!((3.0..12.0).contains(&polls), "{variant}: {polls}"),
            "tight-limiter" | "bounded" => {
                assert!((1.0..3.0).contains(&polls), "{variant}: {polls}")
            }
            _ => assert_eq!(polls, 1.0, "{variant}"),
        }
        assert!(metric(run, "allocs_per_op") > 0.9, "the binary counts allocations: {run:#}");
    }
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn the_same_seed_counts_the_same() {
    let lab = Lab::builtin();
    let counts = || {
        let result = lab.passed_json(&["run", "unordered", "--size", "3000", "--profile", "none"]);
        let run = &result["runs"][0];
        ["child_polls", "wakes_per_op", "forced_yields_per_op"].map(|name| metric(run, name))
    };
    assert_eq!(counts(), counts());
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_sweep_tells_linear_from_quadratic_by_counts_and_draws_both() {
    let lab = Lab::builtin();
    let sweep = ["sweep", "unordered", "--size", "400", "--repetitions", "3", "--timeout", "120s"];
    let result = lab.passed_json(&sweep);
    assert_follows_the_schema(&result);
    for swept in result["sweep"].as_array().unwrap() {
        let variant = swept["variant"].as_str().unwrap();
        let polls = &swept["exponents"]["child_polls"];
        let class = if ["buggy", "join-all", "bounded-by-n"].contains(&variant) {
            "quadratic-like"
        } else {
            "linear-like"
        };
        assert_eq!(polls["class"], class, "{variant}: {polls}");
        let counted = swept["claims"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|c| c["measure"] == "exponent of child_polls");
        for claim in counted {
            assert_eq!(claim["verdict"], "held", "{variant}: {claim}");
        }
    }
    let invocation = std::fs::read_dir(lab.out.path()).unwrap().next().unwrap().unwrap().path();
    for figure in ["child-polls.svg", "cpu-time.svg"] {
        let svg = std::fs::read_to_string(invocation.join(figure)).unwrap();
        assert!(svg.contains("<svg") && svg.contains("unconstrained"), "{figure}");
    }
    let text = lab.done(&["report", &invocation.display().to_string(), "-vv"]).stdout;
    assert!(text.contains("child polls grow as") && text.contains("a b"), "{text}");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_sweep_claim_is_left_to_the_sweep() {
    let result =
        Lab::builtin().passed_json(&["run", "unordered", "--size", "3000", "--profile", "none"]);
    let growth = claim(&result["runs"][0], "polls grow with the square of the number of uploads");
    assert_eq!(growth["verdict"], "not measured");
    assert!(growth["reason"].as_str().unwrap().contains("lab sweep unordered"));
}
