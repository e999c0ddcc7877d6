//! `lab pack` through the real binary: a packed recording reads like its folder.

use crate::support::Lab;
use std::fs;
use std::path::{Path, PathBuf};

/// Records six batches of a variant: counts do not depend on the machine.
fn recorded(lab: &Lab, variant: &str) -> PathBuf {
    let before = files(lab.out.path());
    let done =
        lab.done(&["run", "unordered", "--variant", variant, "--trials", "6", "--size", "2000"]);
    assert_ne!(done.code, 1, "{}", done.stderr);
    files(lab.out.path()).into_iter().find(|path| !before.contains(path)).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a command prints of one path, with the path taken out.
fn output(lab: &Lab, args: &[&str], path: &Path) -> (i32, String) {
    let done = lab.done(args);
    assert!(!done.stdout.is_empty(), "{args:?}: {}", done.stderr);
    (done.code, done.stdout.replace(text(path), "RECORDING"))
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_packed_recording_reads_like_its_folder() {
    let lab = Lab::builtin();
    let [buggy, fixed] = ["buggy", "fixed"].map(|variant| recorded(&lab, variant));
    let done = lab.done(&["pack", text(&buggy), text(&fixed)]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let [packed_buggy, packed_fixed] =
        [&buggy, &fixed].map(|folder| PathBuf::from(format!("{}.lab", folder.display())));
    assert!(done.stdout.starts_with(&format!("{}: ", packed_buggy.display())), "{}", done.stdout);
    for format in ["text", "json", "ledger"] {
        let folder = output(&lab, &["report", text(&buggy), "--format", format], &buggy);
        let packed =
            output(&lab, &["report", text(&packed_buggy), "--format", format], &packed_buggy);
        assert_eq!(packed, folder, "{format}");
    }
    let (run, packed_run) =
        (files(&buggy)[0].clone(), packed_buggy.join(files(&buggy)[0].file_name().unwrap()));
    let of_run = output(&lab, &["report", text(&run)], &run);
    assert_eq!(
        output(&lab, &["report", text(&packed_run)], &packed_run),
        of_run,
        "one run of a packed invocation"
    );
    let pair = ["compare", text(&buggy), text(&fixed), "--format", "json"];
    let packed_pair = ["compare", text(&packed_buggy), text(&packed_fixed), "--format", "json"];
    let ends = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let compared = |args: &[&str]| {
        let done = lab.done(args);
        let plain = [&buggy, &fixed].iter().fold(done.stdout, |text, folder| {
            text.replace(&format!("{}.lab", ends(folder)), "SIDE").replace(&ends(folder), "SIDE")
        });
        (done.code, plain)
    };
    assert_eq!(compared(&packed_pair), compared(&pair));
    let same = lab.done(&["compare", text(&packed_buggy), text(&packed_buggy)]);
    assert!(same.stderr.contains("the same recording"), "{}", same.stderr);
    let bytes = fs::read(&packed_buggy).unwrap();
    assert_eq!(lab.done(&["pack", text(&buggy)]).code, 0);
    assert!(bytes == fs::read(&packed_buggy).unwrap(), "packing twice gives the same bytes");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn what_cannot_be_packed_or_read_is_refused_in_a_sentence() {
    let lab = Lab::builtin();
    let file = lab.out.path().join("x.lab");
    fs::write(&file, "no archive").unwrap();
    let refused = |args: &[&str], reason: &str| {
        let done = lab.done(args);
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{args:?}: {}", done.stderr);
        assert!(
            done.stderr.starts_with("lab: ") && done.stderr.contains(reason),
            "{}",
            done.stderr
        );
        assert_eq!(done.stderr.lines().count(), 1, "one sentence: {}", done.stderr);
    };
    refused(&["report", text(&file)], "is not a packed recording");
    refused(&["export", text(&file), "--to", "hlog"], "is not a packed recording");
    refused(&["score", "--from", text(&file)], "is not a packed recording");
    refused(&["compare", text(&file), text(&file)], "is not a packed recording");
    refused(&["pack", text(lab.out.path())], "there is no recording in");
    refused(&["pack", "lab-runs/nowhere"], "there is no folder lab-runs/nowhere");
    refused(&["pack", "a", "b", "--out", "c.lab"], "name one RUN");
    assert_eq!(files(lab.out.path()), [file], "nothing is written");
}
