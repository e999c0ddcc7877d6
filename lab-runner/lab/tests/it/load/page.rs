//! The report as a page, through the real binary: when it is written and where, what is said if it
//! cannot be, and that a report alone writes nothing.

use crate::support::{Done, Lab, profiles};
use lab_analysis::profile::read_all;
use std::fs;
use std::path::{Path, PathBuf};

/// An invocation of one short run that the stall profiler looked into.
fn recorded(lab: &Lab) -> PathBuf {
    lab.passed_but_for_times(&[
        "run",
        "greedy",
        "--fixed",
        "--duration",
        "300ms",
        "--profile",
        "stall",
    ]);
    lab.newest()
}

fn report(lab: &Lab, args: &[&str]) -> Done {
    lab.done(&[&["report"], args].concat())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_run_that_was_looked_into_leaves_a_page_and_a_report_writes_one_only_when_asked() {
    let lab = Lab::builtin();
    let folder = recorded(&lab);
    let page = folder.join("report.html");
    assert!(fs::read_to_string(&page).unwrap().contains("stall on-CPU"));
    fs::remove_file(&page).unwrap();
    let plain = report(&lab, &[folder.to_str().unwrap()]);
    assert!(
        !page.exists()
            && !plain.stdout.contains("report.html")
            && plain.stdout.contains("profiling overhead"),
        "{}",
        plain.stdout
    );
    let asked = report(&lab, &[folder.to_str().unwrap(), "--html"]);
    assert_eq!(asked.code, plain.code);
    assert!(
        page.exists() && asked.stdout.contains(&format!("report     {}", page.display())),
        "{}",
        asked.stdout
    );
    let elsewhere = lab.out.path().join("elsewhere.html");
    report(&lab, &[folder.to_str().unwrap(), "--html", elsewhere.to_str().unwrap()]);
    assert_eq!(fs::read(&elsewhere).unwrap(), fs::read(&page).unwrap());
    let newest = report(&lab, &["--html", folder.to_str().unwrap()]);
    assert!(
        newest.stdout.contains("report.html"),
        "a folder behind --html is a recording: {}",
        newest.stdout
    );
    let flames: Vec<String> =
        names(&folder.join("profiles")).into_iter().filter(|name| name.ends_with(".svg")).collect();
    assert!(flames.contains(&"stall-on-cpu-fixed.svg".to_owned()), "{flames:?}");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn what_cannot_be_written_is_told_and_the_report_stands() {
    let lab = Lab::builtin();
    let folder = recorded(&lab);
    let before = report(&lab, &[folder.to_str().unwrap()]);
    fs::remove_file(folder.join("report.html")).unwrap();
    fs::create_dir(folder.join("report.html")).unwrap();
    let done = report(&lab, &[folder.to_str().unwrap(), "--html"]);
    assert_eq!((done.code, &done.stdout), (1, &before.stdout), "a page was asked for");
    assert_eq!(done.stderr.lines().count(), 1, "one sentence: {}", done.stderr);
    assert!(
        done.stderr.contains("cannot write") && done.stderr.contains("--html FILE"),
        "{}",
        done.stderr
    );
    assert!(
        !names(&folder).iter().any(|name| name.starts_with('.')),
        "nothing half-written: {:?}",
        names(&folder)
    );
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn without_a_desktop_the_file_is_named() {
    let lab = Lab::builtin();
    let folder = recorded(&lab);
    let mut command = lab.command(&["report", "--open"]);
    let done = Done::from(command.env("DISPLAY", ":0").env("PATH", "/nowhere").output().unwrap());
    let page = folder.join("report.html");
    assert!(
        done.stderr.contains("open file:///") && done.stderr.contains("/report.html in a browser"),
        "{}",
        done.stderr
    );
    lab.assert_passed_but_for_times(&done);
    assert!(page.exists());
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn damaged_profiles_are_told_and_the_rest_is_shown() {
    let lab = Lab::builtin();
    let folder = recorded(&lab);
    profiles::add_plausible(&folder);
    let whole = page(&lab, &folder);
    for part in
        ["alloc churn", "The slowest request, poll by poll", "Memory over time", "stall on-CPU"]
    {
        assert!(whole.contains(part), "{part} is not in the page");
    }
    let of = |name: &str| folder.join("profiles").join(name);
    cut(&of("fixed-cpu/cpu.folded"));
    cut(&of("fixed-spans/spans-slow.json"));
    fs::write(of("fixed-alloc/profiler.json"), "{\"views\": 7}").unwrap();
    fs::write(of("fixed-stall/spec.json"), "{}").unwrap();
    let damaged = page(&lab, &folder);
    for part in [
        "left out 1 of the lines",
        "spans-slow.json is damaged",
        "<b>alloc</b> not available: profiler.json is damaged",
        "fixed-stall: cannot understand",
        "fetch",
    ] {
        assert!(damaged.contains(part), "{part} is not in the page");
    }
    assert!(read_all(&folder).iter().all(|profile| !profile.folder.ends_with("fixed-stall")));
}

fn page(lab: &Lab, folder: &Path) -> String {
    lab.assert_passed_but_for_times(&report(lab, &[folder.to_str().unwrap(), "--html"]));
    fs::read_to_string(folder.join("report.html")).unwrap()
}

/// Takes the last bytes of a file away.
fn cut(file: &Path) {
    let text = fs::read(file).unwrap();
    fs::write(file, &text[..text.len() - 4]).unwrap();
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_comparison_looks_into_both_sides_and_draws_how_they_differ() {
    let lab = Lab::builtin();
    let quick = [
        "compare",
        "greedy",
        "--pairs",
        "6",
        "--duration",
        "200ms",
        "--rate",
        "200",
        // A count is compared on a busy host, too.
        "--metric",
        "allocs_per_op",
        "--profile",
        "stall",
    ];
    let done = lab.passed(&quick);
    let folder = lab.runs()[0].parent().unwrap().to_owned();
    let profiles = names(&folder.join("profiles"));
    for name in [
        "a-buggy-stall",
        "b-fixed-stall",
        "stall-on-cpu-before.svg",
        "stall-on-cpu-difference-as-before.svg",
    ] {
        assert!(profiles.contains(&name.to_owned()), "{name} is not among {profiles:?}");
    }
    assert!(done.stdout.contains("report.html"), "{}", done.stdout);
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("difference, drawn as buggy") && page.contains("order of pairs"));
    let quiet = lab.passed(&[&quick[..11], &["none"]].concat());
    assert!(!quiet.stdout.contains("profiling overhead"), "{}", quiet.stdout);
}
