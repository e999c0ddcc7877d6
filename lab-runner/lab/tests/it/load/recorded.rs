//! `lab compare` of two recordings through the real binary: what it compares, what it refuses, and
//! that it writes nothing.

use crate::support::{Lab, assert_follows_the_schema};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Makes a run one of a lab that wrote no checksum of the spec: with one, a spec that was changed
/// by hand does not pass for that of the run.
fn without_checksum(run: &Path) {
    let file = run.join("outcome.json");
    let mut outcome: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    outcome.as_object_mut().unwrap().remove("spec");
    fs::write(file, outcome.to_string()).unwrap();
}

/// A lab with two recordings of six runs each: a batch, for counts do not depend on the machine.
struct Two {
    lab: Lab,
    faulty: PathBuf,
    fix: PathBuf,
}

impl Two {
    fn recorded() -> Two {
        let lab = Lab::builtin();
        let record = |variant: &str| {
            let before = invocations(lab.out.path());
            lab.passed(&[
                "run",
                "unordered",
                "--variant",
                variant,
                "--trials",
                "6",
                "--size",
                "3000",
            ]);
            invocations(lab.out.path()).into_iter().find(|folder| !before.contains(folder)).unwrap()
        };
        let (faulty, fix) = (record("buggy"), record("fixed"));
        Two { lab, faulty, fix }
    }

    fn refused(&self, args: &[&str], says: &str) {
        let before = invocations(self.lab.out.path());
        let done = self.lab.done(&[&["compare"], args].concat());
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{args:?}: {}", done.stderr);
        assert!(
            done.stderr.starts_with("lab: ") && done.stderr.contains(says),
            "'{says}' not in {}",
            done.stderr
        );
        assert_eq!(done.stderr.lines().count(), 1, "one sentence: {}", done.stderr);
        assert_eq!(invocations(self.lab.out.path()), before, "nothing is written");
    }

    /// Changes a file of every run of the fix, and how it was is back afterwards.
    fn with_changed(&self, file: &str, change: impl Fn(String) -> String, says: &str) {
        let files: Vec<PathBuf> = invocations(&self.fix).iter().map(|run| run.join(file)).collect();
        let texts: Vec<String> =
            files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        for (file, text) in files.iter().zip(&texts) {
            without_checksum(file.parent().unwrap());
            fs::write(file, change(text.clone())).unwrap();
        }
        self.refused(&[path(&self.faulty), path(&self.fix)], says);
        files.iter().zip(&texts).for_each(|(file, text)| fs::write(file, text).unwrap());
    }
}

fn invocations(out: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

fn path(folder: &Path) -> &str {
    folder.to_str().unwrap()
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn two_recordings_are_compared_by_seed_with_a_warning_and_nothing_is_written() {
    let two = Two::recorded();
    let before = invocations(two.lab.out.path());
    let result = two.lab.passed_json(&[
        "compare",
        path(&two.faulty),
        path(&two.fix),
        "--metric",
        "polls_per_op",
    ]);
    assert_follows_the_schema(&result);
    let pairs = &result["pairs"];
    assert_eq!(pairs["done"].as_array().unwrap().len(), 6);
    assert!(pairs["warnings"][0].as_str().unwrap().contains("recorded separately"), "{pairs:#}");
    if pairs.get("invalid").is_none()
        && pairs["done"].as_array().unwrap().iter().all(|p| p.get("dropped").is_none())
    {
        let polls = &result["comparison"][0];
        assert_eq!(
            (&polls["metric"], &polls["verdict"]),
            (&"polls_per_op".into(), &"improved".into()),
            "{polls:#}"
        );
        assert_eq!(pairs["negative_controls"][0]["held"], Value::from(6), "{pairs:#}");
    }
    let named = two.lab.done(&["compare", "unordered", path(&two.faulty), path(&two.fix)]);
    assert!(named.stdout.contains("unordered: buggy → fixed"), "{}{}", named.stdout, named.stderr);
    assert_eq!(invocations(two.lab.out.path()), before, "nothing is written");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn what_cannot_be_compared_is_refused_by_name() {
    let two = Two::recorded();
    let both = [path(&two.faulty), path(&two.fix)];
    two.refused(&[&["greedy"], &both[..]].concat(), "recordings of unordered, not of greedy");
    two.refused(&[&both[..], &["--pairs", "8"]].concat(), "leave --pairs away");
    two.refused(&[&both[..], &["--seed", "1"]].concat(), "leave the options of a load away");
    two.refused(&[both[0], both[0]], "the same recording");
    two.refused(&[both[0], "lab-runs/nowhere"], "there is no recording 'lab-runs/nowhere'");
    let swap =
        |from: &'static str, to: &'static str| move |text: String| text.replacen(from, to, 1);
    two.with_changed("spec.json", swap("\"format\": 2", "\"format\": 99"), "use a newer lab");
    two.with_changed(
        "spec.json",
        swap("\"size\": 3000", "\"size\": 4000"),
        "size (3000 against 4000)",
    );
    two.with_changed(
        "spec.json",
        swap("\"workers\": 1", "\"workers\": 2"),
        "workers (1 against 2)",
    );
    two.with_changed(
        "spec.json",
        swap("\"allocator\": \"", "\"allocator\": \"another "),
        "allocator (",
    );
    two.with_changed("spec.json", swap("\"tokio\": \"1", "\"tokio\": \"9"), "tokio (1.");
    two.with_changed(
        "spec.json",
        swap("\"scenario\": \"unordered\"", "\"scenario\": \"other\""),
        "scenario (",
    );
    two.with_changed("spec.json", |text| text[..text.len() / 2].to_owned(), "cannot understand");
    two.with_changed("outcome.json", |_| String::new(), "is cut off: record it again");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_recording_on_another_machine_is_compared_with_a_loud_warning() {
    let two = Two::recorded();
    for run in invocations(&two.fix) {
        let text = fs::read_to_string(run.join("spec.json")).unwrap();
        let mut spec: Value = serde_json::from_str(&text).unwrap();
        spec["environment"]["cpu"] = "another processor".into();
        fs::write(run.join("spec.json"), spec.to_string()).unwrap();
        without_checksum(&run);
    }
    let done = two.lab.done(&["compare", path(&two.faulty), path(&two.fix)]);
    assert!(
        done.stdout.contains("warning    DIFFERENT MACHINES"),
        "{}{}",
        done.stdout,
        done.stderr
    );
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_truncated_log_and_an_invalid_run_are_refused() {
    let lab = Lab::builtin();
    for variant in ["fixed", "time-slice"] {
        let args = ["run", "greedy", "--variant", variant, "--duration", "100ms", "--size", "2000"];
        lab.passed_but_for_times(&[&args[..], &["--profile", "none"]].concat());
    }
    let [a, b] = &invocations(lab.out.path())[..] else { panic!("two invocations") };
    let log = invocations(b)[0].join("requests.bin");
    let bytes = fs::read(&log).unwrap();
    for length in [0, 100, bytes.len() / 2] {
        fs::write(&log, &bytes[..length]).unwrap();
        let done = lab.done(&["compare", path(a), path(b)]);
        assert_eq!(done.code, 2, "{length} bytes: {}{}", done.stdout, done.stderr);
        assert!(done.stderr.contains("damaged"), "{length} bytes: {}", done.stderr);
    }
}
