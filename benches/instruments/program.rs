//! The measured program: two tasks that yield to each other on one worker, so that nearly all of its time is polls.
//!
//! The runtime has no drivers: a worker polls those between any two turns of the pair, and a system call would drown what is
//! measured. Yielding tasks do not park their worker, so hooks around parking are not in these numbers.

use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle, yield_now};

/// One poll to warm up comes before so many that are measured.
pub const WARM_UP: u64 = 5;

/// What a child has to do.
#[derive(Debug)]
pub struct Job {
    /// Polls that are measured, an even number.
    pub polls: u64,
    /// Where files may be left; the parent removes it.
    pub folder: PathBuf,
}

/// What a task was: from inside its first poll to inside its last.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    begin: Instant,
    end: Instant,
    polls: u64,
}

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
pub fn spawn_turns(times: u64) -> JoinHandle<Stretch> {
    tokio::spawn(turns(times))
}

/// Nanoseconds a poll of two tasks that `spawn` starts.
pub fn measure<S>(runtime: &Runtime, polls: u64, spawn: S) -> Result<f64, String>
where
    S: Fn(u64) -> JoinHandle<Stretch> + Send + Sync + 'static,
{
    // Conducted by a task and not from outside: then both are in the worker's own queue before it polls either.
    runtime.block_on(runtime.spawn(conduct(polls, spawn))).map_err(died)?
}

async fn conduct(polls: u64, spawn: impl Fn(u64) -> JoinHandle<Stretch>) -> Result<f64, String> {
    let turns = (polls / 2).checked_sub(1).ok_or("two tasks need two polls at least")?;
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

/// Both at once. Whoever awaits them is polled at most once more while the second makes its last turn.
async fn together(spawn: impl Fn(u64) -> JoinHandle<Stretch>, turns: u64) -> Result<[Stretch; 2], String> {
    let (one, other) = (spawn(turns), spawn(turns));
    Ok([one.await.map_err(died)?, other.await.map_err(died)?])
}

fn died(error: JoinError) -> String {
    format!("the measured program died: {error}")
}
