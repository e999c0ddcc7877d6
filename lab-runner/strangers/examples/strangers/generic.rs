//! Services of generic stages: streams, sets of futures, and what wakes many at once.

use futures::StreamExt;
use futures::future::select_all;
use futures::stream::FuturesOrdered;
use lab_kit::Cx;
use lab_strangers::{nothing, serve, spin};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};

/// Takes what is done first, until nothing is left.
async fn first_come<F>(mut pending: Vec<F>) -> usize
where
    F: Future + Unpin,
{
    let mut done = 0;
    while !pending.is_empty() {
        let (_, _, rest) = select_all(pending).await;
        pending = rest;
        done += 1;
    }
    done
}

async fn gather(number: usize) {
    if number == 100 {
        let look_up = |row: u64| {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_micros(row * 200)).await;
                row
            })
        };
        black_box(first_come((0..3_000).map(look_up).collect()).await);
    }
}

pub fn selects(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, gather, nothing())
}

/// Answers in the order of the questions, at most so many at a time.
async fn in_order<T, F>(questions: impl Iterator<Item = F>, at_most: usize) -> Vec<T>
where
    F: Future<Output = T>,
{
    let mut questions = questions;
    let mut under_way: FuturesOrdered<F> = questions.by_ref().take(at_most).collect();
    let mut answers = Vec::new();
    while let Some(answer) = under_way.next().await {
        answers.push(answer);
        under_way.extend(questions.next());
    }
    answers
}

pub fn orders(cx: &Cx) -> anyhow::Result<()> {
    serve(
        cx,
        |number| async move {
            let shard = |of: u64| tokio::time::sleep(Duration::from_millis(1 + of % 3));
            black_box(in_order((0..number as u64 % 8).map(shard), 4).await);
        },
        nothing(),
    )
}

/// Stock that sessions wait for: every change wakes all of them.
#[derive(Default)]
struct Stock {
    changed: Notify,
    version: AtomicU64,
}

/// Waits until there is a version of the stock.
async fn session(stock: Arc<Stock>, version: u64) {
    loop {
        let changed = stock.changed.notified();
        if stock.version.load(Relaxed) >= version {
            return;
        }
        changed.await;
    }
}

pub fn wakes_all(cx: &Cx) -> anyhow::Result<()> {
    let stock = Arc::new(Stock::default());
    let beside = {
        let stock = Arc::clone(&stock);
        async move {
            let sessions: Vec<_> = (0..2_000_u64)
                .map(|number| tokio::spawn(session(Arc::clone(&stock), 1_000_000 + number)))
                .collect();
            for session in sessions {
                drop(session.await);
            }
        }
    };
    let handler = move |_number| {
        stock.version.fetch_add(1, Relaxed);
        stock.changed.notify_waiters();
        nothing()
    };
    serve(cx, handler, beside)
}

pub fn wakes_one(cx: &Cx) -> anyhow::Result<()> {
    let (price, prices) = watch::channel(0_u64);
    let beside = async move {
        let sessions: Vec<_> = (0..8)
            .map(|_| {
                let mut prices = prices.clone();
                tokio::spawn(async move {
                    while prices.changed().await.is_ok() {
                        black_box(*prices.borrow_and_update());
                    }
                })
            })
            .collect();
        for session in sessions {
            drop(session.await);
        }
    };
    let handler = move |number| {
        price.send_replace(number as u64);
        nothing()
    };
    serve(cx, handler, beside)
}

struct Sessions<T> {
    open: std::sync::Mutex<Vec<mpsc::UnboundedSender<T>>>,
}

impl<T: Clone + Send + 'static> Sessions<T> {
    /// Opens a session that follows the events; nobody closes it.
    fn follow(&self, first: T) {
        let (send, mut events) = mpsc::unbounded_channel();
        drop(send.send(first));
        let mut open = self.open.lock().unwrap();
        open.push(send);
        drop(open);
        tokio::spawn(async move {
            let mut seen = Vec::with_capacity(512);
            while let Some(event) = events.recv().await {
                seen.push(event);
            }
        });
    }
}

pub fn forgets(cx: &Cx) -> anyhow::Result<()> {
    let sessions = Arc::new(Sessions { open: std::sync::Mutex::default() });
    serve(
        cx,
        move |number| {
            sessions.follow(number);
            nothing()
        },
        nothing(),
    )
}

/// A burst of short tasks, now and then.
pub fn bursts(cx: &Cx) -> anyhow::Result<()> {
    serve(
        cx,
        |number| async move {
            if number % 100 == 50 {
                for _ in 0..2_000 {
                    tokio::spawn(async { black_box(spin(1_000)) });
                }
            }
        },
        nothing(),
    )
}
