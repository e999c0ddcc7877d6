//! `lab doctor` through the real binary: endings, texts and keys. What a machine's noise is, no
//! test can say.

use crate::support::{Lab, assert_follows_the_schema};
use serde_json::Value;

const QUICK: [&str; 5] = ["doctor", "--pairs", "6", "--duration", "300ms"];

/// A machine that runs tests is busy, and may well be told so.
fn assert_ended(code: i32, result: &Value) {
    let judgement = result["noise"]["judgement"].as_str().unwrap();
    let expected = if judgement == "quiet" { 0 } else { 4 };
    assert_eq!(code, expected, "{result:#}");
    assert!(
        ["quiet", "false alarm", "too busy", "not measured"].contains(&judgement),
        "{judgement}"
    );
    assert_eq!(result["noise"]["reasons"].as_array().unwrap().is_empty(), judgement == "quiet");
}

fn assert_has(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "{key} is missing: {value:#}");
    }
}

/// A batch is quick, and needs no duration.
#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn it_tells_facts_and_what_cannot_be_measured_and_records_a_comparison() {
    let lab = Lab::builtin();
    let (code, result) = lab.json(&["doctor", "unordered", "bounded", "--pairs", "6"]);
    assert_ended(code, &result);
    assert_eq!(result["schema"], "lab.doctor.v2");
    assert_eq!((&result["scenario"], &result["variant"]), (&"unordered".into(), &"bounded".into()));
    assert_has(
        &result["facts"],
        &["environment", "quota", "clock_source", "tick_hz", "foreign_cores", "io_uring"],
    );
    assert!(result["facts"]["clock_read_ns"].as_f64().unwrap() > 0.0);
    assert_has(&result["facts"]["sleeps"], &["count", "p50_us", "p99_us", "max_us"]);
    assert_has(&result["facts"]["spin"], &["longest_us", "gaps"]);
    assert_has(&result["noise"], &["metrics", "detectable", "dropped", "busiest"]);
    assert_eq!(
        (&result["noise"]["pairs"], &result["noise"]["load_generator"]),
        (&6.into(), &Value::Null),
        "a batch needs none"
    );
    let limitations = result["limitations"].as_array().unwrap();
    limitations.iter().for_each(|item| assert_has(item, &["affects", "reason", "remedy"]));
    assert_tells_what_was_recorded(&lab, &result);
}

/// The noise is that of the recordings and of nothing else, and they are read as a comparison.
fn assert_tells_what_was_recorded(lab: &Lab, result: &Value) {
    let folder = result["recording"].as_str().unwrap();
    assert!(folder.contains("/doctor-"), "{folder}");
    let (_, report) = lab.json(&["report", folder]);
    assert_follows_the_schema(&report);
    let pairs = &report["pairs"];
    assert_eq!((&pairs["before"], &pairs["after"]), (&"bounded".into(), &"bounded".into()));
    assert_eq!(pairs["done"].as_array().unwrap().len(), 6);
    // Where every pair was dropped there is no metric to compare.
    let compared = report.get("comparison").and_then(Value::as_array).cloned().unwrap_or_default();
    let noise = result["noise"]["metrics"].as_array().unwrap();
    assert_eq!(noise.len(), compared.len());
    for (noise, compared) in noise.iter().zip(&compared) {
        assert_eq!(noise["metric"], compared["metric"]);
        assert_eq!(
            noise["interval"].as_array(),
            compared.get("ci").and_then(Value::as_array),
            "{noise:#}"
        );
    }
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn it_fits_a_screen_and_is_plain_where_asked() {
    let lab = Lab::builtin();
    let out = lab.out.path().display().to_string();
    let done = lab.passed(&[&["--plain"], &QUICK[..], &["--out", &out]].concat());
    assert!(done.stdout.is_ascii(), "{}", done.stdout);
    for head in [
        "doctor: A/A comparison of greedy, variant fixed",
        "machine ",
        "clock ",
        "busy ",
        "load ",
        "dropped ",
        "recording ",
    ] {
        assert!(done.stdout.contains(head), "{head}: {}", done.stdout);
    }
    let judged = ["\nquiet: ", "\nfalse alarm: ", "\ntoo busy: ", "\nnot measured: "];
    assert_eq!(
        judged.iter().filter(|head| done.stdout.contains(**head)).count(),
        1,
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("p99.9 of a default load"), "{}", done.stdout);
    let long = done
        .stdout
        .lines()
        .filter(|line| line.len() > 100 && !line.starts_with("recording"))
        .count();
    // A busy host has more limitations, and each of them is short.
    let (examined, limitations) = done.stdout.split_once("\nlimitations of").unwrap();
    let items =
        limitations.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let most = 4 * items.count() + 3;
    assert!(
        long == 0 && examined.lines().count() <= 36 && limitations.lines().count() <= most,
        "{}",
        done.stdout
    );
    assert_eq!(done.stderr.lines().count(), 1, "what is going to happen: {}", done.stderr);
}
