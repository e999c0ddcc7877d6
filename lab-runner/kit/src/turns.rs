//! The program that instruments are measured on: two tasks that yield to each other on one worker,
//! so that nearly all of its time is polls.
//!
//! The runtime has no drivers: a worker polls those between any two turns of the pair, and a system
//! call would drown what is measured. Yielding tasks do not park their worker, so hooks around
//! parking are not in these numbers.

use crate::overhead::{ADDED_NS, Answer, PLAIN_NS, WITH_NS};
use std::future::poll_fn;
use std::pin::pin;
use std::time::Instant;
pub use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle, yield_now};
use tracing::{Instrument, info_span};

/// One poll to warm up comes before so many that are measured.
const WARM_UP: u64 = 5;

/// Polls of a block: some milliseconds, in which the pace of a machine hardly changes.
const BLOCK: u64 = 20_000;

/// What a task was: from inside its first poll to inside its last.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    begin: Instant,
    end: Instant,
    polls: u64,
}

/// A task of the program that was spawned.
pub type Turns = JoinHandle<Stretch>;

/// The runtime of the program, before an instrument has been at it.
pub fn builder() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1);
    builder
}

/// A task that yields so many times, and so is polled once more than that.
pub async fn turns(times: u64) -> Stretch {
    let mut polls = 0;
    let mut yields = pin!(yields(times));
    let begin = Instant::now();
    poll_fn(|cx| {
        polls += 1;
        yields.as_mut().poll(cx)
    })
    .await;
    Stretch { begin, end: Instant::now(), polls }
}

async fn yields(times: u64) {
    for _ in 0..times {
        yield_now().await;
    }
}

/// The same, spawned as everybody does.
pub fn spawn_turns(times: u64) -> Turns {
    tokio::spawn(turns(times))
}

/// The same inside a span, which each poll enters and leaves.
pub fn spawn_turns_in_span(times: u64) -> Turns {
    tokio::spawn(turns(times).instrument(info_span!("turns")))
}

/// Nanoseconds a poll of two tasks that `spawn` starts, over an even number of polls after a fifth
/// of them to warm up.
///
/// # Errors
/// If a task dies, or if the tasks were polled more or less often than they yielded.
pub fn measure<S>(runtime: &Runtime, polls: u64, spawn: S) -> Result<f64, String>
where
    S: Fn(u64) -> Turns + Send + Sync + 'static,
{
    // Conducted by a task and not from outside: then both are in the worker's own queue before it
    // polls either.
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

/// Both at once. Whoever awaits them is polled at most once more while the second makes its last
/// turn.
async fn together(spawn: impl Fn(u64) -> Turns, turns: u64) -> Result<[Stretch; 2], String> {
    let (one, other) = (spawn(turns), spawn(turns));
    Ok([one.await.map_err(died)?, other.await.map_err(died)?])
}

fn died(error: JoinError) -> String {
    format!("the measured program crashed: {error}")
}

/// Nanoseconds a poll over a block, or what went wrong.
type Block = Result<f64, String>;

/// Measures blocks of both in turns, in an order that changes from pair to pair, and answers with
/// the medians.
///
/// # Errors
/// What went wrong with a block.
pub fn alternate(
    polls: u64,
    plain: impl Fn() -> Block,
    with: impl Fn() -> Block,
) -> Result<Answer, String> {
    in_turns((polls / BLOCK).max(1), plain, with)
}

/// The same for so many pairs of blocks of anything that has nanoseconds.
///
/// # Errors
/// What went wrong with a block.
pub fn in_turns(
    pairs: u64,
    plain: impl Fn() -> Block,
    with: impl Fn() -> Block,
) -> Result<Answer, String> {
    let (mut plains, mut withs, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..pairs.max(1) {
        let both = if pair % 2 == 0 { (plain()?, with()?) } else { swapped(with()?, plain()?) };
        plains.push(both.0);
        withs.push(both.1);
        added.push(both.1 - both.0);
    }
    Ok(answer(median(plains), median(withs), median(added)))
}

fn swapped(first: f64, second: f64) -> (f64, f64) {
    (second, first)
}

fn answer(plain: f64, with: f64, added: f64) -> Answer {
    [(PLAIN_NS, plain), (WITH_NS, with), (ADDED_NS, added)]
        .map(|(name, ns)| (name.to_owned(), ns))
        .into()
}

/// Measures blocks of the plain program, then puts the instrument in, and measures as many with it.
/// Gives the instrument back.
///
/// # Errors
/// What went wrong with a block, or why the instrument could not be put in.
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

/// A block of the program on this runtime, with tasks that `spawn` starts.
///
/// # Errors
/// As [`measure`].
pub fn block(runtime: &Runtime, spawn: fn(u64) -> Turns) -> Block {
    measure(runtime, BLOCK, spawn)
}

/// The middle value, or the mean of the two in the middle; there is one at least.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}
