//! `scenario-greedy` through the real binary, under a load that a busy machine bears: counts,
//! endings, shape and schema. Whether its times are as claimed is for `lab run greedy --all` on a
//! quiet machine to say.

use crate::support::{Lab, assert_follows_the_schema, claim, schema};
use serde_json::Value;

/// Enough for every quantile but p99.9, small enough for a debug build beside other tests.
const LOAD: [&str; 6] = ["--rate", "1000", "--duration", "1100ms", "--timeout", "120s"];

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn the_schema_refuses_what_is_not_a_result() {
    let schema = schema();
    assert!(!schema.is_valid(&serde_json::json!({"schema": "lab.result.v2"})));
    let mut result = Lab::endings().passed_json(&["run", "endings", "--variant", "quick"]);
    assert_follows_the_schema(&result);
    result["runs"][0]["ending"] = "exploded".into();
    assert!(!schema.is_valid(&result));
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn every_variant_ends_loses_nothing_and_stores_every_message() {
    let lab = Lab::builtin();
    let args = [&["run", "greedy", "--all", "--format", "json"][..], &LOAD].concat();
    let result = lab.passed_but_for_times(&args).json();
    assert_follows_the_schema(&result);
    let runs = result["runs"].as_array().unwrap();
    let plain: Vec<&Value> = runs.iter().filter(|run| run.get("scaled").is_none()).collect();
    assert_eq!(plain.len(), scenario_greedy::SCENARIO.variants.len());
    assert_eq!(runs.len() - plain.len(), 3, "three variants claim how they grow");
    for run in runs {
        assert_eq!(
            (&run["ending"], &run["metrics"]["lost"]),
            (&"finished".into(), &0.0.into()),
            "{run:#}"
        );
        let count = |name: &str| run["metrics"][name].as_f64().unwrap();
        assert_eq!((count("offered"), count("sent")), (1_100.0, 1_100.0));
        assert_eq!(
            count("completed") + count("unfinished"),
            1_100.0,
            "a slow machine may leave some unanswered"
        );
        assert_eq!(
            run["metrics"]["messages_stored"], run["metrics"]["messages_waiting"],
            "{run:#}"
        );
    }
    for run in plain {
        let ends = &run["claims"][0];
        assert_eq!(ends["verdict"], "held", "{ends}");
    }
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn real_messages_give_a_report_of_the_same_shape() {
    let lab = Lab::builtin();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/performances.ndjson");
    let args = ["run", "greedy", "--messages", file, "--profile", "none", "--format", "json"];
    let result = lab.passed_but_for_times(&[&args[..], &LOAD].concat()).json();
    assert_follows_the_schema(&result);
    let metrics = result["runs"][0]["metrics"].as_object().unwrap();
    let always = [
        "import_us",
        "messages_stored",
        "messages_waiting",
        "offered",
        "response_p50_us",
        "response_p99_us",
    ];
    assert!(always.iter().all(|name| metrics.contains_key(*name)), "{metrics:#?}");
    assert_eq!(claim(&result["runs"][0], "every message is stored")["verdict"], "held");
    let naive = &result["runs"][0]["naive"];
    assert!(naive["sent"].as_f64() <= metrics["completed"].as_f64(), "{naive:#}");
    let text = lab.done(&["report"]).stdout;
    assert!(text.contains("A benchmark that waits for each answer"), "{text}");
}
