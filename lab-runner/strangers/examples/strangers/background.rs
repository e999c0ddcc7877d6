//! Services with work beside their requests: caches, queues, jobs, and locks that both take.

use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::{FuturesOrdered, FuturesUnordered};
use lab_kit::Cx;
use lab_strangers::{compute, nothing, serve, serve_on, spin};
use std::collections::HashMap;
use std::hint::black_box;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, RwLock as StdRwLock};
use std::time::Duration;
use tokio::sync::{Mutex, Notify, Semaphore, broadcast, mpsc};
use tokio::time::{interval, sleep};

/// A ledger that is closed by a deadline: the entry is made after the deadline, too.
struct Ledger {
    lock: Mutex<u64>,
}

impl Ledger {
    async fn entry(&self) -> u64 {
        let mut ledger = self.lock.lock().await;
        sleep(Duration::from_millis(6)).await;
        *ledger += 1;
        *ledger
    }
    async fn close(&self, patience: u64) -> u64 {
        let entry = pin!(self.entry());
        match select(entry, pin!(sleep(Duration::from_micros(patience)))).await {
            Either::Left((number, _)) => number,
            Either::Right((_, entry)) => {
                let so_far = *self.lock.lock().await;
                so_far + entry.await
            }
        }
    }
}

pub fn closes(cx: &Cx) -> anyhow::Result<()> {
    let ledger = Arc::new(Ledger { lock: Mutex::new(0) });
    let handler = move |number: usize| {
        let ledger = Arc::clone(&ledger);
        async move {
            if number % 90 == 70 {
                black_box(ledger.close(1_000).await);
            }
        }
    };
    serve(cx, handler, nothing())
}

/// Jobs that need a slot each, and a loop that needs one for what each job leaves.
async fn drains(slots: Arc<Semaphore>) {
    let mut jobs: FuturesUnordered<_> = (0..4u64)
        .map(|job| {
            let slots = Arc::clone(&slots);
            async move {
                let _slot = slots.acquire().await;
                sleep(Duration::from_millis(1 + job)).await;
                job
            }
        })
        .collect();
    while let Some(job) = jobs.next().await {
        let _slot = slots.acquire().await;
        sleep(Duration::from_millis(job)).await;
    }
}

pub fn slots(cx: &Cx) -> anyhow::Result<()> {
    let slots = Arc::new(Semaphore::new(2));
    let handler = move |number: usize| {
        let slots = Arc::clone(&slots);
        async move {
            if number % 20 == 9 {
                drains(slots).await;
            }
        }
    };
    serve(cx, handler, nothing())
}

/// Builds an index ten times a second, on one of two workers.
pub fn reindex(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.runtime().worker_threads(2).build()?;
    let beside = async {
        let mut every = interval(Duration::from_millis(100));
        loop {
            every.tick().await;
            compute(80_000);
        }
    };
    serve_on(runtime, cx, |_| async { sleep(Duration::from_millis(1)).await }, beside)
}

/// A job of the blocking pool that waits for a smaller one of its kind.
fn chunk(pool: &tokio::runtime::Handle, depth: u64) -> u64 {
    if depth == 0 {
        std::thread::sleep(Duration::from_millis(20));
        return 1;
    }
    let (send, receive) = std::sync::mpsc::channel();
    let again = pool.clone();
    pool.spawn_blocking(move || send.send(chunk(&again, depth - 1)));
    receive.recv().unwrap_or_default() + 1
}

pub fn chunks(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.runtime().max_blocking_threads(4).build()?;
    let handler = |number: usize| async move {
        if number.is_multiple_of(5) {
            let pool = tokio::runtime::Handle::current();
            let work = tokio::task::spawn_blocking(move || chunk(&pool, 2));
            black_box(work.await.unwrap_or_default());
        }
    };
    serve_on(runtime, cx, handler, nothing())
}

/// Films are transcoded on the pool on which requests look things up.
pub fn thumbs(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.runtime().max_blocking_threads(4).build()?;
    let beside = async {
        let mut every = interval(Duration::from_millis(20));
        loop {
            every.tick().await;
            drop(tokio::task::spawn_blocking(transcode));
        }
    };
    let handler = |number: usize| async move {
        if number.is_multiple_of(4) {
            black_box(tokio::task::spawn_blocking(move || number + 1).await.unwrap_or_default());
        }
    };
    serve_on(runtime, cx, handler, beside)
}

fn transcode() {
    std::thread::sleep(Duration::from_millis(120));
}

/// Every message goes to all rooms, and each room looks whether it is its own.
pub fn rooms(cx: &Cx) -> anyhow::Result<()> {
    let (send, _) = broadcast::channel::<u64>(16);
    let joins = send.clone();
    let beside = async move {
        for room in 0..1_500u64 {
            let mut receive = joins.subscribe();
            tokio::spawn(async move {
                while let Ok(message) = receive.recv().await {
                    if message % 1_500 == room {
                        black_box(spin(50));
                    }
                }
            });
        }
        std::future::pending().await
    };
    let handler = move |number: usize| {
        let _ = send.send(number as u64);
        nothing()
    };
    serve(cx, handler, beside)
}

/// A cache without an end.
pub fn caches(cx: &Cx) -> anyhow::Result<()> {
    let cache: Arc<StdRwLock<HashMap<usize, Vec<u8>>>> = Arc::default();
    let handler = move |number: usize| {
        let cache = Arc::clone(&cache);
        async move { remember(&cache, number) }
    };
    serve(cx, handler, nothing())
}

fn remember(cache: &StdRwLock<HashMap<usize, Vec<u8>>>, number: usize) {
    if let Ok(mut cache) = cache.write() {
        cache.insert(number, vec![number as u8; 20_000]);
    }
}

/// Events are written more slowly than they come.
pub fn events(cx: &Cx) -> anyhow::Result<()> {
    let (send, mut receive) = mpsc::unbounded_channel::<Vec<u8>>();
    let handler = move |number: usize| {
        let send = send.clone();
        async move { emit(&send, number) }
    };
    let beside = async move {
        while let Some(event) = receive.recv().await {
            sleep(Duration::from_millis(8)).await;
            black_box(event);
        }
    };
    serve(cx, handler, beside)
}

fn emit(events: &mpsc::UnboundedSender<Vec<u8>>, number: usize) {
    let _ = events.send(vec![number as u8; 16_000]);
}

/// Settings that a thread keeps locked while it reads their file.
pub fn config(cx: &Cx) -> anyhow::Result<()> {
    let config = Arc::new(StdRwLock::new(0_u64));
    let writes = Arc::clone(&config);
    let over = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&over);
    let thread = std::thread::Builder::new().name("reload".into()).spawn(move || {
        while !ends.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(100));
            if let Ok(mut config) = writes.write() {
                std::thread::sleep(Duration::from_millis(60));
                *config += 1;
            }
        }
    })?;
    let handler = move |_| {
        let config = Arc::clone(&config);
        async move {
            black_box(setting(&config));
        }
    };
    let done = serve(cx, handler, nothing());
    over.store(true, Ordering::Relaxed);
    let _ = thread.join();
    done
}

fn setting(config: &StdRwLock<u64>) -> u64 {
    config.read().map(|config| *config).unwrap_or_default()
}

/// Pages are fetched at once and written in order, each before the next one is asked for.
pub fn ordered_writes(cx: &Cx) -> anyhow::Result<()> {
    let handler = |number: usize| async move {
        if number % 20 == 5 {
            let mut pages: FuturesOrdered<_> = (0..16).map(fetch).collect();
            while let Some(page) = pages.next().await {
                sleep(Duration::from_millis(10)).await;
                black_box(page);
            }
        }
    };
    serve(cx, handler, nothing())
}

async fn fetch(page: u64) -> u64 {
    for _ in 0..6 {
        sleep(Duration::from_millis(1)).await;
    }
    page
}

/// Healthy: passwords are hashed outside of the workers' polls.
pub fn hashes(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.runtime().worker_threads(2).build()?;
    let handler = |number: usize| async move {
        if number % 100 == 5 {
            tokio::task::block_in_place(|| compute(15_000));
        }
        sleep(Duration::from_millis(1)).await;
    };
    serve_on(runtime, cx, handler, nothing())
}

/// Healthy: a limit that nobody reaches, and a notification every millisecond.
pub fn gates_open(cx: &Cx) -> anyhow::Result<()> {
    let limit = Arc::new(Semaphore::new(64));
    let ready = Arc::new(Notify::new());
    let sets = Arc::clone(&ready);
    let handler = move |_| {
        let (limit, ready) = (Arc::clone(&limit), Arc::clone(&ready));
        async move {
            let _permit = limit.acquire().await;
            ready.notified().await;
        }
    };
    let beside = async move {
        loop {
            sleep(Duration::from_millis(1)).await;
            sets.notify_waiters();
            sets.notify_one();
        }
    };
    serve(cx, handler, beside)
}

/// Healthy: a cache of a hundred entries.
pub fn bounded_cache(cx: &Cx) -> anyhow::Result<()> {
    let cache: Arc<StdMutex<HashMap<usize, Vec<u8>>>> = Arc::default();
    let handler = move |number: usize| {
        let cache = Arc::clone(&cache);
        async move {
            if let Ok(mut cache) = cache.lock() {
                cache.insert(number % 100, vec![number as u8; 20_000]);
            }
        }
    };
    serve(cx, handler, nothing())
}
