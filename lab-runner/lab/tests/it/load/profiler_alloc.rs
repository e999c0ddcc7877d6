//! The profiler `alloc` against the truth: binaries that ask for a known number of bytes and keep a
//! known number of them.

use crate::support::Lab;
use lab_analysis::profile::{Profile, View, read_all};
use lab_analysis::stacks::has_frame;
use lab_recording::alloc as recorded;
use lab_recording::alloc::{heap, read};
use serde_json::Value;
use std::fs;

/// A variant and what the profiler saw of it: the run that measured, and the one that was looked
/// into.
fn looked_into(lab: &Lab, scenario: &str, variant: &str, more: &[&str]) -> (Value, Profile) {
    let args = ["run", scenario, "--variant", variant, "--profile", "alloc"];
    let result = lab.passed_json(&[&args[..], more].concat());
    (result["runs"][0].clone(), read_all(&lab.newest()).pop().unwrap())
}

fn view<'a>(profile: &'a Profile, name: &str) -> &'a View {
    profile
        .views
        .iter()
        .find(|view| view.name == name)
        .unwrap_or_else(|| panic!("no {name} in {:#?}", profile.note))
}

/// Fails unless the bytes of a function, with all that it calls, are those that it tells of itself,
/// within a tenth.
#[expect(clippy::print_stdout, reason = "a ratio for whoever asks for it")]
fn assert_is_the_truth(run: &Value, metric: &str, view: &View, function: &str) {
    let truth = bytes(run, metric);
    let share = view.folded.share(|frames| has_frame(frames, function)).unwrap_or(0.0);
    let ratio = share * view.folded.total() / truth;
    println!("{}: {ratio:.3} of the truth", view.name);
    assert!((0.9..1.1).contains(&ratio), "{ratio} of the truth: {}", view.folded);
}

/// What a run tells of itself.
fn bytes(run: &Value, metric: &str) -> f64 {
    run["metrics"][metric].as_f64().unwrap_or_else(|| panic!("no {metric} in {run:#}"))
}

fn assert_says(profile: &Profile, part: &str) {
    let notes = &profile.note.notes;
    assert!(notes.iter().any(|note| note.contains(part)), "nobody says '{part}': {notes:#?}");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn churn_and_leak_are_told_within_a_tenth_of_the_truth() {
    let lab = Lab::leaky();
    let (run, profile) = looked_into(&lab, "leaky", "leaks", &[]);
    let (churn, live) = (view(&profile, "alloc churn"), view(&profile, "alloc live"));
    assert_is_the_truth(&run, "churned_bytes", churn, "scenario::churns");
    assert_is_the_truth(&run, "leaked_bytes", churn, "scenario::leaks");
    assert_is_the_truth(&run, "leaked_bytes", live, "scenario::leaks");
    assert!(
        !live.folded.stacks().any(|(frames, _)| has_frame(&frames, "scenario::churns")),
        "{}",
        live.folded
    );
    for view in [churn, live] {
        let samples = view.samples.as_ref().unwrap();
        assert_eq!(samples.len(), view.folded.len(), "the same stacks");
        assert!(samples.total() > 1_000.0);
        let own = |frame: &&str| frame.contains("lab_kit::alloc") || frame.contains("_rjem_");
        assert!(!view.folded.stacks().any(|(frames, _)| frames.iter().any(own)), "{}", view.folded);
    }
    for file in ["alloc-churn.pb.gz", "alloc-live.pb.gz"] {
        assert!(fs::metadata(profile.folder.join(file)).unwrap().len() > 100, "{file}");
    }
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn what_is_given_back_at_the_end_is_alive_at_the_end_of_the_load_and_only_the_late_part_was_added()
{
    let lab = Lab::leaky();
    let asked = ["--duration", "3s", "--keep-raw"];
    let (run, profile) = looked_into(&lab, "leaky", "holds", &asked);
    let (live, growth) = (view(&profile, recorded::LIVE), view(&profile, recorded::GROWTH));
    assert_is_the_truth(&run, "early_bytes", live, "scenario::keeps_early");
    assert_is_the_truth(&run, "late_bytes", live, "scenario::keeps_late");
    assert_is_the_truth(&run, "late_bytes", growth, "scenario::keeps_late");
    assert!(
        !growth.folded.stacks().any(|(frames, _)| has_frame(&frames, "scenario::keeps_early")),
        "{}",
        growth.folded
    );
    assert_eq!(profile.note.counts[recorded::AT_LOAD_END], 1);
    for file in [recorded::FIRST_HEAP, recorded::HEAP] {
        assert!(profile.folder.join(file).exists(), "{file}");
    }
    let held = |name: &str| profile.note.counts[name] as f64;
    let added = held("held_bytes_at_load_end") - held("held_bytes_after_first_part");
    assert!(added > 0.9 * bytes(&run, "late_bytes"), "{added}");
    assert!(held("held_bytes_at_end") < held("held_bytes_after_first_part"), "all is given back");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn its_estimate_stands_beside_what_was_counted() {
    let lab = Lab::leaky();
    let (run, profile) = looked_into(&lab, "leaky", "churns", &["--keep-raw"]);
    let count =
        |name: &str| profile.note.counts.get(name).copied().unwrap_or_else(|| panic!("no {name}"));
    let truth = bytes(&run, "churned_bytes") as u64;
    assert!(
        (truth..truth + truth / 100).contains(&count("churn_bytes_counted")),
        "{:#?}",
        profile.note
    );
    assert!(count("churn_bytes_sampled").abs_diff(truth) < truth / 10);
    assert_eq!(
        (count("churn_samples_lost"), count("churn_sample_every_bytes")),
        (0, recorded::CHURN_EVERY)
    );
    assert_says(&profile, "of the counted bytes");
    assert!(view(&profile, "alloc live").folded.total() < truth as f64 / 100.0, "nothing is kept");
    let used = fs::metadata(profile.folder.join(recorded::FILE)).unwrap().len();
    assert!(used < 30 << 20, "blocks that were not needed went back to the disk: {used}");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn more_than_there_is_room_for_makes_samples_rarer_and_no_less_true() {
    let lab = Lab::leaky();
    let (run, profile) = looked_into(&lab, "leaky", "floods", &[]);
    assert_is_the_truth(&run, "churned_bytes", view(&profile, "alloc churn"), "scenario::churns");
    assert_eq!(profile.note.counts["churn_samples_lost"], 0);
    assert_says(&profile, "the sampling interval grew");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn memory_is_told_over_time() {
    let lab = Lab::leaky();
    let (run, profile) = looked_into(&lab, "leaky", "leaks", &[]);
    let leaked = bytes(&run, "leaked_bytes") as u64;
    let (first, last) = (profile.memory.first().unwrap(), profile.memory.last().unwrap());
    assert!(
        profile.memory.len() > 5 && profile.memory.is_sorted_by(|a, b| a.ms < b.ms),
        "{:?}",
        profile.memory
    );
    assert!(last.allocated >= first.allocated + leaked / 10 * 9, "{first:?} {last:?}");
    assert!(last.active >= last.allocated && last.resident >= last.active, "{last:?}");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_binary_without_jemalloc_shows_who_asks_and_says_why_not_who_keeps() {
    let lab = Lab::leaky_system();
    let (run, profile) = looked_into(&lab, "leaky", "leaks", &[]);
    assert_is_the_truth(&run, "churned_bytes", view(&profile, "alloc churn"), "scenario::churns");
    assert_eq!((profile.views.len(), profile.memory.len()), (1, 0));
    assert_says(&profile, "no jemalloc in this binary: put `Counting::over(lab_runner::Jemalloc)`");
    assert_eq!(profile.spec.environment.allocator.as_deref(), Some("system, counted"));
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_binary_that_neither_counts_nor_has_jemalloc_names_the_next_step() {
    let lab = Lab::endings();
    let (_, profile) = looked_into(&lab, "endings", "quick", &[]);
    let why = profile.note.unavailable.unwrap();
    assert!(why.contains("#[global_allocator]"), "{why}");
    assert_eq!(profile.spec.environment.allocator, None);
    assert!(!profile.folder.join(recorded::FILE).exists(), "nothing was made for nothing");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_run_that_is_killed_keeps_what_was_asked_for() {
    let lab = Lab::leaky();
    let (run, profile) = looked_into(&lab, "leaky", "hangs", &["--timeout", "3s"]);
    assert_is_the_truth(&run, "churned_bytes", view(&profile, "alloc churn"), "scenario::churns");
    assert_eq!(profile.views.len(), 1);
    assert_says(&profile, "live: the run was killed before its heap profile was written");
    assert!(profile.memory.len() > 5, "memory was told until then");
    assert!(profile.note.counts["churn_bytes_counted"] > 0, "{:?}", profile.note);
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn the_lab_itself_has_jemalloc_and_names_who_asks() {
    let lab = Lab::builtin();
    let (_, profile) = looked_into(&lab, "unordered", "fixed", &["--size", "2000"]);
    let allocator = profile.spec.environment.allocator.clone().unwrap();
    assert!(
        allocator.starts_with("jemalloc 5.") && allocator.ends_with(", counted"),
        "{allocator}"
    );
    let churn = view(&profile, "alloc churn");
    let own = churn.folded.share(|frames| has_frame(frames, "scenario_unordered::fixed")).unwrap();
    assert!(
        own > 0.5,
        "{own} of the bytes are asked for by the code under study: {}",
        churn.folded
    );
    view(&profile, "alloc live");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn damaged_files_are_read_as_far_as_they_go() {
    let lab = Lab::leaky();
    let (_, profile) = looked_into(&lab, "leaky", "leaks", &["--keep-raw"]);
    let change = |file: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let path = profile.folder.join(file);
        fs::write(&path, change(fs::read(&path).unwrap())).unwrap();
    };
    let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    change("alloc-churn.folded", &half);
    change("alloc-live.folded", &|bytes| {
        [b"no weight\n".to_vec(), bytes, b"a;b -7\n".to_vec()].concat()
    });
    change("alloc-live-samples.folded", &|_| vec![0xff, 0, b'\n', b' ', b'7']);
    change("alloc-memory.json", &half);
    let again = read_all(profile.folder.parent().unwrap().parent().unwrap()).pop().unwrap();
    assert_eq!(
        view(&again, "alloc live").damage,
        ["left out 2 of the lines: no stack and a weight"]
    );
    assert_eq!(view(&again, "alloc live").folded, view(&profile, "alloc live").folded);
    assert!(
        view(&again, "alloc churn").folded.total() < view(&profile, "alloc churn").folded.total()
    );
    assert!(again.memory.is_empty());
    assert_eq!(
        lab.done(&["report", &profile.folder.display().to_string()]).code,
        0,
        "and it is still reported"
    );

    let raw = fs::read(profile.folder.join(recorded::FILE)).unwrap();
    let cut = read::parse(&half(raw.clone())).unwrap();
    let whole = read::parse(&raw).unwrap();
    assert_eq!(cut.samples, whole.samples[..cut.samples.len()]);
    let text = fs::read(profile.folder.join(recorded::HEAP)).unwrap();
    let cut = heap::parse(&text[..200]).unwrap();
    assert!(cut.cut && cut.stacks.len() <= heap::parse(&text).unwrap().stacks.len());
}
