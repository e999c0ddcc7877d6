//! Asks for a known number of bytes after the warm-up, in sizes that differ a thousandfold from one and the same line, and
//! keeps a known number of them: what a heap profiler should have seen.

use lab_kit::{Claim, Column, Cx, Ending, Kind, Load, Scenario, Variant, no_input};
use std::hint::black_box;
use std::time::Duration;
use std::{mem, thread};

/// Asks for memory and gives it back at once. Returns the bytes.
#[inline(never)]
fn churns() -> u64 {
    let sizes = (0..1_000).flat_map(|_| [65_536].into_iter().chain([64; 1_024]));
    sizes.map(|size| black_box(Vec::<u8>::with_capacity(black_box(size))).capacity() as u64).sum()
}

/// Asks for memory, in sizes that jemalloc gives exactly, and never gives it back. Returns the bytes.
#[inline(never)]
fn leaks() -> u64 {
    let sizes = (0..512).flat_map(|_| [65_536].into_iter().chain([1_024; 64]));
    let leak = |size| {
        let kept = black_box(Vec::<u8>::with_capacity(black_box(size)));
        let bytes = kept.capacity() as u64;
        mem::forget(kept);
        bytes
    };
    sizes.map(leak).sum()
}

/// Requests that do nothing, and beside them the work, well after the warm-up.
fn during(cx: &Cx, work: impl FnOnce(&Cx) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let runtime = cx.runtime().build()?;
    let requests = cx.requests(runtime.handle(), |_request| std::future::ready(()))?;
    requests.wait_for_window();
    // A profiler takes a moment to begin.
    thread::sleep(Duration::from_millis(700));
    work(cx)?;
    requests.finish()
}

fn churn(cx: &Cx) -> anyhow::Result<()> {
    cx.probe().counter("churned_bytes")?.add(churns());
    Ok(())
}

fn leak(cx: &Cx) -> anyhow::Result<()> {
    cx.probe().counter("leaked_bytes")?.add(leaks());
    churn(cx)
}

fn flood(cx: &Cx) -> anyhow::Result<()> {
    cx.probe().counter("churned_bytes")?.add((0..12).map(|_| churns()).sum());
    Ok(())
}

fn hang(cx: &Cx) -> anyhow::Result<()> {
    churn(cx)?;
    thread::sleep(Duration::from_secs(3_600));
    Ok(())
}

const fn variant(name: &'static str, run: fn(&Cx) -> anyhow::Result<()>, claims: &'static [Claim]) -> Variant {
    Variant { name, kind: Kind::Fix, about: "asks for a known number of bytes", run, claims, truth: None }
}

/// The scenario.
pub static LEAKY: Scenario = Scenario {
    name: "leaky",
    summary: "memory that is asked for, and some that is kept",
    chapter: "leaky",
    load: Load { rate: 100.0, warmup_ms: 100, duration_ms: 1_200, ..Load::DEFAULT },
    brief_ms: 1_200,
    primary: "response_p50_us",
    columns: Column::RESPONSES,
    metrics: &[],
    check: no_input,
    ledger: &[],
    controls: &[],
    variants: &[
        variant("leaks", |cx| during(cx, leak), &[Claim::ending("ends by itself", Ending::Finished)]),
        variant("churns", |cx| during(cx, churn), &[Claim::ending("ends by itself", Ending::Finished)]),
        variant("floods", |cx| during(cx, flood), &[Claim::ending("ends by itself", Ending::Finished)]),
        variant("hangs", |cx| during(cx, hang), &[Claim::ending("never ends", Ending::Hung)]),
    ],
};
