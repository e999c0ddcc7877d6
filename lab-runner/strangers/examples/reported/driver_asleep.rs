//! One task that computes, and a second worker that sleeps meanwhile although requests are there.

use lab_kit::{Cause, Cx, Kind, Load, Scenario, Truth, Variant};
use lab_strangers::{LOAD, compute, cured, nothing, scenario, serve, serve_on, sick};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

pub static SCENARIO: Scenario = scenario(
    "driver-asleep",
    "queries that compute for a quarter of a second, and two workers",
    Load { rate: 500.0, workers: 2, ..LOAD },
    &[
        sick(
            "the worker that computes is the one that was to look for input",
            |cx| serve(cx, |_number| nothing(), queries()),
            Some(Truth::new(Cause::DriverStarvation, "reported::driver_asleep::query")),
        ),
        cured("a query computes on a blocking thread", |cx| {
            serve(cx, |_number| nothing(), queries_fixed())
        }),
        Variant {
            name: "eager",
            kind: Kind::Fix,
            ..cured("a worker that begins a task wakes another one to look for input", eager)
        },
        Variant {
            name: "poked",
            kind: Kind::Trap,
            ..cured("as buggy, beside a thread that wakes a task every ten milliseconds", poked)
        },
    ],
);

async fn query() {
    compute(250_000);
}

async fn queries() {
    loop {
        sleep(Duration::from_millis(150)).await;
        query().await;
    }
}

async fn queries_fixed() {
    loop {
        sleep(Duration::from_millis(150)).await;
        let _ = spawn_blocking(|| compute(250_000)).await;
    }
}

fn eager(cx: &Cx) -> anyhow::Result<()> {
    let mut builder = cx.runtime();
    builder.enable_eager_driver_handoff();
    serve_on(builder.build()?, cx, |_number| nothing(), queries())
}

fn poked(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.runtime().build()?;
    let wake = std::sync::Arc::new(tokio::sync::Notify::new());
    let waits = std::sync::Arc::clone(&wake);
    runtime.spawn(async move {
        loop {
            waits.notified().await;
        }
    });
    let poker = std::thread::Builder::new().name("poker".into());
    poker.spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(10));
            wake.notify_one();
        }
    })?;
    serve_on(runtime, cx, |_number| nothing(), queries())
}
