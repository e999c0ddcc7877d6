//! Faulty and healthy programs that no rule of the diagnosis was made for: a corpus to be scored
//! on. `cargo run --release --example strangers -- score`

use lab_kit::{Cause, Claim, Cx, Ending, Kind, Load, Scenario, Truth, Variant};
use std::collections::HashMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

#[global_allocator]
static COUNTING: lab_kit::alloc::Counting = lab_kit::alloc::Counting::over(std::alloc::System);

const ENDS: &[Claim] = &[Claim::ending("it ends", Ending::Finished)];

const fn faulty(
    name: &'static str,
    about: &'static str,
    run: fn(&Cx) -> anyhow::Result<()>,
    truth: Truth,
) -> Variant {
    Variant::new(name, Kind::Trap, run).about(about).claims(ENDS).truth(truth)
}

const fn healthy(
    name: &'static str,
    about: &'static str,
    run: fn(&Cx) -> anyhow::Result<()>,
) -> Variant {
    Variant::new(name, Kind::Decoy, run).about(about).claims(ENDS)
}

static STRANGERS: Scenario = Scenario::new(
    "strangers",
    "services that somebody else wrote",
    &[
        Variant {
            kind: Kind::Buggy,
            ..faulty(
                "sleeps",
                "std's sleep in a background task",
                sleeps,
                answer(Cause::BlockingCall, "strangers::reload"),
            )
        },
        Variant {
            kind: Kind::Fixed,
            ..healthy("sleeps-async", "tokio's sleep in its place", sleeps_async)
        },
        faulty(
            "sorts",
            "sorts a report in the handler of every hundredth request",
            sorts,
            answer(Cause::LongPoll, "strangers::report"),
        ),
        faulty(
            "resolves",
            "a channel of std is waited for in a task",
            resolves,
            answer(Cause::BlockingCall, "strangers::resolve"),
        ),
        faulty(
            "shared-map",
            "a lock that a thread keeps while it sleeps",
            shared_map,
            answer(Cause::LockAcrossStall, "strangers::look_up"),
        ),
        faulty(
            "fans-out",
            "join_all over thousands of permits in one handler",
            fans_out,
            answer(Cause::QuadraticCombinator, "strangers::broadcast"),
        ),
        faulty(
            "hands-off",
            "spawn_blocking for what stalls, on two threads",
            hands_off,
            answer(Cause::PoolExhausted, "strangers::thumbnail"),
        ),
        healthy("naps", "every handler awaits a timer", naps),
        healthy("computes", "every handler computes for a tenth of a millisecond", computes),
        healthy("offloads", "long computing on the blocking pool", offloads),
        healthy("slices", "long computing that gives way", slices),
        healthy("locks", "a lock that everybody takes and nobody keeps", locks),
    ],
)
.load(Load { rate: 400.0, duration_ms: 1_500, warmup_ms: 200, ..Load::DEFAULT });

const fn answer(cause: Cause, function: &'static str) -> Truth {
    Truth::new(cause, function).at_most_workers(1)
}

/// Requests with a handler, and beside them a task, which is given up when they are answered.
fn serve<H, Fut, B>(cx: &Cx, handler: H, beside: B) -> anyhow::Result<()>
where
    H: Fn(usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
    B: Future<Output = ()> + Send + 'static,
{
    serve_on(cx.runtime().build()?, cx, handler, beside)
}

fn serve_on<H, Fut, B>(
    runtime: tokio::runtime::Runtime,
    cx: &Cx,
    handler: H,
    beside: B,
) -> anyhow::Result<()>
where
    H: Fn(usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
    B: Future<Output = ()> + Send + 'static,
{
    let requests = cx.requests(runtime.handle(), move |request| handler(request.number))?;
    let beside = runtime.spawn(beside);
    requests.finish()?;
    beside.abort();
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

async fn nothing() {}

fn spin(rounds: u64) -> u64 {
    (0..rounds).fold(1, |mixed, round| {
        black_box(mixed ^ round).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23)
    })
}

async fn reload() {
    loop {
        tokio::time::sleep(Duration::from_millis(150)).await;
        std::thread::sleep(Duration::from_millis(60)); // settles
    }
}

fn sleeps(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, |_| nothing(), reload())
}

fn sleeps_async(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, |_| nothing(), async {
        loop {
            tokio::time::sleep(Duration::from_millis(210)).await;
        }
    })
}

async fn report(number: usize) {
    if number % 100 == 50 {
        let mut rows: Vec<u64> = (0..600_000).map(spin_a_little).collect();
        rows.sort_unstable();
        black_box(rows);
    }
}

fn spin_a_little(seed: u64) -> u64 {
    spin(4) ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn sorts(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, report, nothing())
}

async fn resolve(number: usize) {
    if number % 80 == 40 {
        let (answer, answered) = std::sync::mpsc::channel();
        let ask = std::thread::Builder::new().spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            answer.send(number)
        });
        black_box((ask.is_ok(), answered.recv().is_ok()));
    }
}

fn resolves(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, resolve, nothing())
}

type Shared = Arc<Mutex<HashMap<usize, u64>>>;

async fn look_up(shared: Shared, number: usize) {
    let known = shared.lock().unwrap_or_else(PoisonError::into_inner).get(&(number % 7)).copied();
    black_box(known);
}

fn shared_map(cx: &Cx) -> anyhow::Result<()> {
    let shared = Shared::default();
    let (filled, asked) = (Arc::clone(&shared), Arc::clone(&shared));
    let filler = std::thread::Builder::new().name("filler".into());
    filler.spawn(move || {
        for round in 0..20 {
            let mut map = filled.lock().unwrap_or_else(PoisonError::into_inner);
            std::thread::sleep(Duration::from_millis(70)); // asks a database
            map.insert(round % 7, spin(100));
            drop(map);
            std::thread::sleep(Duration::from_millis(30));
        }
    })?;
    serve(cx, move |number| look_up(Arc::clone(&asked), number), nothing())
}

async fn broadcast(permits: Arc<Semaphore>, number: usize) {
    if number == 150 {
        let one = |_| {
            let permits = Arc::clone(&permits);
            async move { permits.acquire_owned().await.is_ok() }
        };
        black_box(futures::future::join_all((0..60_000).map(one)).await);
    }
}

fn fans_out(cx: &Cx) -> anyhow::Result<()> {
    let permits = Arc::new(Semaphore::new(1_000_000));
    serve(cx, move |number| broadcast(Arc::clone(&permits), number), nothing())
}

async fn thumbnail(number: usize) {
    if number.is_multiple_of(4) {
        let scale = move || std::thread::sleep(Duration::from_millis(60));
        black_box(tokio::task::spawn_blocking(scale).await.is_ok());
    }
}

fn hands_off(cx: &Cx) -> anyhow::Result<()> {
    let mut builder = cx.runtime();
    builder.max_blocking_threads(2);
    serve_on(builder.build()?, cx, thumbnail, nothing())
}

fn naps(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, |_| tokio::time::sleep(Duration::from_millis(30)), nothing())
}

fn computes(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, |_| async { assert_ne!(black_box(spin(50_000)), 0) }, nothing())
}

fn offloads(cx: &Cx) -> anyhow::Result<()> {
    let offload = |number: usize| async move {
        if number % 50 == 25 {
            black_box(tokio::task::spawn_blocking(|| spin(20_000_000)).await.is_ok());
        }
    };
    serve(cx, offload, nothing())
}

fn slices(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, |_| nothing(), async {
        for _ in 0..2_000 {
            black_box(spin(100_000));
            tokio::task::yield_now().await;
        }
    })
}

fn locks(cx: &Cx) -> anyhow::Result<()> {
    let shared = Shared::default();
    let use_it = move |number: usize| {
        let shared = Arc::clone(&shared);
        async move {
            *shared
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(number % 16)
                .or_default() += spin(50);
        }
    };
    serve(cx, use_it, nothing())
}

fn main() -> ExitCode {
    lab_runner::main(&[&STRANGERS])
}
