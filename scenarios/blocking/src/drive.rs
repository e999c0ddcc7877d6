//! The harness of all variants: requests that need no file, and beside them documents that are
//! requested on a schedule of their own, each with a deadline.

use crate::documents::Index;
use crate::work::{self, Job, Work, stall_duration};
use lab_kit::{Counter, Cx, Requests, clock};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tracing::{Instrument, info_span};

/// Runs the service on the load's workers, with the documents of the load.
pub fn drive<F, Fut>(cx: &Cx, index: F) -> anyhow::Result<()>
where
    F: Fn(PathBuf) -> Fut,
    Fut: Future<Output = anyhow::Result<Index>> + Send + 'static,
{
    drive_on(cx, cx.runtime(), Work::from_load(cx)?, index)
}

/// Runs the service on a runtime from `builder`, with the documents in `work`.
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
    builder.on_thread_start(count);
    let runtime = cx.build(builder)?;
    let requests = start_requests(cx, &runtime)?;
    requests.wait_for_window();
    let heartbeat = cx.heartbeat(runtime.handle())?;
    let begin = Instant::now();
    let mut answers = Vec::new();
    for (number, job) in std::mem::take(&mut work.jobs).iter().enumerate() {
        work.prepare(job)?;
        let answer =
            request_document(&runtime, &tally, begin, (number, job), work.deadline, &index);
        answers.push(answer);
    }
    requests.finish()?;
    wait_for(&runtime, answers)?; // before the heartbeat stops, which has to see every read
    heartbeat.stop();
    tally
        .pool_threads
        .set(threads.load(Ordering::Relaxed).saturating_sub(cx.load().workers as u64));
    drop(work.storage); // releases threads that are still reading
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

/// Starts the requests that need no file. This function and the next one are not generic:
/// otherwise the compiler would generate the code of their tasks once for each variant.
fn start_requests(cx: &Cx, runtime: &Runtime) -> anyhow::Result<Requests> {
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

/// Answers a request that needs no file, in its first poll.
fn ping(number: usize) -> u64 {
    (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Waits until a document is due and spawns its handler. The latency of the answer counts from the
/// due time, whenever the runtime polls the handler.
fn request_document<F, Fut>(
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

/// Counters of the answers to document requests.
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
    /// Duration of a stall. A later answer waited for the storage, whatever its deadline was.
    stall: Duration,
}

impl Tally {
    fn new(cx: &Cx, work: &Work) -> anyhow::Result<Tally> {
        let counter = |name: &str| cx.probe().counter(name);
        if let Some(stall) = work.stall {
            report_stalls(cx, work, stall)?;
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
            stall: stall_duration(cx),
        };
        tally.set_to_zero();
        Ok(tally)
    }

    /// Sets the counters for which zero is a result: a counter that was never written would be
    /// reported as not measured.
    fn set_to_zero(&self) {
        for counter in
            [&self.processed, &self.in_time, &self.timed_out, &self.failed, &self.bytes, &self.late]
        {
            counter.set(0);
        }
    }

    /// Counts an answer. `None` stands for a deadline that fired.
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

/// Reports the properties of generated documents, which real files do not have.
fn report_stalls(cx: &Cx, work: &Work, stall: Duration) -> anyhow::Result<()> {
    let ordinary = work.jobs.iter().filter(|job| job.ordinary).count();
    let counters = [
        ("stall_us", stall.as_micros() as u64),
        ("files_stalled", (work.jobs.len() - ordinary) as u64),
        ("files_behind", ordinary as u64),
        ("files_at_a_time", work::BURST as u64),
        ("index_us", time_to_index(&work.sample).as_micros() as u64),
    ];
    for (name, value) in counters {
        cx.probe().counter(name)?.set(value);
    }
    Ok(())
}

/// The shortest of three measurements of the time to index a text on this host.
fn time_to_index(text: &str) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..3 {
        let begin = Instant::now();
        std::hint::black_box(Index::of(text));
        shortest = shortest.min(begin.elapsed());
    }
    shortest
}
