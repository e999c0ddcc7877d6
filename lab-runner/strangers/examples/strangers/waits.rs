//! Services in which a request waits for somebody else: a permit, a message, a turn, a batch.

use futures::future::{BoxFuture, FutureExt};
use lab_kit::Cx;
use lab_strangers::{compute, nothing, serve};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot};
use tokio::time::{interval, sleep, timeout};

/// A limit of requests in flight, whose permits are forgotten where a request fails.
struct Limit(Semaphore);

impl Limit {
    async fn pass(&self, fails: bool) -> Result<(), &'static str> {
        let permit = self.0.acquire().await.map_err(|_| "closed")?;
        sleep(Duration::from_millis(2)).await;
        if fails {
            permit.forget();
            return Err("no such article");
        }
        Ok(())
    }
}

pub fn permits(cx: &Cx) -> anyhow::Result<()> {
    let limit = Arc::new(Limit(Semaphore::new(16)));
    let handler = move |number: usize| {
        let limit = Arc::clone(&limit);
        async move {
            let _ = limit.pass(number % 20 == 7).await;
        }
    };
    serve(cx, handler, nothing())
}

/// Every permit comes back, and requests fail as often.
pub fn permits_back(cx: &Cx) -> anyhow::Result<()> {
    let limit = Arc::new(Semaphore::new(16));
    let handler = move |number: usize| {
        let limit = Arc::clone(&limit);
        async move {
            let _permit = limit.acquire().await.map_err(|_| "closed")?;
            sleep(Duration::from_millis(2)).await;
            if number % 20 == 7 { Err("no such article") } else { Ok(()) }
        }
    };
    serve(cx, handler, nothing())
}

/// A gate that opens once the settings are there.
#[derive(Default)]
struct Gate {
    open: AtomicBool,
    opened: Notify,
}

impl Gate {
    /// Whoever looks before the gate opens and waits after it has opened waits for ever.
    async fn pass(&self) {
        if !self.open.load(Ordering::Acquire) {
            compute(300);
            self.opened.notified().await;
        }
    }
}

async fn opens(gate: Arc<Gate>) {
    loop {
        sleep(Duration::from_millis(3)).await;
        gate.open.store(true, Ordering::Release);
        gate.opened.notify_waiters();
        sleep(Duration::from_millis(3)).await;
        gate.open.store(false, Ordering::Release);
    }
}

/// Healthy: the gate opens again and again, so that each waits for its turn.
pub fn gates(cx: &Cx) -> anyhow::Result<()> {
    let gate = Arc::<Gate>::default();
    let passes = Arc::clone(&gate);
    let handler = move |_number| {
        let gate = Arc::clone(&passes);
        async move { gate.pass().await }
    };
    serve(cx, handler, opens(gate))
}

/// A log whose writer stops at the first entry that it does not understand. Its inbox stays open.
struct Log {
    inbox: mpsc::Sender<usize>,
    _kept: Arc<Mutex<mpsc::Receiver<usize>>>,
}

async fn writes(inbox: Arc<Mutex<mpsc::Receiver<usize>>>) {
    let mut inbox = inbox.lock().await;
    while let Some(entry) = inbox.recv().await {
        if entry % 128 == 127 {
            return;
        }
        black_box(entry);
    }
}

impl Log {
    fn append(self: Arc<Self>, entry: usize) -> BoxFuture<'static, bool> {
        async move { self.inbox.send(entry).await.is_ok() }.boxed()
    }
}

pub fn logs(cx: &Cx) -> anyhow::Result<()> {
    let (send, receive) = mpsc::channel(8);
    let receive = Arc::new(Mutex::new(receive));
    let log = Arc::new(Log { inbox: send, _kept: Arc::clone(&receive) });
    let handler = move |number: usize| {
        let log = Arc::clone(&log);
        async move {
            black_box(log.append(number).await);
        }
    };
    serve(cx, handler, writes(receive))
}

/// Work that is gathered for 20 ms and then done together.
async fn batches(mut questions: mpsc::Receiver<oneshot::Sender<usize>>) {
    let mut every = interval(Duration::from_millis(20));
    loop {
        every.tick().await;
        let mut batch = Vec::new();
        while let Ok(question) = questions.try_recv() {
            batch.push(question);
        }
        let size = batch.len();
        for answer in batch {
            let _ = answer.send(size);
        }
        if questions.is_closed() && size == 0 {
            return;
        }
    }
}

/// Healthy: an answer takes up to 20 ms, which is what was decided.
pub fn batched(cx: &Cx) -> anyhow::Result<()> {
    let (ask, questions) = mpsc::channel(1_024);
    let handler = move |_number| {
        let ask = ask.clone();
        async move {
            let (reply, answer) = oneshot::channel();
            ask.send(reply).await.map_err(drop)?;
            black_box(answer.await.map_err(drop)?);
            Ok::<(), ()>(())
        }
    };
    serve(cx, handler, batches(questions))
}

/// A page cache: the first who asks loads the page, and the others wait for it.
#[derive(Default)]
struct Pages {
    loading: StdMutex<HashMap<usize, broadcast::Sender<u64>>>,
    loads: AtomicUsize,
}

impl Pages {
    async fn page(&self, number: usize) -> u64 {
        let waits = {
            let mut loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
            match loading.get(&number) {
                Some(loaded) => Some(loaded.subscribe()),
                None => {
                    loading.insert(number, broadcast::channel(1).0);
                    None
                }
            }
        };
        if let Some(mut loaded) = waits {
            return loaded.recv().await.unwrap_or_default();
        }
        sleep(Duration::from_millis(30)).await;
        let page = self.loads.fetch_add(1, Ordering::Relaxed) as u64;
        let loaded = self.loading.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        if let Some(loaded) = loaded {
            let _ = loaded.send(page);
        }
        page
    }
}

/// Healthy: all wait for what the first one loads.
pub fn coalesced(cx: &Cx) -> anyhow::Result<()> {
    let pages = Arc::<Pages>::default();
    let handler = move |number: usize| {
        let pages = Arc::clone(&pages);
        async move {
            black_box(pages.page(number % 4).await);
        }
    };
    serve(cx, handler, nothing())
}

/// The same cache, whose first reader may be cut off by its deadline: the entry stays, and with it
/// everybody who asks for that page from then on.
pub fn orphaned(cx: &Cx) -> anyhow::Result<()> {
    let pages = Arc::<Pages>::default();
    let handler = move |number: usize| {
        let pages = Arc::clone(&pages);
        async move {
            let patience = if number % 50 == 49 { 10 } else { 10_000 };
            let _ = timeout(Duration::from_millis(patience), pages.page(number % 4)).await;
        }
    };
    serve(cx, handler, nothing())
}

/// An account book that reads its rate while it is being written.
#[derive(Default)]
struct Book {
    rates: RwLock<u64>,
    entries: Mutex<Vec<u64>>,
}

impl Book {
    async fn enter(&self, number: usize) {
        let rate = self.rates.read().await;
        let mut entries = self.entries.lock().await;
        entries.push(*rate + number as u64);
        if entries.len() % 200 == 199 {
            entries.clear();
            *self.rates.write().await += 1;
        }
    }
}

pub fn books(cx: &Cx) -> anyhow::Result<()> {
    let book = Arc::<Book>::default();
    let handler = move |number| {
        let book = Arc::clone(&book);
        async move { book.enter(number).await }
    };
    serve(cx, handler, nothing())
}

/// Waits in a task for what another task of the same worker is to send.
pub fn nested(cx: &Cx) -> anyhow::Result<()> {
    let handler = move |number: usize| async move {
        if number % 100 == 50 {
            let (send, receive) = oneshot::channel();
            tokio::spawn(async move {
                sleep(Duration::from_millis(1)).await;
                let _ = send.send(number);
            });
            let waits = timeout(Duration::from_millis(400), receive);
            // A library without async functions, which has an executor of its own.
            let _ = std::thread::scope(|threads| {
                let handle = tokio::runtime::Handle::current();
                threads.spawn(move || handle.block_on(waits)).join().map(drop)
            });
        }
    };
    serve(cx, handler, nothing())
}
