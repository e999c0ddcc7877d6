//! `lab overhead`: what it lists, measures and refuses. No number of it is judged.

use crate::support::Lab;
use serde_json::Value;

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../../../schema/lab.overhead.v1.json");
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

fn measured(args: &[&str]) -> Value {
    let (code, table) = Lab::builtin().json(&[&["overhead"], args].concat());
    assert_eq!(code, 0, "{table:#}");
    let errors: Vec<String> =
        schema().iter_errors(&table).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{table:#}");
    table
}

fn readings<'a>(table: &'a Value, instrument: &str) -> Vec<&'a Value> {
    table["readings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|reading| reading["instrument"] == instrument)
        .collect()
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn six_rounds_give_an_interval_around_what_is_added() {
    let table = measured(&["--only", "hooks that do nothing", "--rounds", "6"]);
    let all = readings(&table, "hooks that do nothing");
    let added = all.iter().find(|reading| reading["measure"] == "added_ns").unwrap();
    let number = |name: &str| added[name].as_f64().unwrap();
    assert!(
        number("low") <= number("value")
            && number("value") <= number("high")
            && number("level") >= 0.95
    );
    let took = |measure: &str| {
        all.iter().find(|reading| reading["measure"] == measure).unwrap()["value"].as_f64().unwrap()
    };
    assert!(took("plain_ns") > 0.0 && took("with_ns") > 0.0);
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn one_round_has_no_interval_and_every_group_answers() {
    let only = [
        "--only",
        "Instant",
        "--only",
        "counted",
        "--only",
        "recording of polls",
        "--only",
        "20 000/s, constant",
        "--rounds",
        "1",
    ];
    let table = measured(&only);
    assert!(
        table["readings"].as_array().unwrap().iter().all(|reading| reading.get("low").is_none()),
        "{table:#}"
    );
    for (instrument, measure) in [
        ("Instant::now", "ns"),
        ("an allocation, counted", "added_ns"),
        ("recording of polls and latency", "added_up_per_s"),
        ("20 000/s, constant", "lag_p99_us"),
    ] {
        assert!(
            readings(&table, instrument).iter().any(|reading| reading["measure"] == measure),
            "{instrument}: {table:#}"
        );
    }
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn the_text_says_on_what_it_was_measured_and_that_one_round_is_too_few() {
    let done = Lab::builtin().done(&["overhead", "--only", "Instant", "--rounds", "1"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(
        done.stdout.contains("cores,") && done.stdout.contains("ns per call"),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("(too few rounds)"), "{}", done.stdout);
}
