//! The service of the exercise `mystery`: a shop that quotes prices, imports orders, indexes
//! documents, resizes uploads and stops, one after another under the same load.
//!
//! Each part exists twice in the folder `mystery`: as it should be, and with a fault. The seed of
//! the load chooses two of the four faults. The learner's file is put together from the same parts.

mod import_faulty;
mod import_sound;
mod index_faulty;
mod index_sound;
mod resize_faulty;
mod resize_sound;
mod stop_faulty;
mod stop_sound;

use anyhow::Context;
use lab_kit::{Counter, Cx};
use scenario_blocking::documents;
use scenario_blocking::storage::SlowStorage;
use scenario_shutdown::service::Stop;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context as TaskContext, Poll};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

pub use scenario_shutdown::service::{SHUTDOWN_DEADLINE, Service};
pub use scenario_unordered::uploads::{Digest, Upload};
pub use tokio::sync::Semaphore;

/// Time to answer a quote.
const QUOTE: Duration = Duration::from_millis(5);
/// How long the storage of a document does not answer.
const STALL: Duration = Duration::from_millis(200);
/// Uploads of a batch.
const UPLOADS: usize = 4_000;
/// Orders of an import, and the bytes of one.
const ORDERS: usize = 4_000;
/// How long a part may take: a service that is stuck is ended by its clients.
const PATIENCE: Duration = Duration::from_secs(4);

/// The orders that were stored.
#[derive(Debug, Default)]
pub struct Ledger {
    orders: AtomicU64,
    cents: AtomicU64,
}

impl Ledger {
    /// Adds an order.
    pub async fn add(&self, cents: u64) {
        self.orders.fetch_add(1, Ordering::Relaxed);
        self.cents.fetch_add(cents, Ordering::Relaxed);
    }
}

/// The total of an order in cents, after all of its text was looked at.
///
/// # Errors
/// If the text is not an order.
pub fn total(order: &str) -> anyhow::Result<u64> {
    let order: serde_json::Value = serde_json::from_str(order).context("malformed order")?;
    let lines = order["lines"].as_array().context("an order without lines")?;
    let mut sum = 0;
    for line in lines {
        let (quantity, cents) = (line["quantity"].as_u64(), line["cents"].as_u64());
        sum += quantity.zip(cents).map(|(quantity, cents)| quantity * cents).context("no price")?;
    }
    Ok(sum)
}

/// The number of words of a document.
pub fn words(text: &str) -> usize {
    documents::Index::of(text).words.values().map(|count| *count as usize).sum()
}

/// Resizes an upload as soon as the limiter admits it. Counts its polls.
pub async fn resize(upload: Upload, limiter: Arc<Limiter>) -> Digest {
    let polls = Arc::clone(&limiter.polls);
    Polled { inner: Box::pin(admitted(upload, limiter)), polls }.await
}

async fn admitted(upload: Upload, limiter: Arc<Limiter>) -> Digest {
    let permit = limiter.bytes.acquire_many(upload.body.len() as u32).await;
    let digest = Digest { number: upload.number, crc: checksum(&upload.body) };
    drop(permit);
    digest
}

/// A checksum that is the same for the same bytes.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Limits the bytes that are resized at a time.
#[derive(Debug)]
pub struct Limiter {
    bytes: Semaphore,
    polls: Arc<AtomicU64>,
}

/// A future whose polls are counted.
struct Polled<F> {
    inner: Pin<Box<F>>,
    polls: Arc<AtomicU64>,
}

impl<F: Future> Future for Polled<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        self.inner.as_mut().poll(cx)
    }
}

/// The four parts of the service that the learner's file has.
#[derive(Clone, Copy, Debug)]
pub struct Parts<I, X, R, S> {
    /// Stores every order.
    pub import: I,
    /// Counts the words of a document.
    pub index: X,
    /// Resizes every upload.
    pub resize_all: R,
    /// Runs the service until it is stopped.
    pub run_until_stopped: S,
}

/// Runs the service under its load: a part after another, then the stop.
pub fn serve<I, IFut, X, XFut, R, RFut, S>(cx: &Cx, parts: Parts<I, X, R, S>) -> anyhow::Result<()>
where
    I: Fn(Vec<Arc<str>>, Arc<Ledger>) -> IFut + Sync,
    IFut: Future<Output = anyhow::Result<u64>> + Send + 'static,
    X: Fn(PathBuf) -> XFut + Sync,
    XFut: Future<Output = anyhow::Result<usize>> + Send + 'static,
    R: Fn(Vec<Upload>, Arc<Limiter>) -> RFut + Sync,
    RFut: Future<Output = anyhow::Result<Vec<Digest>>> + Send + 'static,
    S: FnOnce(Service) -> anyhow::Result<()>,
{
    let service = Service::new(cx.runtime().build()?);
    let clients = Clients::new(cx, &service)?;
    let in_flight = Arc::clone(&service.requests);
    let mut requests = cx.requests(service.runtime.handle(), move |_request| {
        let in_flight = Arc::clone(&in_flight);
        async move { in_flight.answer(QUOTE).await.ok() }
    })?;
    thread::scope(|scope| {
        let stops = clients.stop.clone();
        let load = thread::Builder::new().name("clients".into()).spawn_scoped(scope, || {
            let _stops = StopAtTheEnd(stops);
            requests.wait_for_window();
            let used = clients.use_all(&parts.import, &parts.index, &parts.resize_all);
            requests.stop()?;
            clients.stop.request();
            requests.finish()?;
            used
        })?;
        let served = (parts.run_until_stopped)(service);
        let loaded = load.join().map_err(|_| anyhow::anyhow!("the clients' thread panicked"))?;
        loaded.and(served)
    })
}

/// Stops the service when it is dropped, also after an error.
struct StopAtTheEnd(Stop);

impl Drop for StopAtTheEnd {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// What uses the service beside its quotes, and measures it from outside.
struct Clients<'a> {
    cx: &'a Cx,
    handle: Handle,
    stop: Stop,
    freezes: Freezes,
}

impl<'a> Clients<'a> {
    fn new(cx: &'a Cx, service: &Service) -> anyhow::Result<Clients<'a>> {
        let handle = service.runtime.handle().clone();
        let freezes = Freezes::new(cx)?;
        let counters =
            ["orders_stored", "documents_indexed", "uploads_resized", "upload_polls", "import_us"];
        for name in counters {
            cx.probe().counter(name)?.set(0);
        }
        Ok(Clients { cx, handle, stop: service.stop.clone(), freezes })
    }

    /// One part after another. As many at a time as there are workers, so that one more worker
    /// hides nothing.
    fn use_all<IFut, XFut, RFut>(
        &self,
        import: &impl Fn(Vec<Arc<str>>, Arc<Ledger>) -> IFut,
        index: &impl Fn(PathBuf) -> XFut,
        resize_all: &impl Fn(Vec<Upload>, Arc<Limiter>) -> RFut,
    ) -> anyhow::Result<()>
    where
        IFut: Future<Output = anyhow::Result<u64>> + Send + 'static,
        XFut: Future<Output = anyhow::Result<usize>> + Send + 'static,
        RFut: Future<Output = anyhow::Result<Vec<Digest>>> + Send + 'static,
    {
        let workers = self.cx.load().workers;
        let ticker = self.handle.spawn(tick(self.freezes.clone()));
        self.import(import, workers)?;
        self.index(index, workers)?;
        self.resize(resize_all)?;
        ticker.abort();
        Ok(())
    }

    fn import<Fut>(
        &self,
        import: &impl Fn(Vec<Arc<str>>, Arc<Ledger>) -> Fut,
        workers: usize,
    ) -> anyhow::Result<()>
    where
        Fut: Future<Output = anyhow::Result<u64>> + Send + 'static,
    {
        let orders = orders(self.cx.seed());
        let mut cents = 0;
        for order in &orders {
            cents += total(order)?;
        }
        self.cx.probe().counter("orders_waiting")?.set((ORDERS * workers) as u64);
        self.freezes.enter(Phase::Import);
        let ledgers: Vec<Arc<Ledger>> = (0..workers).map(|_| Arc::default()).collect();
        let imports = ledgers.iter().map(|ledger| import(orders.clone(), Arc::clone(ledger)));
        let took = self.wait_for(imports.collect())?;
        self.freezes.enter(Phase::Other);
        self.cx.probe().counter("import_us")?.set(took.as_micros() as u64);
        let stored = self.cx.probe().counter("orders_stored")?;
        for ledger in ledgers {
            // What was not in the orders does not count, and neither does what comes later.
            let right = ledger.cents.load(Ordering::Relaxed) == cents;
            stored.add(if right { ledger.orders.load(Ordering::Relaxed) } else { 0 });
        }
        Ok(())
    }

    fn index<Fut>(&self, index: &impl Fn(PathBuf) -> Fut, workers: usize) -> anyhow::Result<()>
    where
        Fut: Future<Output = anyhow::Result<usize>> + Send + 'static,
    {
        let text: Arc<str> = documents::generate(self.cx.seed(), 20_000).into();
        let right = words(&text);
        let mut storage = SlowStorage::default();
        let mut documents = Vec::new();
        for number in 0..workers + 1 {
            let path = self.cx.scratch()?.join(format!("document-{number}"));
            storage.add(path.clone(), STALL, Arc::clone(&text))?;
            documents.push(path);
        }
        self.cx.probe().counter("stall_us")?.set(STALL.as_micros() as u64);
        self.cx.probe().counter("documents")?.set(documents.len() as u64);
        let indexed = self.cx.probe().counter("documents_indexed")?;
        self.freezes.enter(Phase::Read);
        let all = documents.into_iter().map(|path| {
            let (index, indexed) = (index(path), indexed.clone());
            async move {
                let words = index.await?;
                indexed.add(u64::from(words == right));
                Ok(words)
            }
        });
        self.wait_for(all.collect())?;
        self.freezes.enter(Phase::Other);
        Ok(())
    }

    fn resize<Fut>(
        &self,
        resize_all: &impl Fn(Vec<Upload>, Arc<Limiter>) -> Fut,
    ) -> anyhow::Result<()>
    where
        Fut: Future<Output = anyhow::Result<Vec<Digest>>> + Send + 'static,
    {
        let uploads = scenario_unordered::uploads::generate(self.cx.seed(), UPLOADS);
        let expected: Vec<u32> = uploads.iter().map(|upload| checksum(&upload.body)).collect();
        let polls = Arc::<AtomicU64>::default();
        let limiter =
            Arc::new(Limiter { bytes: Semaphore::new(1 << 28), polls: Arc::clone(&polls) });
        self.cx.probe().counter("uploads")?.set(UPLOADS as u64);
        let resized = self.cx.probe().counter("uploads_resized")?;
        let work = resize_all(uploads, limiter);
        let work = async move {
            let digests = work.await?;
            let mut seen = vec![false; expected.len()];
            for digest in digests {
                let right = expected.get(digest.number).is_some_and(|crc| *crc == digest.crc);
                if right {
                    seen[digest.number] = true;
                }
            }
            resized.set(seen.into_iter().filter(|seen| *seen).count() as u64);
            Ok(())
        };
        self.wait_for(vec![work])?;
        self.cx.probe().counter("upload_polls")?.set(polls.load(Ordering::Relaxed));
        Ok(())
    }

    /// Runs these on the service and waits until all have ended, and returns how long that took.
    fn wait_for<T, Fut>(&self, work: Vec<Fut>) -> anyhow::Result<Duration>
    where
        T: Send + 'static,
        Fut: Future<Output = anyhow::Result<T>> + Send + 'static,
    {
        let begin = Instant::now();
        let (done, ended) = mpsc::channel();
        let count = work.len();
        for one in work {
            let done = done.clone();
            self.handle.spawn(async move {
                let result = one.await.map(drop);
                // The clients are gone only after their patience.
                let _ = done.send(result);
            });
        }
        for _ in 0..count {
            let left = PATIENCE.saturating_sub(begin.elapsed());
            ended.recv_timeout(left).context("a part of the service did not end in time")??;
        }
        Ok(begin.elapsed())
    }
}

/// The longest time in which the runtime did not run a task that was ready, by phase.
#[derive(Clone)]
struct Freezes {
    phase: Arc<AtomicUsize>,
    import_us: Counter,
    read_us: Counter,
}

#[derive(Clone, Copy)]
enum Phase {
    Other,
    Import,
    Read,
}

impl Freezes {
    fn new(cx: &Cx) -> anyhow::Result<Freezes> {
        let counter = |name: &str| cx.probe().counter(name);
        let (import_us, read_us) = (counter("freeze_import_us")?, counter("freeze_read_us")?);
        import_us.set(0);
        read_us.set(0);
        Ok(Freezes { phase: Arc::default(), import_us, read_us })
    }

    fn enter(&self, phase: Phase) {
        // A freeze that a phase has caused ends a moment after it.
        thread::sleep(Duration::from_millis(5));
        self.phase.store(phase as usize, Ordering::Relaxed);
    }

    fn note(&self, late: Duration) {
        let us = late.as_micros() as u64;
        match self.phase.load(Ordering::Relaxed) {
            phase if phase == Phase::Import as usize => self.import_us.raise_to(us),
            phase if phase == Phase::Read as usize => self.read_us.raise_to(us),
            _ => {}
        }
    }
}

/// Wakes up each millisecond and notes by how much later it was polled.
async fn tick(freezes: Freezes) {
    const EVERY: Duration = Duration::from_millis(1);
    loop {
        let begin = Instant::now();
        tokio::time::sleep(EVERY).await;
        freezes.note(begin.elapsed().saturating_sub(EVERY));
    }
}

/// Orders as JSON texts, from a seed.
fn orders(seed: u64) -> Vec<Arc<str>> {
    let order = |number: u64| {
        let lines: Vec<_> = (0..40u64)
            .map(|line| {
                let cents = seed.wrapping_mul(31).wrapping_add(number * 7 + line) % 9_000 + 99;
                serde_json::json!({"sku": format!("A-{line:05}"), "quantity": line % 5 + 1, "cents": cents})
            })
            .collect();
        serde_json::json!({"id": number, "lines": lines}).to_string().into()
    };
    let different: Vec<Arc<str>> = (0..50).map(order).collect();
    different.iter().cycle().take(ORDERS).cloned().collect()
}

/// The pairs of parts of which both have their fault, by the seed.
const PAIRS: [[Part; 2]; 6] = [
    [Part::Import, Part::Index],
    [Part::Resize, Part::Stop],
    [Part::Import, Part::Stop],
    [Part::Index, Part::Resize],
    [Part::Import, Part::Resize],
    [Part::Index, Part::Stop],
];

/// A part of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The import of orders.
    Import,
    /// The index of documents.
    Index,
    /// The batch of uploads.
    Resize,
    /// The stop.
    Stop,
}

/// The service with two faults, as the seed of the load chooses them.
pub fn shipped(cx: &Cx) -> anyhow::Result<()> {
    let faults = PAIRS[cx.seed() as usize % PAIRS.len()];
    with_faults(cx, &faults)
}

/// The service with one of the two faults of [`shipped`]: the other one is mended.
pub fn half_mended(cx: &Cx, left: usize) -> anyhow::Result<()> {
    let faults = PAIRS[cx.seed() as usize % PAIRS.len()];
    with_faults(cx, &faults[left..=left])
}

/// The service as it should be.
pub fn mended(cx: &Cx) -> anyhow::Result<()> {
    with_faults(cx, &[])
}

fn with_faults(cx: &Cx, faults: &[Part]) -> anyhow::Result<()> {
    let has = |part: Part| faults.contains(&part);
    let (import, index, resize) = (has(Part::Import), has(Part::Index), has(Part::Resize));
    let stop = if has(Part::Stop) {
        stop_faulty::run_until_stopped
    } else {
        stop_sound::run_until_stopped
    };
    let parts = Parts {
        import: move |orders: Vec<Arc<str>>, ledger: Arc<Ledger>| async move {
            match import {
                true => import_faulty::import(orders, ledger).await,
                false => import_sound::import(orders, ledger).await,
            }
        },
        index: move |path: PathBuf| async move {
            if index { index_faulty::index(path).await } else { index_sound::index(path).await }
        },
        resize_all: move |uploads: Vec<Upload>, limiter: Arc<Limiter>| async move {
            match resize {
                true => resize_faulty::resize_all(uploads, limiter).await,
                false => resize_sound::resize_all(uploads, limiter).await,
            }
        },
        run_until_stopped: stop,
    };
    serve(cx, parts)
}
