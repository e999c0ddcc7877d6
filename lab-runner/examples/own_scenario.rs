//! A scenario from outside the tree: a `static` and a one-line `main` give it every command of the lab.
//! Its variants end in every way that a run can end, which is what the lab's own tests use them for.

#![expect(clippy::disallowed_methods, reason = "one variant leaves its process early, and that is its point")]

use lab_kit::watched::AsyncMutex;
use lab_kit::{Claim, Column, Cx, Ending, Kind, Load, Scenario, Variant, no_input};
use std::process::{Command, ExitCode};
use std::sync::{Arc, atomic::AtomicBool};
use std::{io, io::Write, thread, time::Duration};

/// Requests that do nothing but count themselves, and then the end that is asked for.
fn then(cx: &Cx, end: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let runtime = cx.runtime().build()?;
    let greeted = cx.probe().counter("greeted")?;
    let greet = move |_request| {
        greeted.add(1);
        std::future::ready(())
    };
    cx.requests(runtime.handle(), greet)?.finish()?;
    end()
}

fn pause() -> anyhow::Result<()> {
    thread::sleep(Duration::from_secs(3_600));
    Ok(())
}

fn stubborn(cx: &Cx) -> anyhow::Result<()> {
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::<AtomicBool>::default())?;
    then(cx, pause)
}

/// More threads and tasks than anybody wants to read about, all of which wait for ever.
fn crowd(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.runtime().build()?;
    (0..10_000).for_each(|_| drop(runtime.spawn(std::future::pending::<()>())));
    (0..500).for_each(|_| drop(runtime.spawn_blocking(sleeps_for_ever)));
    then(cx, pause)
}

#[inline(never)]
fn sleeps_for_ever() {
    thread::sleep(Duration::from_secs(3_600));
    std::hint::black_box(());
}

/// Two tasks that take two locks, each in its own order.
fn embrace(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.runtime().build()?;
    let (left, right) = (Arc::new(AsyncMutex::new("left", ())), Arc::new(AsyncMutex::new("right", ())));
    let (a, b) = (both(Arc::clone(&left), Arc::clone(&right)), both(right, left));
    runtime.block_on(async {
        let (a, b) = (tokio::spawn(a), tokio::spawn(b));
        a.await?;
        Ok(b.await?)
    })
}

async fn both(first: Arc<AsyncMutex<()>>, second: Arc<AsyncMutex<()>>) {
    let _first = first.lock().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let _second = second.lock().await;
}

const fn ends(name: &'static str, run: fn(&Cx) -> anyhow::Result<()>, claims: &'static [Claim]) -> Variant {
    Variant { name, kind: Kind::Fix, about: "ends in its own way", run, claims, truth: None }
}

static OWN: Scenario = Scenario {
    name: "own",
    summary: "every way in which a run can end",
    chapter: "own",
    load: Load { rate: 500.0, warmup_ms: 100, duration_ms: 200, ..Load::DEFAULT },
    brief_ms: 200,
    primary: "response_p50_us",
    columns: Column::RESPONSES,
    metrics: &[],
    check: no_input,
    ledger: &[],
    controls: &[],
    variants: &[
        ends("quick", |cx| then(cx, || Ok(())), &[Claim::ending("ends by itself", Ending::Finished)]),
        ends("hang", |cx| then(cx, pause), &[Claim::ending("never ends", Ending::Hung)]),
        ends("embrace", embrace, &[Claim::ending("never ends", Ending::Hung)]),
        ends("stubborn", stubborn, &[Claim::ending("never ends, whoever asks", Ending::Hung)]),
        ends("crowd", crowd, &[Claim::ending("never ends", Ending::Hung)]),
        ends("error", |cx| then(cx, || anyhow::bail!("no more greetings")), &[]),
        ends("panic", |cx| then(cx, || panic!("too many greetings")), &[]),
        ends("exit", |cx| then(cx, || std::process::exit(7)), &[]),
        ends("abort", |cx| then(cx, || std::process::abort()), &[Claim::ending("ends well", Ending::Finished)]),
        ends("fork", |cx| then(cx, || Ok(Command::new("sleep").arg("600").spawn().map(drop)?)), &[]),
        ends("print", |cx| then(cx, || Ok(io::stdout().write_all(&[b'.'; 1 << 20])?)), &[]),
    ],
};

fn main() -> ExitCode {
    lab_runner::main(&[&OWN])
}
