//! Services in which several things happen at once: streams, cells that are filled once, pollers
//! written by hand, runtimes of one thread.

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::{FuturesUnordered, iter, unfold};
use lab_kit::Cx;
use lab_strangers::{compute, nothing, serve, serve_on, spin};
use std::future::poll_fn;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

/// Two stages that send to each other through bounded channels.
struct Stages {
    forth: mpsc::Sender<u64>,
}

async fn stage(mut inbox: mpsc::Receiver<u64>, next: mpsc::Sender<u64>) {
    while let Some(item) = inbox.recv().await {
        if item % 3 != 0 {
            let _ = next.send(item / 2 + 1).await;
        }
        let _ = next.send(item / 2).await;
    }
}

impl Stages {
    async fn submit(&self, item: u64) {
        let _ = self.forth.send(item * 1_000).await;
    }
}

/// Both inboxes fill up, and each stage waits for room in the other's.
pub fn ring(cx: &Cx) -> anyhow::Result<()> {
    let (forth, from_forth) = mpsc::channel(16);
    let (back, from_back) = mpsc::channel(16);
    let stages = Arc::new(Stages { forth: forth.clone() });
    let handler = move |number: usize| {
        let stages = Arc::clone(&stages);
        async move { stages.submit(number as u64).await }
    };
    let beside = async move {
        let stages = [stage(from_forth, back), stage(from_back, forth)];
        stages.into_iter().collect::<JoinSet<()>>().join_all().await;
    };
    serve(cx, handler, beside)
}

/// Settings that are loaded once, and whose loading reads a setting.
#[derive(Default)]
struct Settings {
    loaded: OnceCell<u64>,
}

impl Settings {
    fn load(&self) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
        Box::pin(async {
            sleep(Duration::from_millis(1)).await;
            self.region().await * 2
        })
    }

    async fn region(&self) -> u64 {
        *self.loaded.get_or_init(|| self.load()).await
    }
}

pub fn settings(cx: &Cx) -> anyhow::Result<()> {
    let settings = Arc::<Settings>::default();
    let handler = move |_number| {
        let settings = Arc::clone(&settings);
        async move {
            black_box(settings.region().await);
        }
    };
    serve(cx, handler, nothing())
}

/// Two registries, locked in two orders on two workers.
#[derive(Default)]
struct Registries {
    users: StdMutex<u64>,
    rooms: StdMutex<u64>,
}

fn locked(lock: &StdMutex<u64>) -> MutexGuard<'_, u64> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registries {
    fn join(&self) {
        let mut users = locked(&self.users);
        *users += spin(3_000) & 1;
        *locked(&self.rooms) += 1;
    }

    fn leave(&self) {
        let mut rooms = locked(&self.rooms);
        *rooms += spin(3_000) & 1;
        *locked(&self.users) += 1;
    }
}

pub fn registries(cx: &Cx) -> anyhow::Result<()> {
    let registries = Arc::<Registries>::default();
    let (joins, leaves) = (Arc::clone(&registries), registries);
    let runtime = cx.runtime().worker_threads(2).build()?;
    let handler = move |number: usize| {
        let joins = Arc::clone(&joins);
        async move {
            joins.join();
            black_box(number);
        }
    };
    let beside = async move {
        loop {
            leaves.leave();
            tokio::task::yield_now().await;
        }
    };
    serve_on(runtime, cx, handler, beside)
}

/// Waits for the first of many answers by looking at all of them.
async fn any_of(answers: &mut Vec<oneshot::Receiver<usize>>) -> Option<usize> {
    poll_fn(|cx: &mut Context<'_>| {
        if answers.is_empty() {
            return Poll::Ready(None);
        }
        for at in 0..answers.len() {
            if let Poll::Ready(answer) = Pin::new(&mut answers[at]).poll(cx) {
                answers.swap_remove(at);
                return Poll::Ready(answer.ok().or(Some(0)));
            }
        }
        Poll::Pending
    })
    .await
}

async fn collects() {
    loop {
        let mut answers = Vec::new();
        for number in 0..4_000 {
            let (send, receive) = oneshot::channel();
            answers.push(receive);
            tokio::spawn(async move {
                sleep(Duration::from_millis((number % 50) as u64)).await;
                let _ = send.send(number);
            });
        }
        answers.reverse();
        while let Some(answer) = any_of(&mut answers).await {
            black_box(answer);
        }
        sleep(Duration::from_millis(1)).await;
    }
}

pub fn looks_at_all(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, |_| nothing(), collects())
}

/// A flag that a request waits for by looking again and again.
pub fn impatient(cx: &Cx) -> anyhow::Result<()> {
    let ready = Arc::new(AtomicBool::new(false));
    let sets = Arc::clone(&ready);
    let beside = async move {
        let waits = poll_fn(move |cx: &mut Context<'_>| {
            if ready.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        waits.await;
    };
    let handler = move |number: usize| {
        let sets = Arc::clone(&sets);
        async move { sets.store(number == usize::MAX, Ordering::Release) }
    };
    serve(cx, handler, beside)
}

/// Waits for a future of the runtime on an executor of its own, inside a task.
fn lookup(number: usize) -> u64 {
    let answer = async move {
        sleep(Duration::from_millis(30)).await;
        number as u64
    };
    // A trait without async functions is to be implemented.
    let handle = tokio::runtime::Handle::current();
    let thread = std::thread::Builder::new().spawn(move || handle.block_on(answer));
    thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_default()
}

pub fn bridges(cx: &Cx) -> anyhow::Result<()> {
    let handler = |number: usize| async move {
        if number % 40 == 20 {
            black_box(lookup(number));
        }
    };
    serve(cx, handler, nothing())
}

/// Rows of a table, each read under a permit that is kept as long as the row is looked at.
fn rows(limit: Arc<Semaphore>) -> impl futures::Stream<Item = u64> {
    unfold((0, limit, None), |(row, limit, kept)| async move {
        drop(kept);
        let permit = Arc::clone(&limit).acquire_owned().await.ok()?;
        (row < 3).then_some((row, (row + 1, limit, Some(permit))))
    })
}

async fn export(limit: Arc<Semaphore>) {
    let mut rows = pin!(rows(Arc::clone(&limit)));
    while let Some(row) = rows.next().await {
        let Ok(_permit) = limit.acquire().await else { return };
        sleep(Duration::from_millis(1)).await; // writes the row
        black_box(row);
    }
}

/// Every export needs two permits, and keeps one while it waits for the other.
pub fn exports(cx: &Cx) -> anyhow::Result<()> {
    let limit = Arc::new(Semaphore::new(4));
    let handler = move |number: usize| {
        let limit = Arc::clone(&limit);
        async move {
            if number % 4 == 3 {
                sleep(Duration::from_millis(2)).await;
            }
            export(limit).await;
        }
    };
    serve(cx, handler, nothing())
}

/// Downloads whose connections are cut when nobody reads them, read by a loop that stores each part.
async fn mirror(cut: &AtomicUsize) {
    let mut parts: FuturesUnordered<_> = (0..12_u64)
        .map(|part| async move {
            for _ in 0..4 {
                if timeout(Duration::from_millis(40), sleep(Duration::from_millis(4)))
                    .await
                    .is_err()
                {
                    cut.fetch_add(1, Ordering::Relaxed);
                }
            }
            part
        })
        .collect();
    while let Some(part) = parts.next().await {
        sleep(Duration::from_millis(30)).await;
        black_box(part);
    }
}

pub fn mirrors(cx: &Cx) -> anyhow::Result<()> {
    let cut = Arc::<AtomicUsize>::default();
    let handler = move |number: usize| {
        let cut = Arc::clone(&cut);
        async move {
            if number % 10 == 5 {
                mirror(&cut).await;
            }
        }
    };
    serve(cx, handler, nothing())
}

/// A task for each request that unwraps what the upstream says.
pub fn unwraps(cx: &Cx) -> anyhow::Result<()> {
    let handler = |number: usize| async move {
        let answer: Result<u64, String> = match number % 25 {
            24 => Err("503 Service Unavailable".to_owned()),
            _ => Ok(1),
        };
        tokio::spawn(async move { black_box(answer.unwrap()) }).await.unwrap_or_default();
    };
    serve(cx, handler, nothing())
}

/// Healthy: an actor that asks a database before it answers.
pub fn actor(cx: &Cx) -> anyhow::Result<()> {
    let (ask, mut asked) = mpsc::channel::<oneshot::Sender<u64>>(256);
    let handler = move |number: usize| {
        let ask = ask.clone();
        async move {
            if number % 20 != 3 {
                return;
            }
            let (reply, answer) = oneshot::channel();
            if ask.send(reply).await.is_ok() {
                black_box(answer.await.unwrap_or_default());
            }
        }
    };
    let beside = async move {
        while let Some(reply) = asked.recv().await {
            sleep(Duration::from_millis(15)).await;
            let _ = reply.send(1);
        }
    };
    serve(cx, handler, beside)
}

/// Healthy: a lock of tokio that is kept while a database answers, by one request at a time.
pub fn one_at_a_time(cx: &Cx) -> anyhow::Result<()> {
    let session = Arc::new(Mutex::new(0_u64));
    let handler = move |number: usize| {
        let session = Arc::clone(&session);
        async move {
            if number % 20 == 3 || number % 20 == 4 {
                let mut session = session.lock().await;
                sleep(Duration::from_millis(12)).await;
                *session += 1;
            }
        }
    };
    serve(cx, handler, nothing())
}

/// Healthy: work that a pool of threads of the program's own does.
pub fn own_pool(cx: &Cx) -> anyhow::Result<()> {
    let (submit, jobs) = std::sync::mpsc::sync_channel::<oneshot::Sender<u64>>(1_024);
    std::thread::Builder::new().name("pool".into()).spawn(move || {
        for job in jobs {
            std::thread::sleep(Duration::from_millis(12));
            let _ = job.send(1);
        }
    })?;
    let handler = move |number: usize| {
        let submit = submit.clone();
        async move {
            if number % 20 == 3 {
                let (reply, answer) = oneshot::channel();
                let _ = submit.try_send(reply);
                black_box(answer.await.unwrap_or_default());
            }
        }
    };
    serve(cx, handler, nothing())
}

/// Healthy: what is asked for is tried three times, with a longer pause each time.
pub fn retries(cx: &Cx) -> anyhow::Result<()> {
    let handler = |number: usize| async move {
        let (mut attempt, mut pause) = (0, 4);
        while attempt < 3 && number % 9 == 4 {
            let mut answers = JoinSet::new();
            answers.spawn(timeout(Duration::from_millis(3), sleep(Duration::from_millis(9))));
            answers.spawn(timeout(Duration::from_millis(50), sleep(Duration::from_millis(2))));
            while answers.join_next().await.is_some() {}
            sleep(Duration::from_millis(pause)).await;
            (attempt, pause) = (attempt + 1, pause * 2);
        }
    };
    serve(cx, handler, nothing())
}

/// Healthy: sessions that follow a price and are told of each change, not all at once.
pub fn followers(cx: &Cx) -> anyhow::Result<()> {
    let (publish, price) = watch::channel(0_u64);
    let handler = move |number: usize| {
        let mut price = price.clone();
        async move {
            if number % 50 == 7 {
                let _ = price.changed().await;
                black_box(*price.borrow());
            }
        }
    };
    let beside = async move {
        let mut every = interval(Duration::from_millis(50));
        loop {
            every.tick().await;
            publish.send_modify(|price| *price += 1);
        }
    };
    serve(cx, handler, beside)
}

/// Healthy: pages are fetched eight at a time, and stored as they come.
pub fn fetches(cx: &Cx) -> anyhow::Result<()> {
    let handler = |number: usize| async move {
        if number % 30 == 11 {
            let pages = iter(0..40_u64).map(|page| async move {
                sleep(Duration::from_millis(3)).await;
                page
            });
            let stored: Vec<u64> = pages.buffer_unordered(8).collect().await;
            black_box(stored);
            let warm = join_all((0..20).map(|_| sleep(Duration::from_millis(2)))).await;
            black_box(warm);
        }
    };
    serve(cx, handler, nothing())
}

/// A server of one thread, with work that is not `Send` beside its requests.
fn on_one_thread<B>(cx: &Cx, beside: fn(oneshot::Receiver<()>) -> B) -> anyhow::Result<()>
where
    B: Future<Output = ()> + 'static,
{
    let runtime = cx.current_thread().build()?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = std::thread::Builder::new().name("server".into());
    let server = server.spawn(move || runtime.block_on(beside(stopped)))?;
    let requests = cx.requests(&handle, |_request| async {
        sleep(Duration::from_millis(1)).await;
        compute(20);
    })?;
    requests.finish()?;
    drop(stop);
    let _ = server.join();
    Ok(())
}

/// The main future sums up, ten times a second.
async fn sums_up(mut stopped: oneshot::Receiver<()>) {
    while timeout(Duration::from_millis(100), &mut stopped).await.is_err() {
        compute(60_000);
    }
}

pub fn main_sums(cx: &Cx) -> anyhow::Result<()> {
    on_one_thread(cx, sums_up)
}

/// The same in slices.
async fn sums_up_in_slices(mut stopped: oneshot::Receiver<()>) {
    while timeout(Duration::from_millis(100), &mut stopped).await.is_err() {
        for _ in 0..120 {
            compute(500);
            tokio::task::yield_now().await;
        }
    }
}

pub fn main_slices(cx: &Cx) -> anyhow::Result<()> {
    on_one_thread(cx, sums_up_in_slices)
}

/// Compacts its state now and then.
async fn compacts() {
    loop {
        sleep(Duration::from_millis(150)).await;
        compute(80_000);
    }
}

async fn with_a_session(stopped: oneshot::Receiver<()>) {
    let sessions = tokio::task::LocalSet::new();
    sessions.spawn_local(compacts());
    let _ = sessions.run_until(stopped).await;
}

pub fn local_compacts(cx: &Cx) -> anyhow::Result<()> {
    on_one_thread(cx, with_a_session)
}

/// Reads a file now and then, as if the thread were its own.
async fn reads(mut stopped: oneshot::Receiver<()>) {
    while timeout(Duration::from_millis(120), &mut stopped).await.is_err() {
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub fn main_reads(cx: &Cx) -> anyhow::Result<()> {
    on_one_thread(cx, reads)
}

async fn with_a_light_session(stopped: oneshot::Receiver<()>) {
    let sessions = tokio::task::LocalSet::new();
    sessions.spawn_local(async {
        let count = std::rc::Rc::new(std::cell::Cell::new(0_u64));
        loop {
            sleep(Duration::from_millis(1)).await;
            count.set(count.get().wrapping_add(spin(100)));
        }
    });
    let _ = sessions.run_until(stopped).await;
}

/// Healthy: one thread, on which sessions that are not `Send` live.
pub fn local(cx: &Cx) -> anyhow::Result<()> {
    on_one_thread(cx, with_a_light_session)
}
