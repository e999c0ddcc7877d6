//! The archive: a service that indexes uploads from slow storage, beside requests that need no
//! file.

use anyhow::{Context, ensure};
use lab_kit::{Counter, Cx};
use scenario_blocking::documents;
use scenario_blocking::drive::drive_on;
use scenario_blocking::storage::SlowStorage;
use scenario_blocking::work::{Job, Work, stall_duration};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

pub use scenario_blocking::documents::Index;

/// Runs the archive under its load, with bursts of uploads. `runtime` configures the runtime for a
/// number of cores.
///
/// Each burst has more uploads whose storage stalls than the load has workers, by two; right after
/// them come uploads that are there at once. An index counts if it is that of the upload.
pub fn serve<F, Fut>(
    cx: &Cx,
    runtime: impl FnOnce(Builder, usize) -> Builder,
    index: F,
) -> anyhow::Result<()>
where
    F: Fn(PathBuf) -> Fut + Copy + Send + 'static,
    Fut: Future<Output = anyhow::Result<Index>> + Send + 'static,
{
    let work = uploads(cx)?;
    let expected = Arc::new(Index::of(&work.sample));
    let builder = runtime(cx.runtime(), cx.load().workers);
    // The future is made in the task, so that all that `index` does is done there.
    drive_on(cx, builder, work, move |path| indexed(index, path, Arc::clone(&expected)))
}

/// The index of an upload, or an error if it is another one's.
async fn indexed<F, Fut>(index: F, path: PathBuf, expected: Arc<Index>) -> anyhow::Result<Index>
where
    F: Fn(PathBuf) -> Fut,
    Fut: Future<Output = anyhow::Result<Index>>,
{
    let index = index(path).await?;
    ensure!(index == *expected, "an index of something else");
    Ok(index)
}

/// The share of a stall that an upload may take.
const DEADLINE: f64 = 0.7;

/// Bursts of uploads, four stalls apart, as long as one fits into the measured time.
fn uploads(cx: &Cx) -> anyhow::Result<Work> {
    let stall = stall_duration(cx);
    let scratch = cx.scratch()?;
    let (stalled, ordinary) = (cx.load().workers + 2, cx.load().workers * 2);
    let mut jobs = Vec::new();
    for (burst, begin) in bursts(cx, stall * 4, stall).enumerate() {
        for number in 0..stalled + ordinary {
            let stalls = number < stalled;
            jobs.push(Job {
                at: if stalls { begin } else { begin + stall / 12 },
                path: scratch.join(format!("upload-{burst}-{number}")),
                latency: Some(if stalls { stall } else { stall / 10 }),
                ordinary: !stalls,
            });
        }
    }
    Ok(Work {
        jobs,
        deadline: stall.mul_f64(DEADLINE),
        stall: Some(stall),
        sample: documents::generate(cx.seed(), cx.load().size).into(),
        storage: SlowStorage::default(),
    })
}

/// Start times of the bursts of the measured time.
fn bursts(cx: &Cx, every: Duration, stall: Duration) -> impl Iterator<Item = Duration> {
    let measured = cx.load().duration();
    (0..)
        .map(move |burst| every * burst)
        .take_while(move |begin| begin.is_zero() || *begin + stall <= measured)
}

/// Uploads of a burst on a busy day. All of their storage stalls.
const BUSY: usize = 36;

/// Lookups of a burst. They follow its uploads within a stall.
const LOOKUPS: u32 = 12;

/// Runs the archive on a busy day: bursts of many slow uploads, and lookups of small cards that lie
/// on a fast disk. `runtime` configures the runtime.
///
/// A lookup is in time if it takes at most half a stall, an upload if it takes at most fifteen.
/// Either counts only with the right content, when its function has returned.
pub fn serve_lookups<I, Indexed, L, Found>(
    cx: &Cx,
    runtime: impl FnOnce(Builder) -> Builder,
    index: I,
    lookup: L,
) -> anyhow::Result<()>
where
    I: Fn(PathBuf) -> Indexed + Copy + Send + 'static,
    Indexed: Future<Output = anyhow::Result<Index>> + Send + 'static,
    L: Fn(PathBuf) -> Found + Copy + Send + 'static,
    Found: Future<Output = anyhow::Result<String>> + Send + 'static,
{
    let stall = stall_duration(cx);
    let scratch = cx.scratch()?;
    let card = Card::create(&scratch)?;
    let text: Arc<str> = documents::generate(cx.seed(), cx.load().size).into();
    let expected = Arc::new(Index::of(&text));
    let tally = Arc::new(Tally::new(cx, stall)?);
    let mut storage = SlowStorage::default();

    let threads = Arc::<AtomicU64>::default();
    let started = Arc::clone(&threads);
    let runtime = runtime(cx.runtime())
        .on_thread_start(move || _ = started.fetch_add(1, Ordering::Relaxed))
        .build()?;
    let requests = cx.requests(runtime.handle(), |request| async move {
        std::hint::black_box(request.number);
    })?;
    requests.wait_for_window();
    let heartbeat = cx.heartbeat(runtime.handle())?;
    let now = Instant::now();
    let mut answers = Vec::new();
    for (burst, begin) in bursts(cx, stall * 8, stall).enumerate() {
        sleep_until(now + begin);
        for number in 0..BUSY {
            let path = scratch.join(format!("upload-{burst}-{number}"));
            storage.add(path.clone(), stall, Arc::clone(&text))?;
            let (tally, expected) = (Arc::clone(&tally), Arc::clone(&expected));
            tally.uploads.offered.add(1);
            let due = Instant::now();
            answers.push(runtime.spawn(async move {
                let answer = indexed(index, path, expected).await;
                tally.uploads.note(answer.is_ok(), due.elapsed());
            }));
        }
        for number in 0..LOOKUPS {
            let due = now + begin + stall * 3 / 10 + stall / 20 * number;
            sleep_until(due);
            let (tally, path, text) = (Arc::clone(&tally), card.path.clone(), card.text.clone());
            tally.lookups.offered.add(1);
            answers.push(runtime.spawn(async move {
                let answer = lookup(path).await;
                tally.lookups.note(answer.is_ok_and(|found| found == text), due.elapsed());
            }));
        }
    }
    requests.finish()?;
    wait_for(&runtime, answers)?;
    heartbeat.stop();
    let workers = runtime.metrics().num_workers() as u64;
    tally.pool_threads.set(threads.load(Ordering::Relaxed).saturating_sub(workers));
    tally.reads_at_a_time.set(storage.most_readers() as u64);
    drop(storage); // releases threads that are still reading
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

/// The card that lookups read, with a text that is another one in each run.
struct Card {
    path: PathBuf,
    text: String,
}

impl Card {
    fn create(folder: &Path) -> anyhow::Result<Card> {
        let path = folder.join("card");
        let text = format!("shelf {}, twelve pages, in the reading room", std::process::id());
        fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Card { path, text })
    }
}

fn sleep_until(due: Instant) {
    std::thread::sleep(due.saturating_duration_since(Instant::now()));
}

fn wait_for(runtime: &Runtime, answers: Vec<JoinHandle<()>>) -> anyhow::Result<()> {
    runtime.block_on(async {
        for answer in answers {
            answer.await?;
        }
        Ok(())
    })
}

/// Counters of a busy day.
struct Tally {
    uploads: Answers,
    lookups: Answers,
    pool_threads: Counter,
    /// The most uploads that were read from storage at the same time.
    reads_at_a_time: Counter,
}

/// Counters of one kind of work.
struct Answers {
    offered: Counter,
    right: Counter,
    in_time: Counter,
    longest_us: Counter,
    deadline: Duration,
}

impl Tally {
    fn new(cx: &Cx, stall: Duration) -> anyhow::Result<Tally> {
        cx.probe().counter("stall_us")?.set(stall.as_micros() as u64);
        Ok(Tally {
            uploads: Answers::new(cx, "upload", stall * 15)?,
            lookups: Answers::new(cx, "lookup", stall / 2)?,
            pool_threads: cx.probe().counter("pool_threads")?,
            reads_at_a_time: cx.probe().counter("reads_at_a_time_max")?,
        })
    }
}

impl Answers {
    fn new(cx: &Cx, kind: &str, deadline: Duration) -> anyhow::Result<Answers> {
        let counter = |name: &str| cx.probe().counter(&format!("{kind}{name}"));
        let answers = Answers {
            offered: counter("s_offered")?,
            right: counter("s_answered")?,
            in_time: counter("s_in_time")?,
            longest_us: counter("_max_us")?,
            deadline,
        };
        answers.right.set(0);
        answers.in_time.set(0);
        Ok(answers)
    }

    /// Counts an answer: whether it is right, and how long it took.
    fn note(&self, right: bool, took: Duration) {
        self.longest_us.raise_to(took.as_micros() as u64);
        self.right.add(u64::from(right));
        self.in_time.add(u64::from(right && took <= self.deadline));
    }
}
