use futures::StreamExt;
use futures::future::{FutureExt, select};
use futures::stream::{FuturesOrdered, FuturesUnordered};
use lab_kit::Cx;
use lab_strangers::{compute, nothing, serve, serve_on, spin};
use std::collections::HashMap;
use std::hint::black_box;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, RwLock as StdRwLock};
use std::time::Duration;
use tokio::sync::{Mutex, Notify, Semaphore, broadcast, mpsc, oneshot};
use tokio::time::{interval, sleep};

// futurelock: a future is polled once by select, holds the lock's place, and is kept.
struct Ledger {
    lock: Mutex<u64>,
}
impl Ledger {
    async fn entry(&self) -> u64 {
        let mut ledger = self.lock.lock().await;
        sleep(Duration::from_millis(2)).await;
        *ledger += 1;
        *ledger
    }
    async fn close(&self, patience: u64) -> u64 {
        let entry = pin!(self.entry());
        match select(entry, pin!(sleep(Duration::from_micros(patience)))).await {
            futures::future::Either::Left((number, _)) => number,
            futures::future::Either::Right((_, entry)) => {
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

// futurelock through FuturesUnordered: one of a set of futures is next in a semaphore's queue.
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

// driver starvation on two workers
pub fn reindex(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.runtime().worker_threads(2).build()?;
    let beside = async {
        let mut every = interval(Duration::from_millis(100));
        loop {
            every.tick().await;
            compute(40_000);
        }
    };
    serve_on(runtime, cx, |_| async { sleep(Duration::from_millis(1)).await }, beside)
}

// pool deadlock with condvar between blocking jobs
fn chunk(pool: &tokio::runtime::Handle, depth: u64) -> u64 {
    if depth == 0 {
        std::thread::sleep(Duration::from_millis(1));
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
        if number % 5 == 0 {
            let pool = tokio::runtime::Handle::current();
            let work = tokio::task::spawn_blocking(move || chunk(&pool, 2));
            black_box(work.await.unwrap_or_default());
        }
    };
    serve_on(runtime, cx, handler, nothing())
}

// pool exhausted by a background job kind
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
        if number % 4 == 0 {
            black_box(tokio::task::spawn_blocking(move || number + 1).await.unwrap_or_default());
        }
    };
    serve_on(runtime, cx, handler, beside)
}
fn transcode() {
    std::thread::sleep(Duration::from_millis(120));
}

// wake storm by broadcast
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

// leak: cache without an end
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

// leak: unbounded queue whose consumer is slower
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

// stack overflow by recursion in one poll
fn nest(depth: usize) -> futures::future::BoxFuture<'static, usize> {
    async move { if depth == 0 { 0 } else { nest(depth - 1).await + 1 } }.boxed()
}
pub fn nests(cx: &Cx) -> anyhow::Result<()> {
    let handler = |number: usize| async move {
        black_box(nest(if number == 200 { 400_000 } else { 10 }).await);
    };
    serve(cx, handler, nothing())
}

// long poll in a LocalSet
pub fn local_sorts(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.current_thread().build()?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = std::thread::Builder::new().name("server".into()).spawn(move || {
        let sessions = tokio::task::LocalSet::new();
        sessions.spawn_local(async {
            loop {
                sleep(Duration::from_millis(150)).await;
                compact();
            }
        });
        let _ = sessions.block_on(&runtime, stopped);
    })?;
    let requests = cx.requests(&handle, |_| async { sleep(Duration::from_millis(1)).await })?;
    requests.finish()?;
    drop(stop);
    let _ = server.join();
    Ok(())
}
fn compact() {
    compute(60_000);
}

// root future of block_on that computes
pub fn root(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.current_thread().build()?;
    let handle = runtime.handle().clone();
    let over = Arc::new(AtomicBool::new(false));
    let stops = Arc::clone(&over);
    let server = std::thread::Builder::new().name("server".into()).spawn(move || {
        runtime.block_on(async move {
            while !stops.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(100)).await;
                report();
            }
        });
    })?;
    let requests = cx.requests(&handle, |_| async { sleep(Duration::from_millis(1)).await })?;
    requests.finish()?;
    over.store(true, Ordering::Relaxed);
    let _ = server.join();
    Ok(())
}
fn report() {
    compute(50_000);
}

// a lock of std held by a thread that reads a file
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
        async move { drop(Some(setting(&config)).filter(|at| *at == u64::MAX)) }
    };
    let done = serve(cx, handler, nothing());
    over.store(true, Ordering::Relaxed);
    let _ = thread.join();
    done
}
fn setting(config: &StdRwLock<u64>) -> u64 {
    config.read().map(|config| *config).unwrap_or_default()
}

// Ordered pages whose writer awaits
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

// Healthy: block_in_place on two workers
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

// Healthy: a semaphore with plenty, and a notify
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

// Healthy: cache that is bounded
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
