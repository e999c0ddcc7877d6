//! `lab export` through the real binary: what it writes, where, and what it says when there is nothing to write.

mod support;

use base64::Engine;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry, Tag};
use lab_analysis::stacks::Folded;
use std::fs;
use std::path::{Path, PathBuf};
use support::Lab;

fn recorded(run: &str) -> String {
    format!("{}/../../book/data/{run}", env!("CARGO_MANIFEST_DIR"))
}

fn exported(lab: &Lab, args: &[&str]) -> Vec<PathBuf> {
    let done = lab.done(&[&["export"], args].concat());
    assert_eq!(done.code, 0, "{}", done.stderr);
    done.stdout.lines().map(PathBuf::from).collect()
}

/// The histograms of one tag, added up.
fn all_of(log: &[u8], wanted: &str) -> Histogram<u64> {
    let mut sum = Histogram::new(3).unwrap();
    for entry in IntervalLogIterator::new(log).map(Result::unwrap) {
        let LogEntry::Interval(interval) = entry else { continue };
        if interval.tag() == Tag::new(wanted) {
            let bytes = base64::engine::general_purpose::STANDARD.decode(interval.encoded_histogram()).unwrap();
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
    let files = exported(&lab, &[&recorded("greedy/01-buggy"), "--to", "hlog", "--into", into.to_str().unwrap()]);
    assert_eq!(files, [into.join("01-buggy.hlog")]);
    let log = fs::read(&files[0]).unwrap();
    for part in ["response", "pacer_lag", "wait", "service"] {
        assert_eq!(all_of(&log, part).len(), 6_000, "{part}");
    }
    let p99_us = all_of(&log, "response").value_at_quantile(0.99) as f64 / 1e3;
    let (_, report) = lab.json(&["report", &recorded("greedy/01-buggy")]);
    let told = report["runs"][0]["metrics"]["response_p99_us"].as_f64().unwrap();
    assert!((p99_us / told - 1.0).abs() < 0.01, "{p99_us} against {told}");
}

#[test]
fn stacks_are_written_for_each_view_under_names_that_match() {
    let lab = Lab::builtin();
    lab.done(&["run", "greedy", "--duration", "300ms", "--profile", "stall"]);
    let folded = exported(&lab, &["--to", "folded"]);
    assert!(folded[0].parent().unwrap().ends_with("export"), "in the recording: {folded:?}");
    let on_cpu = folded.iter().find(|path| path.ends_with("buggy-stall-on-cpu.ns.folded")).unwrap();
    let shown = Folded::parse(&fs::read(on_cpu).unwrap()).folded;
    assert!(shown.inclusive().contains_key("scenario_greedy::…::import::{closure}"), "{shown}");
    let plumbing = |stacks: &Folded| stacks.inclusive().keys().filter(|name| name.starts_with("tokio::")).count();
    exported(&lab, &["--to", "folded", "--fold", "tokio"]);
    let folded = Folded::parse(&fs::read(on_cpu).unwrap()).folded;
    assert!(plumbing(&folded) < plumbing(&shown) && folded.inclusive().contains_key("[tokio]"));
    let pprof = exported(&lab, &["--to", "pprof"]);
    assert!(pprof.iter().all(|path| fs::read(path).unwrap().starts_with(&[0x1f, 0x8b])), "compressed: {pprof:?}");
}

#[test]
fn what_is_not_there_is_told_in_a_sentence_and_nothing_is_written() {
    let lab = Lab::builtin();
    let refused = |run: &str, to: &str, says: &str| {
        let into = lab.out.path().join("refused");
        let done = lab.done(&["export", run, "--to", to, "--into", into.to_str().unwrap()]);
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{}", done.stderr);
        assert!(done.stderr.lines().any(|line| line.starts_with("lab: ") && line.contains(says)), "{}", done.stderr);
        assert!(!Path::new(&into).exists());
    };
    refused(&recorded("greedy/03-consume-budget"), "pprof", "lab run greedy --profile all makes some");
    refused(&recorded("unordered/01-buggy"), "hlog", "sent no requests");
    refused("lab-runs/nowhere", "folded", "cannot read lab-runs/nowhere");
    refused(&recorded("shutdown-trials"), "perfetto", "has no profile of the scheduler");
    refused(&recorded("greedy"), "jpeg", "possible values: folded, pprof, hlog, perfetto");
}
