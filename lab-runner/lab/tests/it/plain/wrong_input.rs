//! Wrong input gets one sentence that names the next step, exit code 2, and leaves nothing behind.

use crate::support::{Done, Lab};
use std::process::Command;

/// Checks the refusal of a command line, and that nothing was made.
fn refused(args: &[&str], says: &str) {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::builtin();
    let done: Done =
        Command::new(lab.binary()).args(args).current_dir(folder.path()).output().unwrap().into();
    assert_refusal(&done, says, args);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "{args:?} left something behind"
    );
}

fn assert_refusal(done: &Done, says: &str, args: &[&str]) {
    assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{args:?}: {}", done.stderr);
    let sentence =
        done.stderr.strip_prefix("lab: ").unwrap_or_else(|| panic!("{args:?}: {}", done.stderr));
    assert_eq!(sentence.lines().count(), 1, "{args:?}: {sentence}");
    assert!(sentence.starts_with(|c: char| !c.is_uppercase()), "{args:?}: {sentence}");
    assert!(sentence.contains(says), "{args:?} should say '{says}': {sentence}");
}

#[test]
fn names_that_do_not_exist_bring_the_nearest() {
    refused(&["run", "greddy"], "try greedy");
    refused(&["run", "zzz"], "lab list shows all");
    refused(&["list", "greddy"], "try greedy");
    refused(&["run", "greedy", "--variant", "offlaod"], "try offload");
    refused(&["rnu", "greedy"], "lab --help");
    refused(&["run", "greedy", "--wrokers", "2"], "--workers");
    refused(&["run", "greedy", "--format", "xml"], "json");
    refused(&["completions", "tcsh"], "bash");
    refused(&["run"], "<SCENARIO>");
}

#[test]
fn a_new_scenario_needs_a_usable_name_and_a_place() {
    refused(&["new"], "<NAME>");
    refused(&["new", ""], "try lab new my-scenario");
    for (name, instead) in
        [("a/b", "a-b"), ("-x", "x"), ("9a", "a"), ("fn", "fn-scenario"), ("Übung", "bung")]
    {
        refused(&["new", name], &format!("try lab new {instead}\n"));
    }
    refused(&["new", "fine", "--path", "none/inner"], "create it first");
    refused(&["new", "fine", "--path", "/"], "is not empty: try another --path");
    refused(&["new", "fine", "--path", "/proc/inner"], "cannot write into '/proc'");
}

#[test]
fn numbers_outside_what_can_be_done_are_refused() {
    for rate in ["0", "-5", "nan", "inf", "1e12", "1000001", "99999999999999999999999999"] {
        refused(&["run", "greedy", "--rate", rate], "--rate 2000");
    }
    refused(&["run", "greedy", "--rate", "many"], "--rate");
    for workers in ["0", "513", "100000"] {
        refused(&["run", "greedy", "--workers", workers], "--workers 1");
    }
    for workers in ["-1", "one", "99999999999999999999999999"] {
        refused(&["run", "greedy", "--workers", workers], "--workers");
    }
    for duration in ["3", "-3s", "0s", "soon", "99999999999999999999s"] {
        refused(&["run", "greedy", "--duration", duration], "try 3s");
    }
    for duration in ["1ms", "2h"] {
        refused(&["run", "greedy", "--duration", duration], "--duration 3s");
    }
    for size in ["0", "-1", "12", "5MiB", "1.5B", "99999999999999999999999", "9999999999999MiB"] {
        refused(&["run", "greedy", "--size", size], "16kB");
    }
    refused(&["run", "greedy", "--timeout", "10"], "a time needs a unit");
    refused(&["run", "greedy", "--seed", "-1"], "--seed");
    refused(&["run", "greedy", "--arrivals", "bursty"], "poisson");
    refused(
        &["run", "greedy", "--rate", "1000000", "--duration", "1h"],
        "lower --rate or --duration",
    );
}

#[test]
fn options_that_exclude_each_other_are_refused() {
    refused(&["run", "greedy", "--fixed", "--variant", "offload"], "--variant");
    refused(&["run", "greedy", "--all", "--fixed"], "--fixed");
    refused(&["run", "greedy", "--all", "--size", "1MiB"], "--all runs fixed at 10 × the size");
    refused(&["run", "greedy", "--all", "--size", "18446744073709551615"], "--size 16kB");
    refused(&["run", "greedy", "--size", "1kB"], "1024 bytes");
    refused(&["run", "greedy", "--all", "--console"], "--console");
    refused(&["run", "greedy", "--trials", "3", "--console"], "--console");
    #[cfg(not(feature = "console"))]
    refused(&["run", "greedy", "--console"], "--features console");
}

#[test]
fn inputs_that_a_scenario_does_not_take_are_refused() {
    refused(&["run", "greedy", "--stall", "1s"], "leave --stall away");
    refused(&["run", "shutdown", "--files", "/"], "leave --files away");
    refused(&["run", "blocking", "--messages", "/dev/null"], "leave --messages away");
    refused(&["run", "unordered", "--rate", "5"], "leave --rate away");
    refused(&["run", "greedy", "--arrivals", "batch"], "no batch");
    refused(&["sweep", "greedy"], "try unordered");
}

#[test]
fn stalls_and_folders_that_cannot_be_are_refused() {
    refused(&["run", "blocking", "--stall", "-1s"], "cannot be negative");
    refused(&["run", "blocking", "--stall", "5"], "needs a unit");
    refused(&["run", "blocking", "--stall", "1ms"], "try --stall 250ms");
    refused(
        &["run", "blocking", "--stall", "30s", "--timeout", "20s"],
        "try a longer --timeout or a shorter --stall",
    );
    refused(&["sweep", "unordered", "--size", "1"], "try --size 1000");
    refused(&["run", "blocking", "--stall", "5s", "--timeout", "5s"], "longer --timeout");
    refused(&["run", "blocking", "--files", "/nowhere"], "try a folder of text files");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    refused(&["run", "blocking", "--files", &path], "there is no file in");
    std::fs::write(folder.path().join("picture"), b"\xff\xd8\xff").unwrap();
    refused(&["run", "blocking", "--files", &path], "picture' is not UTF-8 text");
    refused(
        &["run", "blocking", "--files", &path, "--stall", "1s"],
        "leave --stall or --files away",
    );
}

#[test]
fn batches_that_cannot_be_are_refused_before_they_run() {
    refused(&["run", "unordered", "--size", "500000000"], "half of the memory here");
    refused(&["run", "unordered", "--size", "99999999999"], "try --size 10000");
    refused(&["run", "unordered", "--size", "99999999999999999999999"], "--size");
    refused(&["sweep", "unordered", "--size", "100000000"], "half of the memory here");
    refused(&["sweep", "unordered", "--size", "9999999999999999999"], "overflows");
    refused(&["sweep", "unordered", "--sizes", "5"], "6 sizes at least");
    refused(&["sweep", "unordered", "--repetitions", "2"], "3 repetitions at least");
    refused(&["run", "shutdown", "--trials", "0"], "try 20");
}

#[test]
fn comparisons_that_cannot_tell_are_refused() {
    refused(&["compare", "greedy", "--pairs", "5"], "cannot reach 95 %");
    refused(&["compare", "greedy", "fixed"], "try --null");
    refused(&["compare", "greedy", "buggy", "fixed", "--null"], "leave the second one out");
    refused(&["compare", "greedy", "offlaod"], "try offload");
    refused(
        &["compare", "greedy", "buggy", "fixed", "--load-a", "rate=5"],
        "leave the second one out",
    );
    refused(&["compare", "greedy", "--load-a", "speed=5"], "try rate=100");
    refused(&["compare", "greedy", "--load-b", "rate=0"], "--rate 2000");
    refused(&["compare", "greddy"], "try greedy");
    refused(&["compare", "greedy", "--metric", "respons_p99_us"], "try response_p99_us");
    refused(&["compare", "here/a", "here/b"], "there is no recording 'here/a'");
    refused(&["compare", "greedy", "--looks", "--pairs", "9"], "--pairs");
    refused(&["compare", "unordered", "--rate", "5"], "leave --rate away");
}

#[test]
fn null_comparisons_that_cannot_tell_are_refused() {
    refused(&["doctor", "--pairs", "5"], "cannot reach 95 %");
    refused(&["doctor", "greddy"], "try greedy");
    refused(&["score", "greddy"], "try greedy");
    refused(&["score", "--out", "/proc/runs"], "try another --out");
    refused(&["doctor", "greedy", "fxied"], "try fixed");
    refused(&["doctor", "greedy", "--duration", "3"], "needs a unit");
    refused(&["doctor", "unordered", "--duration", "3s"], "leave --duration away");
    refused(&["doctor", "--format", "ledger"], "try --format json");
    refused(&["doctor", "--out", "/proc/runs"], "try another --out");
}

#[test]
fn bad_messages_files_are_refused_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    refused(
        &["run", "greedy", "--messages", "/nowhere/orders.ndjson"],
        "cannot read the messages in '/nowhere/orders.ndjson': No such file",
    );
    refused(&["run", "greedy", "--messages", "/"], "one JSON document a line");
    refused(&["run", "greedy", "--messages", &file("empty", b"\n \n")], "there is no message in");
    refused(
        &["run", "greedy", "--messages", &file("broken", b"{\"a\": 1}\n{\"b\": \n")],
        "line 2 of",
    );
    refused(&["run", "greedy", "--messages", &file("binary", b"{}\n\xff\xfe\x00\n")], "line 2 of");
}

#[test]
fn folders_that_cannot_be_written_are_refused() {
    refused(&["run", "greedy", "--out", "/dev/null/runs"], "cannot record into");
    refused(&["run", "greedy", "--out", "/proc/runs"], "try another --out");
}

#[test]
fn what_is_no_recording_is_refused() {
    refused(&["report"], "lab run makes one");
    refused(&["report", "/nowhere"], "/nowhere");
    refused(&["report", "/"], "there is no recording in /");
    let folder = tempfile::tempdir().unwrap();
    let spec = |text: &str| std::fs::write(folder.path().join("spec.json"), text).unwrap();
    let path = folder.path().display().to_string();
    spec(r#"{"format": 99, "variant": {"new": "shape"}}"#);
    refused(&["report", &path], "use a newer lab");
    spec(r#"{"format": 1, "variant"#);
    refused(&["report", &path], "cannot understand");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let lab = Lab::builtin();
    for args in [
        &["list"][..],
        &["completions", "bash"],
        &["run", "greedy", "--dry-run", "--all"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let done: Done =
            Command::new(lab.binary()).args(args).stdout(writer).output().unwrap().into();
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn scores_that_cannot_be_made_are_refused() {
    let lab = Lab::builtin();
    for (args, says) in [
        (&["score", "gredy"][..], "try greedy"),
        (&["score", "--seeds", "many"], "whole number"),
        (&["score", "--scanner", "/no/such/thing"], "try --scanner"),
        (&["score", "--from", "/no/such/folder"], "lab score makes one"),
        (&["score", "--format", "ledger"], "markdown"),
    ] {
        let done = lab.done(args);
        assert_eq!((done.code, done.stderr.lines().count()), (2, 1), "{args:?}: {}", done.stderr);
        assert!(done.stderr.contains(says), "{args:?}: {}", done.stderr);
    }
    assert!(lab.runs().is_empty(), "nothing was made");
}
