//! `lab export` of recordings that are checked in: what it writes, where, and what it says when
//! there is nothing to write.

use crate::support::{Lab, exported};
use base64::Engine;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry, Tag};
use std::fs;
use std::path::Path;

fn recorded(run: &str) -> String {
    format!("{}/../../book/data/{run}", env!("CARGO_MANIFEST_DIR"))
}

/// The histograms of one tag, added up.
fn all_of(log: &[u8], wanted: &str) -> Histogram<u64> {
    let mut sum = Histogram::new(3).unwrap();
    for entry in IntervalLogIterator::new(log).map(Result::unwrap) {
        let LogEntry::Interval(interval) = entry else { continue };
        if interval.tag() == Tag::new(wanted) {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(interval.encoded_histogram())
                .unwrap();
            let one: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
            sum.add(one).unwrap();
        }
    }
    sum
}

#[test]
fn an_interval_log_has_every_request_of_the_run() {
    let lab = Lab::builtin();
    let into = lab.out.path().join("logs");
    let files = exported(
        &lab,
        &[&recorded("greedy.lab/01-buggy"), "--to", "hlog", "--into", into.to_str().unwrap()],
    );
    assert_eq!(files, [into.join("01-buggy.hlog")]);
    let log = fs::read(&files[0]).unwrap();
    for part in ["response", "pacer_lag", "wait", "service"] {
        assert_eq!(all_of(&log, part).len(), 6_000, "{part}");
    }
    let p99_us = all_of(&log, "response").value_at_quantile(0.99) as f64 / 1e3;
    let (_, report) = lab.json(&["report", &recorded("greedy.lab/01-buggy")]);
    let told = report["runs"][0]["metrics"]["response_p99_us"].as_f64().unwrap();
    assert!((p99_us / told - 1.0).abs() < 0.01, "{p99_us} against {told}");
}

#[test]
fn what_is_not_there_is_told_in_a_sentence_and_nothing_is_written() {
    let lab = Lab::builtin();
    let refused = |run: &str, to: &str, says: &str| {
        let into = lab.out.path().join("refused");
        let done = lab.done(&["export", run, "--to", to, "--into", into.to_str().unwrap()]);
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{}", done.stderr);
        assert!(
            done.stderr.lines().any(|line| line.starts_with("lab: ") && line.contains(says)),
            "{}",
            done.stderr
        );
        assert!(!Path::new(&into).exists());
    };
    refused(
        &recorded("greedy.lab/03-consume-budget"),
        "pprof",
        "lab run greedy --profile all makes some",
    );
    refused(&recorded("unordered.lab/01-buggy"), "hlog", "sent no requests");
    refused("lab-runs/nowhere", "folded", "cannot read lab-runs/nowhere");
    refused(&recorded("shutdown-trials.lab"), "perfetto", "has no profile of the scheduler");
    refused(&recorded("greedy.lab"), "jpeg", "possible values: folded, pprof, hlog, perfetto");
}
