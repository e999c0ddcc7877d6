//! The null target: a service that does nothing, so that what is measured on it is the lab's own.

use lab_kit::{
    Arrivals, Claim, Column, Cx, Ending, Kind, Load, Request, Scenario, Variant, Watch, no_input, turns::Builder,
};
use std::future::{Ready, ready};

/// One variant, whose handler is empty.
pub(super) static SCENARIO: Scenario = Scenario {
    name: "null",
    summary: "a service that does nothing, to measure the lab itself",
    chapter: "null",
    load: Load { warmup_ms: 20, ..Load::DEFAULT },
    brief_ms: 500,
    primary: "response_p50_us",
    columns: Column::RESPONSES,
    check: no_input,
    ledger: &[],
    controls: &[],
    variants: &[Variant {
        name: "buggy",
        kind: Kind::Buggy,
        about: "answers at once",
        run: |cx| answer(cx, nothing),
        claims: &[Claim::ending("ends by itself", Ending::Finished)],
        truth: None,
    }],
};

fn nothing(_request: Request) -> Ready<()> {
    ready(())
}

fn answer(cx: &Cx, handler: fn(Request) -> Ready<()>) -> anyhow::Result<()> {
    let runtime = cx.runtime().build()?;
    cx.requests(runtime.handle(), handler)?.finish()
}

/// A load on the null target, for as long as it takes to pace it.
pub(super) fn load(arrivals: Arrivals, rate: f64, duration_ms: u64) -> Load {
    Load { arrivals, rate, duration_ms, ..SCENARIO.load.clone() }
}

/// Puts a load on it in this process, and leaves the request log in the context's folder.
pub(super) fn run(cx: Cx) -> anyhow::Result<()> {
    // A watched run measures no floor, which would be the null target once more.
    answer(&cx.watched(std::sync::Arc::new(Nobody)), nothing)
}

/// Watches nothing.
#[derive(Debug)]
struct Nobody;

impl Watch for Nobody {
    fn runtime(&self, _builder: &mut Builder) {}

    fn begin(&self) {}
}
