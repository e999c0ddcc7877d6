//! `lab export` of a run that was profiled a moment ago.

use crate::support::{Lab, exported};
use lab_analysis::stacks::Folded;
use std::fs;

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn stacks_are_written_for_each_view_under_names_that_match() {
    let lab = Lab::builtin();
    lab.passed_but_for_times(&[
        "run",
        "greedy",
        "--fixed",
        "--duration",
        "300ms",
        "--profile",
        "stall",
    ]);
    let folded = exported(&lab, &["--to", "folded"]);
    assert!(folded[0].parent().unwrap().ends_with("export"), "in the recording: {folded:?}");
    let on_cpu = folded.iter().find(|path| path.ends_with("fixed-stall-on-cpu.ns.folded")).unwrap();
    let shown = Folded::parse(&fs::read(on_cpu).unwrap()).folded;
    assert!(shown.inclusive().contains_key("scenario_greedy::…::import::{closure}"), "{shown}");
    let plumbing = |stacks: &Folded| {
        stacks.inclusive().keys().filter(|name| name.starts_with("tokio::")).count()
    };
    exported(&lab, &["--to", "folded", "--fold", "tokio"]);
    let folded = Folded::parse(&fs::read(on_cpu).unwrap()).folded;
    assert!(plumbing(&folded) < plumbing(&shown) && folded.inclusive().contains_key("[tokio]"));
    let pprof = exported(&lab, &["--to", "pprof"]);
    assert!(
        pprof.iter().all(|path| fs::read(path).unwrap().starts_with(&[0x1f, 0x8b])),
        "compressed: {pprof:?}"
    );
}
