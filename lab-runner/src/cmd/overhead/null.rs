//! The null target: a service that does nothing, so that what is measured on it is the lab's own.

use lab_kit::{Claim, Cx, Request, Scenario, Variant};
use lab_recording::{Arrivals, Ending, Kind, Load};
use std::future::{Ready, ready};

/// One variant, whose handler is empty.
pub(crate) static SCENARIO: Scenario = Scenario::new(
    "null",
    "a service that does nothing, to measure the lab itself",
    &[Variant::new("buggy", Kind::Buggy, |cx| answer(cx, nothing))
        .about("answers at once")
        .claims(&[Claim::ending("ends by itself", Ending::Finished)])],
)
.load(Load { warmup_ms: 5, ..Load::DEFAULT })
.primary("response_p50_us");

/// A target that falls behind is not waited for: what was sent, and when, is known by then.
const DRAIN_MS: u64 = 100;

fn nothing(_request: Request) -> Ready<()> {
    ready(())
}

fn answer(cx: &Cx, handler: fn(Request) -> Ready<()>) -> anyhow::Result<()> {
    let runtime = cx.runtime().build()?;
    cx.requests(runtime.handle(), handler)?.finish()
}

/// A load on the null target, for as long as it takes to pace it.
pub(crate) fn load(arrivals: Arrivals, rate: f64, duration_ms: u64) -> Load {
    Load { arrivals, rate, duration_ms, drain_ms: DRAIN_MS, ..SCENARIO.load.clone() }
}

/// Puts a load on it in this process, and leaves the request log in the context's folder. Measures
/// no floor, which would be the null target once more.
pub(crate) fn run(cx: Cx) -> anyhow::Result<()> {
    answer(&cx.quiet(), nothing)
}
