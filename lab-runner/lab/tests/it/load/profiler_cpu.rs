//! The profiler `cpu` through the real binary: it names what computes, and knows nothing of what
//! waits. Names and shares with wide bounds, no times: a busy machine gives few samples.

use crate::support::Lab;
use crate::support::seen::{looked_into, newest, share, view};
use flate2::read::GzDecoder;
use lab_analysis::profile::View;
use std::io::Read;

/// A view without the samples that have no stack: those that interrupted libc, which has no frame
/// pointers.
fn walked(cpu: &View) -> View {
    let walked = cpu.folded.renamed(|frames| {
        let known = frames.iter().filter(|frame| **frame != "[no stack]");
        known.map(|frame| frame.to_string()).collect()
    });
    View { folded: walked, ..cpu.clone() }
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn the_import_that_starves_has_the_cpu_time_of_its_worker() {
    let lab = Lab::builtin();
    let profile = looked_into(&lab, "greedy", "buggy", "cpu", &["--duration", "1500ms"]);
    let cpu = view(&profile, "cpu");
    let import = share(&walked(cpu), &["scenario_greedy::buggy::import"]).unwrap();
    assert!(import >= 0.8, "{import} of the CPU time is the import's");
    let parsing = share(cpu, &["scenario_greedy::buggy::import", "serde_json"]).unwrap();
    assert!(parsing >= 0.4, "{parsing} of it is parsing, by name");
    let counts = &profile.note.counts;
    assert!(counts["samples_delivered"] <= counts["samples_asked"] + 10, "{counts:?}");
    assert!(counts["samples_delivered"] >= 20, "{counts:?}");
    assert!(
        profile.note.notes[0].contains("1000 for each second of CPU time"),
        "{:?}",
        profile.note
    );
    assert!(!profile.folder.join("scratch").exists(), "the profiler leaves no file behind");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn its_stacks_open_in_other_tools() {
    let lab = Lab::builtin();
    let profile = looked_into(&lab, "greedy", "busy-but-fair", "cpu", &["--duration", "1s"]);
    let mut written = Vec::new();
    let file = std::fs::File::open(profile.folder.join("cpu.pb.gz")).unwrap();
    GzDecoder::new(file).read_to_end(&mut written).unwrap();
    let has = |text: &str| written.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    for text in ["nanoseconds", "scenario_greedy::busy_but_fair::consume", "serde_json"] {
        assert!(has(text), "{text} is in cpu.pb.gz");
    }
    let cpu = view(&profile, "cpu");
    let samples = cpu.samples.as_ref().unwrap();
    assert_eq!(samples.len(), cpu.folded.len(), "each time comes from samples");
    assert!(samples.total() <= profile.note.counts["samples_delivered"] as f64);
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_blocking_read_is_next_to_nothing_of_the_cpu_time() {
    let lab = Lab::builtin();
    let profile = looked_into(&lab, "blocking", "buggy", "cpu", &["--duration", "1500ms"]);
    // So little is computed that a busy machine may see none of it, which the profiler
    // must say itself.
    let Some(cpu) = profile.views.first() else {
        return assert!(profile.note.unavailable.unwrap().contains("no samples of the service"));
    };
    let reading = share(cpu, &["read_to_string"]).unwrap();
    assert!(reading <= 0.3, "{reading} of the CPU time is the read's, which freezes all");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn polls_in_vain_are_named_and_so_is_the_wake_that_causes_them() {
    let lab = Lab::builtin();
    let faulty = looked_into(&lab, "unordered", "buggy", "cpu", &[]);
    let cpu = view(&faulty, "cpu");
    let vain = share(cpu, &["FuturesUnordered", "poll_next"]).unwrap();
    assert!(vain >= 0.25, "{vain} of the CPU time is spent polling the whole set");
    let wakes = share(cpu, &["tokio::runtime::scheduler::defer::Defer::wake"]).unwrap();
    assert!(wakes >= 0.05, "{wakes} of it are the deferred wakes");
    let cured = looked_into(&lab, "unordered", "fixed", "cpu", &[]);
    let vain = cured.views.first().and_then(|cpu| share(cpu, &["FuturesUnordered", "poll_next"]));
    assert!(vain.is_none_or(|vain| vain < 0.05), "gone with the fix: {vain:?}");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_run_that_is_killed_keeps_what_was_sampled() {
    let lab = Lab::builtin();
    let killed = [
        "run",
        "greedy",
        "--profile",
        "cpu",
        "--duration",
        "1s",
        "--size",
        "160kB",
        "--timeout",
        "1800ms",
    ];
    assert!(
        lab.broken(&killed).stdout.contains("the import ends"),
        "a run that is killed does not end as it claims"
    );
    let profile = newest(&lab);
    let import = share(view(&profile, "cpu"), &["scenario_greedy::buggy::import"]).unwrap();
    assert!(import >= 0.5, "{import} of the CPU time is the import's");
    assert!(
        profile.note.notes.iter().any(|note| note.contains("killed during the profile")),
        "{:?}",
        profile.note
    );
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_hang_that_uses_no_cpu_time_is_no_empty_profile() {
    let lab = Lab::builtin();
    let profile = looked_into(&lab, "shutdown", "buggy", "cpu", &["--timeout", "3s"]);
    match &profile.note.unavailable {
        Some(why) => {
            assert!(why.contains("before it was killed") && why.contains("try a longer"), "{why}")
        }
        None => assert!(!view(&profile, "cpu").folded.is_empty()),
    }
}
