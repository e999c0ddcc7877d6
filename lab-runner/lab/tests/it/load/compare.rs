//! `lab compare` through the real binary: pairs, order, seeds and the shape of its result. What
//! changed by how much is for a quiet machine to say.

use crate::support::{Done, Lab, assert_follows_the_schema, signal, until};
use serde_json::Value;
use std::path::PathBuf;

/// A comparison whose primary metric no busy machine turns round: polls of a batch decide about CPU
/// time.
const QUICK: [&str; 9] =
    ["compare", "unordered", "--pairs", "6", "--size", "20000", "--profile", "none", "--timeout"];

fn compared<'a>(result: &'a Value, metric: &str) -> &'a Value {
    let all = result["comparison"].as_array().unwrap();
    all.iter()
        .find(|one| one["metric"] == metric)
        .unwrap_or_else(|| panic!("no {metric} in {all:#?}"))
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn pairs_tell_a_fix_by_counts_and_say_how_sure_they_are() {
    let lab = Lab::builtin();
    let done = lab.passed(&[&QUICK[..], &["120s", "--format", "json"]].concat());
    let (code, result) = (done.code, done.json());
    assert_follows_the_schema(&result);
    assert!(pictures(&lab).is_empty(), "a batch has no responses");
    let pairs = &result["pairs"];
    assert_eq!((&pairs["before"], &pairs["after"]), (&"buggy".into(), &"fixed".into()));
    let done = pairs["done"].as_array().unwrap();
    assert_eq!(result["runs"].as_array().unwrap().len(), 2 * done.len());
    let seeds: Vec<u64> = done.iter().map(|pair| pair["seed"].as_u64().unwrap()).collect();
    assert_eq!(seeds, (7..7 + done.len() as u64).collect::<Vec<_>>());
    // Others change no count, whatever they take.
    let polls = compared(&result, "polls_per_op");
    assert!((polls["medians"][0].as_f64().unwrap() - 78.6).abs() < 0.1, "{polls:#}");
    assert_eq!(result["comparison"][0]["primary"], true, "the primary metric comes first");
    // Beside other tests the host is busy: pairs are replaced, at most half as many again, or the
    // comparison ends early and says who was in its way.
    let quiet = done.iter().filter(|pair| pair["times"] == "measured").count();
    match done.len() {
        3 => assert_eq!((code, pairs["invalid"].is_string()), (4, true), "{pairs:#}"),
        6..9 => assert_eq!(quiet, 6, "{pairs:#}"),
        all => assert!(all == 9 && quiet <= 6, "{pairs:#}"),
    }
}

/// The pictures in the folder of the only invocation.
fn pictures(lab: &Lab) -> Vec<PathBuf> {
    let invocation = lab.runs()[0].parent().unwrap().to_owned();
    let files = std::fs::read_dir(invocation).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "svg")).collect()
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn responses_are_drawn_once_and_reading_them_again_draws_nothing() {
    let lab = Lab::builtin();
    let quick =
        ["compare", "blocking", "--pairs", "6", "--duration", "200ms", "--rate", "200", "-vv"];
    let done = lab.passed(&quick);
    let drawn = pictures(&lab);
    // Beside other tests the host may be so busy that there is nothing to draw.
    let (_, result) = lab.json(&["report"]);
    let pairs = result["pairs"]["done"].as_array().unwrap();
    let has_times = pairs.iter().any(|pair| pair["times"] != "excluded");
    assert_eq!(drawn.len(), if has_times { 2 } else { 0 }, "{}{}", done.stdout, done.stderr);
    assert_eq!(done.stdout.contains("/distribution.svg,"), has_times, "{}", done.stdout);
    drawn.iter().for_each(|file| std::fs::remove_file(file).unwrap());
    let again = lab.done(&["report", "-vv"]);
    assert!(pictures(&lab).is_empty() && !again.stdout.contains("pictures"), "{}", again.stdout);
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn an_interrupt_gives_the_comparison_of_the_pairs_until_then() {
    let lab = Lab::builtin();
    let args = ["compare", "unordered", "--pairs", "200", "--size", "2000", "--format", "json"];
    let parent = lab.command(&args).stdout(std::process::Stdio::piped()).spawn().unwrap();
    until("some pairs are done", || lab.runs().len() > 16);
    signal("INT", parent.id());
    let done = Done::from(parent.wait_with_output().unwrap());
    let result: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(done.code, 130);
    let pairs = result["pairs"]["done"].as_array().unwrap().len();
    assert!((8..200).contains(&pairs), "{pairs}");
}
