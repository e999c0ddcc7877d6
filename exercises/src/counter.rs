//! The price counter: quotes that customers ask for, and prices that are loaded during the first
//! half of the day.

use lab_kit::{Counter, Cx};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

/// Lists of prices of a day.
const LISTS: u64 = 4;
/// Time from one list to the next.
const EVERY: Duration = Duration::from_millis(120);
/// Time after which a new list has to be used.
const GRACE: Duration = Duration::from_millis(60);
/// Time in which a quote has to be answered.
const IN_TIME: Duration = Duration::from_millis(30);
/// Quotes that may wait for the counter.
const ROOM: usize = 1_024;

/// A list of prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    version: u64,
    /// The price of a piece, in cents.
    pub cents: u64,
}

impl Prices {
    fn of(version: u64) -> Prices {
        Prices { version, cents: 900 + version }
    }
}

/// A customer's question.
#[derive(Debug)]
pub struct Quote {
    /// Pieces that the customer wants.
    pub pieces: u64,
    asked: Instant,
    /// The oldest list that may be used for it.
    due: u64,
    tally: Arc<Tally>,
    reply: oneshot::Sender<u64>,
}

impl Quote {
    /// Answers with the price of all pieces on a list.
    pub fn answer(self, prices: &Prices) {
        self.tally.done.fetch_add(1, Ordering::Relaxed);
        self.tally.in_time.add(u64::from(self.asked.elapsed() <= IN_TIME));
        self.tally.current.add(u64::from(prices.version >= self.due));
        // A customer who has left meanwhile needs no answer.
        let _ = self.reply.send(self.pieces * prices.cents);
    }
}

/// What was asked and answered.
#[derive(Debug)]
struct Tally {
    asked: Counter,
    in_time: Counter,
    current: Counter,
    polls: Counter,
    polls_in_vain: Counter,
    /// Quotes that were answered, and lists that were published.
    done: AtomicU64,
    published: Mutex<(u64, Instant)>,
}

impl Tally {
    fn new(cx: &Cx) -> anyhow::Result<Tally> {
        let counter = |name| {
            let counter = cx.probe().counter(name)?;
            counter.set(0);
            anyhow::Ok(counter)
        };
        Ok(Tally {
            asked: counter("quotes_asked")?,
            in_time: counter("quotes_in_time")?,
            current: counter("quotes_current")?,
            polls: counter("counter_polls")?,
            polls_in_vain: counter("counter_vain_polls")?,
            done: AtomicU64::new(0),
            published: Mutex::new((0, Instant::now())),
        })
    }

    /// The oldest list that may still be used.
    fn due(&self) -> u64 {
        let (version, at) = *self.published.lock().unwrap_or_else(PoisonError::into_inner);
        if at.elapsed() > GRACE { version } else { version.saturating_sub(1) }
    }

    fn publish(&self, version: u64) {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        *published = (version, Instant::now());
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs the counter under its load: each request asks for a quote. `serve_counter` gets the quotes
/// and the prices.
///
/// Its polls are counted. A poll is in vain if since the one before no quote was answered, neither
/// in it, and no list was published.
pub fn serve<F, Fut>(cx: &Cx, serve_counter: F) -> anyhow::Result<()>
where
    F: FnOnce(mpsc::Receiver<Quote>, watch::Receiver<Prices>) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let runtime = cx.runtime().build()?;
    let tally = Arc::new(Tally::new(cx)?);
    let (sender, prices) = watch::channel(Prices::of(0));
    let (ask, quotes) = mpsc::channel(ROOM);
    let counter = Polled {
        inner: Box::pin(serve_counter(quotes, prices)),
        seen: 0,
        tally: Arc::clone(&tally),
    };
    let counter = runtime.spawn(counter);
    let asked = Arc::clone(&tally);
    let requests = cx.requests(runtime.handle(), move |request| {
        let (ask, tally) = (ask.clone(), Arc::clone(&asked));
        async move { quote(ask, tally, request.number as u64 % 9 + 1).await }
    })?;
    requests.wait_for_window();
    runtime.spawn(load_prices(sender, Arc::clone(&tally)));
    requests.finish()?;
    counter.abort();
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

/// Asks the counter for a quote, and checks the answer.
async fn quote(ask: mpsc::Sender<Quote>, tally: Arc<Tally>, pieces: u64) -> Result<(), ()> {
    tally.asked.add(1);
    let (reply, answer) = oneshot::channel();
    let due = tally.due();
    let quote = Quote { pieces, asked: Instant::now(), due, tally, reply };
    ask.send(quote).await.map_err(drop)?;
    let price = answer.await.map_err(drop)?;
    let right = (0..=LISTS).any(|version| price == pieces * Prices::of(version).cents);
    if right { Ok(()) } else { Err(()) }
}

/// Publishes the lists of the day, and is done.
async fn load_prices(prices: watch::Sender<Prices>, tally: Arc<Tally>) {
    for version in 1..=LISTS {
        sleep(EVERY).await;
        tally.publish(version);
        let _ = prices.send(Prices::of(version));
    }
}

/// The future of the counter, whose polls are counted.
struct Polled<F> {
    inner: Pin<Box<F>>,
    /// What was done when the last poll ended.
    seen: u64,
    tally: Arc<Tally>,
}

impl<F: Future> Future for Polled<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let polled = pin!(&mut self.inner).poll(cx);
        let done = self.tally.done.load(Ordering::Relaxed);
        self.tally.polls.add(1);
        self.tally.polls_in_vain.add(u64::from(done == self.seen));
        self.seen = done;
        polled
    }
}
