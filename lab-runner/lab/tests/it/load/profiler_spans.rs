//! The profiler `spans` through the real binary: each scenario's steps by name, the slowest request
//! poll by poll. Names, counts and shares with wide bounds, no times.

use crate::support::Lab;
use crate::support::seen::{looked_into, share, view};
use lab_analysis::profile::Profile;
use lab_recording::observations::SlowRequest;

/// The slowest request, its polls in order and within its time.
fn slowest(profile: &Profile) -> &SlowRequest {
    let slow = profile
        .slow
        .as_ref()
        .unwrap_or_else(|| panic!("no request was followed: {:?}", profile.note));
    let ends: Vec<f64> = slow.polls.iter().map(|poll| poll.at_us + poll.us).collect();
    assert!(ends.is_sorted() && ends.last().is_none_or(|last| *last <= slow.us + 1.0), "{slow:?}");
    assert!(slow.polls.iter().zip(&ends).skip(1).all(|(poll, _)| poll.at_us >= 0.0), "{slow:?}");
    slow
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn an_import_is_told_by_its_steps_and_a_request_that_waits_has_one_poll() {
    let lab = Lab::builtin();
    let profile = looked_into(&lab, "greedy", "buggy", "spans", &["--duration", "1s"]);
    let spans = view(&profile, "spans");
    let import = share(spans, &["import"]).unwrap();
    assert!(import >= 0.8, "{import} of the time in spans is the import's: {}", spans.folded);
    for step in [["import", "validate"], ["import", "store"], ["request", "quote"]] {
        assert!(share(spans, &step).unwrap() > 0.0, "{step:?}: {}", spans.folded);
    }
    let pieces = spans.samples.as_ref().unwrap();
    assert!(
        pieces.weight(&["import", "validate"]) > 1_000.0,
        "each message is validated: {pieces}"
    );
    let slow = slowest(&profile);
    assert_eq!((slow.polls.len(), slow.polls[0].step.as_str()), (1, "request"), "{slow:?}");
    assert!(profile.note.counts["followed"] > 100, "{:?}", profile.note);
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_request_that_waits_for_a_timer_has_two_polls_and_a_step_in_which_it_waits() {
    let lab = Lab::builtin();
    let profile = looked_into(&lab, "greedy", "slow-upstream", "spans", &["--duration", "500ms"]);
    let slow = slowest(&profile);
    assert!(slow.polls.len() >= 2, "{slow:?}");
    assert_eq!(
        slow.polls[0].step, "request;fetch",
        "the first poll ends inside the step that waits: {slow:?}"
    );
    assert_eq!(
        slow.polls.last().unwrap().step,
        "request",
        "the last one ends when all is done: {slow:?}"
    );
    let polled: f64 = slow.polls.iter().map(|poll| poll.us).sum();
    assert!(polled < slow.us, "the time between polls is in no poll: {slow:?}");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_blocking_read_is_one_long_poll_of_a_document() {
    let lab = Lab::builtin();
    let faulty = looked_into(&lab, "blocking", "buggy", "spans", &["--duration", "1s"]);
    let reading = share(view(&faulty, "spans"), &["document"]).unwrap();
    assert!(
        reading >= 0.8,
        "{reading} of the time in spans is the documents': {}",
        view(&faulty, "spans").folded
    );
    let cured = looked_into(&lab, "blocking", "fixed", "spans", &["--duration", "1s"]);
    let document = |profile: &Profile| view(profile, "spans").folded.weight(&["document"]);
    assert!(
        document(&cured) < document(&faulty) / 5.0,
        "with the fix a document waits outside of its polls"
    );
    assert!(
        share(view(&cured, "spans"), &["index"]).unwrap() > 0.0,
        "the pool's thread has a stack of its own"
    );
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn pieces_of_a_batch_are_polled_in_vain_and_with_the_fix_they_are_not() {
    let lab = Lab::builtin();
    let pieces = |variant: &str| {
        let profile = looked_into(&lab, "unordered", variant, "spans", &["--size", "4000"]);
        assert_eq!(profile.note.counts["followed"], 4_000, "{:?}", profile.note);
        assert!(
            slowest(&profile).polls.iter().all(|poll| poll.step.starts_with("piece")),
            "{:?}",
            profile.slow
        );
        let spans = view(&profile, "spans");
        assert!(share(spans, &["piece", "checksum"]).unwrap() > 0.0, "{}", spans.folded);
        spans.samples.as_ref().unwrap().weight(&["piece"])
    };
    let (faulty, cured) = (pieces("buggy"), pieces("fixed"));
    assert!(faulty > 2.0 * cured, "{faulty} against {cured} times inside a piece");
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_service_that_waits_for_itself_is_seen_inside_the_poll_that_never_ends() {
    let lab = Lab::builtin();
    let profile = looked_into(&lab, "shutdown", "buggy", "spans", &["--timeout", "4s"]);
    let notes = profile.note.notes.join("\n");
    assert!(notes.contains("killed during the profile"), "{notes}");
    assert!(notes.contains("inside task after"), "{notes}");
    let task = share(view(&profile, "spans"), &["task"]).unwrap();
    assert!(
        task >= 0.8,
        "{task} of the time in spans is the supervisor's: {}",
        view(&profile, "spans").folded
    );
}
