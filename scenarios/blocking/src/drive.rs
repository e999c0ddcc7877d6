//! What every variant runs through: requests that only need the runtime, and beside them documents
//! that are asked for on a schedule of their own, each under a deadline.

use crate::documents::Index;
use crate::work::{self, Job, Work, stall_of};
use lab_kit::{Counter, Cx, Requests, clock};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tracing::{Instrument, info_span};

/// The service on the load's workers, with the documents that the load asks for.
pub fn drive<F, Fut>(cx: &Cx, index: F) -> anyhow::Result<()>
where
    F: Fn(PathBuf) -> Fut,
    Fut: Future<Output = anyhow::Result<Index>> + Send + 'static,
{
    drive_on(cx, cx.runtime(), Work::of(cx)?, index)
}

/// The service on a runtime of one's own making, with documents of one's own.
pub fn drive_on<F, Fut>(
    cx: &Cx,
    mut builder: Builder,
    mut work: Work,
    index: F,
) -> anyhow::Result<()>
where
    F: Fn(PathBuf) -> Fut,
    Fut: Future<Output = anyhow::Result<Index>> + Send + 'static,
{
    let tally = Arc::new(Tally::new(cx, &work)?);
    let threads = Arc::<AtomicU64>::default();
    let started = Arc::clone(&threads);
    let count = move || {
        started.fetch_add(1, Ordering::Relaxed);
    };
    let runtime = builder.on_thread_start(count).build()?;
    let requests = answer(cx, &runtime)?;
    requests.wait_for_window();
    let heartbeat = cx.heartbeat(runtime.handle())?;
    let begin = Instant::now();
    let mut answers = Vec::new();
    for (number, job) in std::mem::take(&mut work.jobs).iter().enumerate() {
        work.prepare(job)?;
        answers.push(ask(&runtime, &tally, begin, (number, job), work.deadline, &index));
    }
    requests.finish()?;
    wait_for(&runtime, answers)?; // no document is left when the heartbeat stops
    heartbeat.stop();
    tally
        .pool_threads
        .set(threads.load(Ordering::Relaxed).saturating_sub(cx.load().workers as u64));
    drop(work.storage); // lets go of threads that still read
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

/// The unaffected requests. Not generic, as is what follows: the compiler would make a runtime's
/// tasks once more for each variant.
fn answer(cx: &Cx, runtime: &Runtime) -> anyhow::Result<Requests> {
    cx.requests(runtime.handle(), |request| async move {
        std::hint::black_box(ping(request.number));
    })
}

fn wait_for(runtime: &Runtime, answers: Vec<JoinHandle<()>>) -> anyhow::Result<()> {
    runtime.block_on(async {
        for answer in answers {
            answer.await?;
        }
        Ok(())
    })
}

/// An unaffected request: all it needs is to be polled.
fn ping(number: usize) -> u64 {
    (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Asks for a document when it is due. The answer's time counts from then, whenever the runtime
/// gets to it.
fn ask<F, Fut>(
    runtime: &Runtime,
    tally: &Arc<Tally>,
    begin: Instant,
    (number, job): (usize, &Job),
    deadline: Duration,
    index: &F,
) -> JoinHandle<()>
where
    F: Fn(PathBuf) -> Fut,
    Fut: Future<Output = anyhow::Result<Index>> + Send + 'static,
{
    let due = begin + job.at;
    clock::sleep_until_ns(
        clock::now_ns() + due.saturating_duration_since(Instant::now()).as_nanos() as u64,
    );
    tally.offered.add(1);
    tally.ordinary.add(u64::from(job.ordinary));
    let (tally, handler, stalled) = (Arc::clone(tally), index(job.path.clone()), !job.ordinary);
    let answer = async move {
        let answer = tokio::time::timeout(deadline, handler).await;
        tally.note(answer.ok(), stalled, due.elapsed(), deadline);
    };
    runtime.spawn(answer.instrument(info_span!(parent: None, "document", id = number)))
}

/// What became of the documents.
struct Tally {
    offered: Counter,
    ordinary: Counter,
    processed: Counter,
    in_time: Counter,
    timed_out: Counter,
    failed: Counter,
    bytes: Counter,
    late: Counter,
    stalled_late: Counter,
    longest_us: Counter,
    pool_threads: Counter,
    /// An answer after this came when the storage had answered, whatever the deadline.
    stall: Duration,
}

impl Tally {
    fn new(cx: &Cx, work: &Work) -> anyhow::Result<Tally> {
        let counter = |name: &str| cx.probe().counter(name);
        if let Some(stall) = work.stall {
            tell_what_stalls(cx, work, stall)?;
        }
        counter("deadline_us")?.set(work.deadline.as_micros() as u64);
        let tally = Tally {
            offered: counter("files_offered")?,
            ordinary: counter("files_ordinary")?,
            processed: counter("files_processed")?,
            in_time: counter("files_in_time")?,
            timed_out: counter("files_timed_out")?,
            failed: counter("files_failed")?,
            bytes: counter("bytes_processed")?,
            late: counter("answers_late")?,
            stalled_late: counter("stalled_late")?,
            longest_us: counter("answer_max_us")?,
            pool_threads: counter("pool_threads")?,
            stall: stall_of(cx),
        };
        tally.say_zero();
        Ok(tally)
    }

    /// Zero of these is a result.
    fn say_zero(&self) {
        for counter in
            [&self.processed, &self.in_time, &self.timed_out, &self.failed, &self.bytes, &self.late]
        {
            counter.set(0);
        }
    }

    /// Notes an answer; none is a deadline that fired.
    fn note(
        &self,
        answer: Option<anyhow::Result<Index>>,
        stalled: bool,
        took: Duration,
        deadline: Duration,
    ) {
        self.longest_us.raise_to(took.as_micros() as u64);
        self.late.add(u64::from(took > self.stall));
        self.stalled_late.add(u64::from(stalled && took > self.stall));
        match answer {
            None => self.timed_out.add(1),
            Some(Err(_)) => self.failed.add(1),
            Some(Ok(index)) => {
                self.processed.add(1);
                self.bytes.add(index.bytes as u64);
                self.in_time.add(u64::from(took <= deadline));
            }
        }
    }
}

/// What is known of documents that were made, and not of real files.
fn tell_what_stalls(cx: &Cx, work: &Work, stall: Duration) -> anyhow::Result<()> {
    let tell = |name: &str, value: u64| -> anyhow::Result<()> {
        cx.probe().counter(name)?.set(value);
        Ok(())
    };
    tell("stall_us", stall.as_micros() as u64)?;
    tell("files_stalled", work.jobs.iter().filter(|job| !job.ordinary).count() as u64)?;
    tell("files_behind", work.jobs.iter().filter(|job| job.ordinary).count() as u64)?;
    tell("files_at_a_time", work::AT_A_TIME as u64)?;
    tell("index_us", time_to_index(&work.sample).as_micros() as u64)
}

/// What indexing a document takes here, at best.
fn time_to_index(text: &str) -> Duration {
    let time = || {
        let begin = Instant::now();
        std::hint::black_box(Index::of(text));
        begin.elapsed()
    };
    (0..3).map(|_| time()).min().unwrap_or_default()
}
