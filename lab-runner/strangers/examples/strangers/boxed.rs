//! Services behind a trait whose methods return boxed futures.

use lab_kit::Cx;
use lab_strangers::{nothing, serve, serve_on, spin};
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

trait Service: Send + Sync + 'static {
    fn call(&self, number: usize) -> Boxed<'_, ()>;
}

fn answer_with<S: Service>(service: S) -> impl Fn(usize) -> Boxed<'static, ()> + Send + Sync {
    let service = Arc::new(service);
    move |number| {
        let service = Arc::clone(&service);
        Box::pin(async move { service.call(number).await })
    }
}

/// Renders a page on the blocking pool; its fonts are loaded there, too.
struct Renderer;

impl Renderer {
    fn render(number: usize) -> u64 {
        let fonts = Handle::current().block_on(spawn_blocking(move || {
            std::thread::sleep(Duration::from_millis(20));
            number as u64
        }));
        fonts.map_or(0, |fonts| spin(20_000) ^ fonts)
    }
}

impl Service for Renderer {
    fn call(&self, number: usize) -> Boxed<'_, ()> {
        Box::pin(async move {
            if number.is_multiple_of(2) {
                black_box(spawn_blocking(move || Renderer::render(number)).await.ok());
            }
        })
    }
}

pub fn renders(cx: &Cx) -> anyhow::Result<()> {
    let mut builder = cx.runtime();
    builder.max_blocking_threads(4);
    serve_on(builder.build()?, cx, answer_with(Renderer), nothing())
}

/// Renders a page on the blocking pool, with fonts that are there.
struct Loaded;

impl Service for Loaded {
    fn call(&self, number: usize) -> Boxed<'_, ()> {
        Box::pin(async move {
            if number.is_multiple_of(2) {
                black_box(spawn_blocking(|| spin(20_000)).await.ok());
            }
        })
    }
}

pub fn renders_loaded(cx: &Cx) -> anyhow::Result<()> {
    let mut builder = cx.runtime();
    builder.max_blocking_threads(4);
    serve_on(builder.build()?, cx, answer_with(Loaded), nothing())
}

/// Adds up what the handlers counted, as fast as it can.
#[derive(Default)]
struct Totals {
    seen: AtomicU64,
    sum: AtomicU64,
    over: AtomicBool,
}

impl Totals {
    async fn keep_up(self: Arc<Self>) {
        while !self.over.load(Relaxed) {
            let seen = self.seen.load(Relaxed);
            self.sum.store(spin(200) ^ seen, Relaxed);
        }
    }
}

pub fn adds_up(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.runtime().worker_threads(2).build()?;
    let totals = Arc::new(Totals::default());
    let (kept, seen) = (Arc::clone(&totals), Arc::clone(&totals));
    let requests = cx.requests(runtime.handle(), move |_request| {
        seen.seen.fetch_add(1, Relaxed);
        nothing()
    })?;
    requests.wait_for_window();
    let keeps = runtime.spawn(kept.keep_up());
    requests.finish()?;
    totals.over.store(true, Relaxed);
    Ok(runtime.block_on(keeps)?)
}

/// Adds up on a thread of its own.
pub fn adds_up_outside(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.runtime().worker_threads(2).build()?;
    let totals = Arc::new(Totals::default());
    let (kept, seen) = (Arc::clone(&totals), Arc::clone(&totals));
    let requests = cx.requests(runtime.handle(), move |_request| {
        seen.seen.fetch_add(1, Relaxed);
        nothing()
    })?;
    let tick = std::thread::Builder::new().name("totals".into()).spawn(move || {
        while !kept.over.load(Relaxed) {
            kept.sum.store(kept.seen.load(Relaxed), Relaxed);
            std::thread::sleep(Duration::from_millis(1));
        }
    })?;
    requests.finish()?;
    totals.over.store(true, Relaxed);
    drop(tick.join());
    Ok(())
}

/// An account that one task owns, and whose methods are messages to that task.
struct Account {
    mailbox: mpsc::Sender<Message>,
}

enum Message {
    Deposit(oneshot::Sender<u64>),
    Statement(oneshot::Sender<u64>),
}

impl Account {
    async fn ask(&self, message: impl FnOnce(oneshot::Sender<u64>) -> Message) -> u64 {
        let (answer, answered) = oneshot::channel();
        drop(self.mailbox.send(message(answer)).await);
        answered.await.unwrap_or_default()
    }
}

/// A statement asks the account for its balance, and so itself.
async fn keep(mut messages: mpsc::Receiver<Message>, itself: Arc<Account>, asks_itself: bool) {
    let mut balance = 0;
    while let Some(message) = messages.recv().await {
        match message {
            Message::Deposit(answer) => {
                balance += 1;
                let _ = answer.send(balance);
            }
            Message::Statement(answer) => {
                let balance =
                    if asks_itself { itself.ask(Message::Deposit).await } else { balance };
                let _ = answer.send(balance);
            }
        }
    }
}

impl Service for Arc<Account> {
    fn call(&self, number: usize) -> Boxed<'_, ()> {
        Box::pin(async move {
            let wants_statement = number == 200;
            let message = if wants_statement { Message::Statement } else { Message::Deposit };
            black_box(self.ask(message).await);
        })
    }
}

fn account(cx: &Cx, asks_itself: bool) -> anyhow::Result<()> {
    let (mailbox, messages) = mpsc::channel(64);
    let account = Arc::new(Account { mailbox });
    serve(cx, answer_with(Arc::clone(&account)), keep(messages, account, asks_itself))
}

pub fn asks_itself(cx: &Cx) -> anyhow::Result<()> {
    account(cx, true)
}

pub fn asks_others(cx: &Cx) -> anyhow::Result<()> {
    account(cx, false)
}
