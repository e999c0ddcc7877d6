//! The program on which instruments are measured: two tasks that yield alternately on one worker,
//! so that nearly all of its time is spent in polls.
//!
//! The runtime has no drivers: otherwise the worker would poll them regularly, and a system call
//! costs more than the measured instruments. Yielding tasks do not park their worker, so hooks for
//! parking are not measured.

use crate::follow;
use crate::overhead::{ADDED_NS, Answer, PLAIN_NS, WITH_NS};
use std::future::poll_fn;
use std::pin::pin;
use std::time::Instant;
pub use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle, yield_now};
use tracing::{Instrument, info_span};

/// Number of measured polls for each poll of the warm-up.
const WARM_UP: u64 = 5;

/// Number of polls of a block: some milliseconds, in which the speed of a host hardly changes.
const BLOCK: u64 = 20_000;

/// The time of a task, from inside its first poll to inside its last, and its polls.
#[derive(Clone, Copy, Debug)]
pub struct TaskTime {
    begin: Instant,
    end: Instant,
    polls: u64,
}

/// The handle of a spawned task of the program.
pub type Turns = JoinHandle<TaskTime>;

/// The builder of the program's runtime, without an instrument.
pub fn builder() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1);
    builder
}

/// The future of a task that yields `times` times, and is polled once more than that.
pub async fn turns(times: u64) -> TaskTime {
    let mut polls = 0;
    let mut yields = pin!(yields(times));
    let begin = Instant::now();
    poll_fn(|cx| {
        polls += 1;
        yields.as_mut().poll(cx)
    })
    .await;
    TaskTime { begin, end: Instant::now(), polls }
}

async fn yields(times: u64) {
    for _ in 0..times {
        yield_now().await;
    }
}

/// Spawns [`turns`] with `tokio::spawn`.
pub fn spawn_turns(times: u64) -> Turns {
    tokio::spawn(turns(times))
}

/// Spawns [`turns`] inside a span, which each poll enters and leaves.
pub fn spawn_turns_in_span(times: u64) -> Turns {
    tokio::spawn(turns(times).instrument(info_span!("turns")))
}

/// Spawns [`turns`] as a future that a profiler of waits follows.
pub fn spawn_turns_followed(times: u64) -> Turns {
    tokio::spawn(follow("turns", turns(times)))
}

/// Nanoseconds per poll of two tasks that `spawn` starts, over an even number of polls and after a
/// warm-up of a fifth of them.
///
/// # Errors
/// If a task panics, or if the number of polls differs from the number of yields.
pub fn measure<S>(runtime: &Runtime, polls: u64, spawn: S) -> Result<f64, String>
where
    S: Fn(u64) -> Turns + Send + Sync + 'static,
{
    // A task of the runtime spawns the two tasks, so that both are in the worker's local queue
    // before it polls either of them.
    runtime.block_on(runtime.spawn(conduct(polls, spawn))).map_err(died)?
}

async fn conduct(polls: u64, spawn: impl Fn(u64) -> Turns) -> Result<f64, String> {
    let turns = (polls / 2).checked_sub(1).ok_or("two tasks need at least two polls")?;
    let _warm = together(&spawn, turns / WARM_UP).await?;
    let [one, other] = together(&spawn, turns).await?;
    let took = one.end.max(other.end) - one.begin.min(other.begin);
    let counted = one.polls + other.polls;
    if counted == 2 * (turns + 1) {
        Ok(took.as_secs_f64() * 1e9 / counted as f64)
    } else {
        Err(format!("two tasks that yield {turns} times were polled {counted} times"))
    }
}

/// Runs both tasks at once. The awaiting task is polled at most once more, during the last poll of
/// the second task.
async fn together(spawn: impl Fn(u64) -> Turns, turns: u64) -> Result<[TaskTime; 2], String> {
    let (one, other) = (spawn(turns), spawn(turns));
    Ok([one.await.map_err(died)?, other.await.map_err(died)?])
}

fn died(error: JoinError) -> String {
    format!("the measured program crashed: {error}")
}

/// Nanoseconds per poll of a block, or the reason why it failed.
type Block = Result<f64, String>;

/// Measures blocks without and with an instrument in alternation, for `polls` polls each, and
/// returns the medians. The order within a pair of blocks changes from pair to pair.
///
/// # Errors
/// The error of a block.
pub fn alternate(
    polls: u64,
    plain: impl Fn() -> Block,
    with: impl Fn() -> Block,
) -> Result<Answer, String> {
    in_turns((polls / BLOCK).max(1), plain, with)
}

/// Like [`alternate`], for a number of pairs of any blocks that are measured in nanoseconds.
///
/// # Errors
/// The error of a block.
pub fn in_turns(
    pairs: u64,
    plain: impl Fn() -> Block,
    with: impl Fn() -> Block,
) -> Result<Answer, String> {
    let (mut plains, mut withs, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..pairs.max(1) {
        let (plain_ns, with_ns);
        if pair % 2 == 0 {
            plain_ns = plain()?;
            with_ns = with()?;
        } else {
            with_ns = with()?;
            plain_ns = plain()?;
        }
        plains.push(plain_ns);
        withs.push(with_ns);
        added.push(with_ns - plain_ns);
    }
    Ok(answer(median(plains), median(withs), median(added)))
}

fn answer(plain: f64, with: f64, added: f64) -> Answer {
    [(PLAIN_NS, plain), (WITH_NS, with), (ADDED_NS, added)]
        .map(|(name, ns)| (name.to_owned(), ns))
        .into()
}

/// Measures blocks of the plain program, then installs the instrument with `put_in`, and measures
/// as many blocks with it. For instruments that cannot be removed. Returns the instrument.
///
/// # Errors
/// The error of a block or of `put_in`.
pub fn after<T>(
    polls: u64,
    plain: impl Fn() -> Block,
    put_in: impl FnOnce() -> Result<T, String>,
    with: impl Fn(&T) -> Block,
) -> Result<(Answer, T), String> {
    let count = (polls / BLOCK).max(1);
    let plain = median((0..count).map(|_| plain()).collect::<Result<_, _>>()?);
    let instrument = put_in()?;
    let with = median((0..count).map(|_| with(&instrument)).collect::<Result<_, _>>()?);
    Ok((answer(plain, with, with - plain), instrument))
}

/// Measures a block of the program on a runtime, with tasks that `spawn` starts.
///
/// # Errors
/// As [`measure`].
pub fn block(runtime: &Runtime, spawn: fn(u64) -> Turns) -> Block {
    measure(runtime, BLOCK, spawn)
}

/// The median of at least one value.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}
