//! What strangers' programs share: a table of variants, and a service that answers requests.
//!
//! The programs are the examples of this package: `strangers`, made for the score, and `reported`,
//! after faults that people reported in public. They are a package of their own because their
//! stacks need names, which a build with slim debug information leaves out.

use lab_kit::{Answer, Cx, Kind, Load, Request, Scenario, Truth, Variant};
use std::hint::black_box;
use std::time::Duration;
use tokio::runtime::Runtime;

/// The code of a variant.
pub type Run = fn(&Cx) -> anyhow::Result<()>;

/// Two seconds of load, and not long to wait for answers that never come.
pub const LOAD: Load = Load {
    rate: 300.0,
    duration_ms: 2_000,
    warmup_ms: 200,
    drain_ms: 1_500,
    patience_ms: 6_000,
    ..Load::DEFAULT
};

/// The buggy variant.
pub const fn sick(about: &'static str, run: Run, truth: Option<Truth>) -> Variant {
    let variant = Variant::new("buggy", Kind::Buggy, run).about(about);
    match truth {
        Some(truth) => variant.truth(truth),
        None => variant,
    }
}

/// The fixed variant.
pub const fn cured(about: &'static str, run: Run) -> Variant {
    Variant::new("fixed", Kind::Fixed, run).about(about)
}

/// A scenario of requests.
pub const fn scenario(
    name: &'static str,
    summary: &'static str,
    load: Load,
    variants: &'static [Variant],
) -> Scenario {
    Scenario::new(name, summary, variants).load(load).brief_ms(1_000)
}

/// Answers requests on a runtime of its own, beside a task that is given up when they are over.
pub fn serve<H, Fut, B>(cx: &Cx, handler: H, beside: B) -> anyhow::Result<()>
where
    H: Fn(usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Answer> + Send + 'static,
    B: Future<Output = ()> + Send + 'static,
{
    serve_on(cx.runtime().build()?, cx, handler, beside)
}

/// The same on a runtime of the caller.
pub fn serve_on<H, Fut, B>(runtime: Runtime, cx: &Cx, handler: H, beside: B) -> anyhow::Result<()>
where
    H: Fn(usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Answer> + Send + 'static,
    B: Future<Output = ()> + Send + 'static,
{
    let requests =
        cx.requests(runtime.handle(), move |request: Request| handler(request.number))?;
    requests.wait_for_window();
    let beside = runtime.spawn(beside);
    requests.finish()?;
    beside.abort();
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

/// The same, and waits for that task too, as long as it takes.
pub fn serve_joined<H, Fut, B>(
    runtime: Runtime,
    cx: &Cx,
    handler: H,
    beside: B,
) -> anyhow::Result<()>
where
    H: Fn(usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Answer> + Send + 'static,
    B: Future<Output = ()> + Send + 'static,
{
    let requests =
        cx.requests(runtime.handle(), move |request: Request| handler(request.number))?;
    requests.wait_for_window();
    let beside = runtime.spawn(beside);
    requests.finish()?;
    Ok(runtime.block_on(beside)?)
}

/// A handler without work, or a task that ends at once.
pub async fn nothing() {}

/// Computes for about so many microseconds.
pub fn compute(us: u64) {
    black_box(spin(us * 400));
}

/// Computes for so many rounds of a few nanoseconds.
pub fn spin(rounds: u64) -> u64 {
    (0..rounds).fold(1, |mixed, round| {
        black_box(mixed ^ round).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23)
    })
}
