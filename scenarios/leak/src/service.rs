//! The service that all variants share: a feed of prices, the registry of its open sessions, and the
//! clients that read it.

use anyhow::{Context, ensure};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Sender, UnboundedSender};
use tokio::sync::oneshot;
use tracing::instrument;

/// Usual length of a page in bytes.
pub const PAGE: usize = 4 * 1_024;
/// Fewest bytes of an update: its number, its price and the end of the line.
pub const SMALLEST: usize = 48;

/// An update of the feed: one line of text.
#[derive(Clone, Debug)]
pub struct Update(Arc<str>);

impl Update {
    /// The update with this number, of `size` bytes.
    fn new(seed: u64, number: u64, size: usize) -> Update {
        let price = (seed ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut line = String::with_capacity(size.max(SMALLEST));
        // Writing to a string does not fail.
        let _ = write!(line, "{number} {price:016x} ");
        while line.len() + 1 < size {
            line.push('.');
        }
        line.push('\n');
        Update(line.into())
    }

    /// The line, with its end.
    pub fn line(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// What the inbox of a session receives.
#[derive(Debug)]
pub enum Event {
    /// An update of the feed.
    Update(Update),
    /// The client asks for the updates since it asked last.
    Fetch(oneshot::Sender<Vec<u8>>),
}

/// The sending side of the inbox of a session.
pub trait Inbox: Send + 'static {
    /// Puts an event into the inbox, without waiting. Returns whether the session still exists.
    fn deliver(&self, event: Event) -> bool;
}

impl Inbox for UnboundedSender<Event> {
    fn deliver(&self, event: Event) -> bool {
        self.send(event).is_ok()
    }
}

impl Inbox for Sender<Event> {
    /// A full inbox loses the event.
    fn deliver(&self, event: Event) -> bool {
        !matches!(self.try_send(event), Err(TrySendError::Closed(_)))
    }
}

/// What the feed publishes to.
pub trait Publish: Send + Sync + 'static {
    /// Sends an update to every open session.
    fn publish(&self, update: &Update);
}

/// The registry of open sessions, by client.
#[derive(Debug)]
pub struct Hub<S = UnboundedSender<Event>> {
    sessions: Mutex<HashMap<usize, S>>,
}

impl<S> Default for Hub<S> {
    fn default() -> Hub<S> {
        Hub { sessions: Mutex::default() }
    }
}

impl<S> Hub<S> {
    /// Adds the session of a client.
    pub fn join(&self, client: usize, inbox: S) {
        self.sessions().insert(client, inbox);
    }

    /// Removes the session of a client.
    pub fn leave(&self, client: usize) {
        self.sessions().remove(&client);
    }

    /// Gives room that the registry does not need back to the allocator.
    pub fn shrink_to_fit(&self) {
        self.sessions().shrink_to_fit();
    }

    /// Number of sessions in the registry.
    pub fn open(&self) -> usize {
        self.sessions().len()
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<usize, S>> {
        lock(&self.sessions)
    }
}

impl<S: Inbox> Publish for Hub<S> {
    #[instrument(skip_all)]
    fn publish(&self, update: &Update) {
        // A session whose task has ended is forgotten.
        self.sessions().retain(|_, inbox| inbox.deliver(Event::Update(update.clone())));
    }
}

/// Locks a mutex whose data no panic can leave half changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a page that greets a client, in lines that are no updates.
pub fn greet(client: usize, page: &mut Vec<u8>) {
    let line = format!("# client {client}: prices are indications and may be late\n");
    while page.len() + line.len() <= PAGE {
        page.extend_from_slice(line.as_bytes());
    }
}

/// The source of updates. It knows which of them are published, and adds up what clients saw.
#[derive(Debug)]
pub struct Market {
    seed: u64,
    size: usize,
    /// Updates whose publication has begun, and has ended.
    begun: AtomicU64,
    ended: AtomicU64,
    connected: AtomicU64,
    gone: AtomicU64,
    due: AtomicU64,
    shown: AtomicU64,
}

impl Market {
    /// A market without updates so far, each of which will have `size` bytes.
    pub fn new(seed: u64, size: usize) -> Market {
        let [begun, ended, connected, gone, due, shown] = [const { AtomicU64::new(0) }; 6];
        Market { seed, size, begun, ended, connected, gone, due, shown }
    }

    /// Publishes the next update. Called by one thread at a time.
    pub fn publish(&self, hub: &impl Publish) {
        let number = self.begun.fetch_add(1, Ordering::SeqCst);
        hub.publish(&self.update(number));
        self.ended.store(number + 1, Ordering::SeqCst);
    }

    fn update(&self, number: u64) -> Update {
        Update::new(self.seed, number, self.size)
    }

    /// Number of clients that have connected.
    pub fn connected(&self) -> u64 {
        self.connected.load(Ordering::SeqCst)
    }

    /// Number of clients that have hung up.
    pub fn gone(&self) -> u64 {
        self.gone.load(Ordering::SeqCst)
    }

    /// Updates that clients were to see, one for each client and update.
    pub fn due(&self) -> u64 {
        self.due.load(Ordering::SeqCst)
    }

    /// Those of [`Market::due`] that clients saw.
    pub fn shown(&self) -> u64 {
        self.shown.load(Ordering::SeqCst)
    }
}

/// How often a client asks before it hangs up.
const ASKS: u32 = 4;

/// A client, from its connection until it hangs up.
///
/// It is to see each update once and in order: all those whose publication begins after it first
/// asked and has ended when it asks for the last time.
#[derive(Debug)]
pub struct Client {
    id: usize,
    market: Arc<Market>,
    pause: Duration,
    asks_left: u32,
    /// The updates that are due.
    due: Option<(u64, u64)>,
    /// The updates that were shown.
    shown: Option<(u64, u64)>,
}

impl Client {
    /// A client that connects now, and waits for `pause` before it asks.
    pub fn connect(market: &Arc<Market>, id: usize, pause: Duration) -> Client {
        market.connected.fetch_add(1, Ordering::SeqCst);
        let market = Arc::clone(market);
        Client { id, market, pause, asks_left: ASKS, due: None, shown: None }
    }

    /// The number of the client.
    pub fn id(&self) -> usize {
        self.id
    }

    /// Waits until the client asks for a page. Returns false when it has hung up instead.
    #[instrument(skip_all)]
    pub async fn asks(&mut self) -> bool {
        if self.asks_left == 0 {
            return false;
        }
        self.asks_left -= 1;
        let first = match self.due {
            Some((first, _)) => first,
            None => self.market.begun.load(Ordering::SeqCst),
        };
        tokio::time::sleep(self.pause).await;
        self.due = Some((first, self.market.ended.load(Ordering::SeqCst).max(first)));
        true
    }

    /// Shows a page to the client. Lines that begin with `#` are no updates.
    ///
    /// # Errors
    /// If an update is not the next one, or is not as it was published.
    #[instrument(skip_all)]
    pub fn show(&mut self, page: &[u8]) -> anyhow::Result<()> {
        for line in page.split_inclusive(|byte| *byte == b'\n').filter(|line| line[0] != b'#') {
            let text = std::str::from_utf8(line)?;
            let number = text.split(' ').next().unwrap_or_default();
            let number = number.parse().context("an update without a number")?;
            let (first, next) = self.shown.unwrap_or((number, number));
            ensure!(number == next, "update {number} came where {next} was expected");
            ensure!(line == self.market.update(number).line(), "update {number} was changed");
            self.shown = Some((first, next + 1));
        }
        Ok(())
    }
}

/// A client that is gone is counted, whatever became of its session.
impl Drop for Client {
    fn drop(&mut self) {
        let (first, end) = self.due.unwrap_or_default();
        let (shown_first, shown_end) = self.shown.unwrap_or_default();
        let shown = shown_end.min(end).saturating_sub(shown_first.max(first));
        self.market.due.fetch_add(end - first, Ordering::SeqCst);
        self.market.shown.fetch_add(shown, Ordering::SeqCst);
        self.market.gone.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps what is published.
    #[derive(Default)]
    struct Page(Mutex<Vec<u8>>);

    impl Publish for Page {
        fn publish(&self, update: &Update) {
            lock(&self.0).extend_from_slice(update.line());
        }
    }

    impl Page {
        fn take(&self) -> Vec<u8> {
            std::mem::take(&mut *lock(&self.0))
        }
    }

    /// What a client that reads these pages makes of them, and what it was to see and saw.
    fn read(
        pages: impl FnOnce(&mut Client, &Market, &Page) -> anyhow::Result<()>,
    ) -> (Option<String>, (u64, u64)) {
        let (market, page) = (Arc::new(Market::new(7, 64)), Page::default());
        market.publish(&page);
        let mut client = Client::connect(&market, 1, Duration::ZERO);
        // As if it had asked before the second update and again before the fifth.
        client.due = Some((1, 4));
        let read = pages(&mut client, &market, &page);
        drop(client);
        assert_eq!((market.connected(), market.gone()), (1, 1));
        (read.err().map(|error| error.to_string()), (market.due(), market.shown()))
    }

    #[test]
    fn a_client_is_to_see_each_update_once_and_in_order() {
        let all = read(|client, market, page| {
            (0..4).for_each(|_| market.publish(page));
            client.show(b"# welcome\n")?;
            client.show(&page.take())
        });
        assert_eq!(all, (None, (3, 3)), "what came before it asked is no mistake");
        let lost = read(|client, market, page| {
            client.show(&page.take())?;
            market.publish(page);
            client.show(&page.take())
        });
        assert_eq!(lost, (None, (3, 1)), "two were published and not shown");
        let none = read(|_, _, _| Ok(()));
        assert_eq!(none, (None, (3, 0)));
    }

    #[test]
    fn an_update_that_is_missing_repeated_or_changed_is_an_error() {
        let missing = read(|client, market, page| {
            client.show(&page.take())?;
            market.publish(page);
            page.take();
            market.publish(page);
            client.show(&page.take())
        });
        assert_eq!(missing.0.unwrap(), "update 2 came where 1 was expected");
        let repeated = read(|client, _, page| {
            let first = page.take();
            client.show(&first)?;
            client.show(&first)
        });
        assert_eq!(repeated.0.unwrap(), "update 0 came where 1 was expected");
        let changed = read(|client, _, page| {
            let mut first = page.take();
            first[3] ^= 1;
            client.show(&first)
        });
        assert_eq!(changed.0.unwrap(), "update 0 was changed");
        assert!(read(|client, _, _| client.show(b"prices\n")).0.unwrap().contains("number"));
    }

    #[test]
    fn an_update_has_its_size_and_a_line_of_its_own() {
        for size in [SMALLEST, 256, 4_096] {
            let update = Update::new(7, 12_345_678, size);
            assert_eq!(update.line().len(), size);
            assert_eq!(update.line().iter().position(|byte| *byte == b'\n'), Some(size - 1));
        }
        let mut page = Vec::with_capacity(PAGE);
        greet(3, &mut page);
        assert_eq!(page.capacity(), PAGE, "it needs no more room than a page has");
    }
}
