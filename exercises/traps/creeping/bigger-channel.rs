//! Creeping memory.
//!
//! The feed publishes prices to everybody who is connected. Clients come, ask for their page a few
//! times, and hang up; at any moment a dozen are connected, day and night. And yet the process is a
//! little larger every hour, by a few kilobytes for each client that was ever there, until the
//! kernel ends it on Thursday. Each week the limit is raised, and Thursday becomes Friday. No
//! request fails, no queue is long, and the pages that clients get are right.
//!
//! TODO(lab): when a client has hung up, nothing of its session may be left. While it is connected
//! it must see every update, once and in order.
//!
//!     cargo lab exercise check creeping

use anyhow::{Context, anyhow};
use lab_exercises::feed::{self, Client, Publish, Update};
use std::collections::HashMap;
use std::mem;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;

fn main() -> ExitCode {
    lab_exercises::run(|cx| feed::serve(cx, Hub::default(), visit))
}

/// Bytes that a page has at most as a rule.
const PAGE: usize = 4 * 1_024;
/// Events that may wait for a session: far more than any client was ever behind, and not without
/// end.
const INBOX: usize = 100_000;

/// What a session is told.
enum Event {
    /// The feed has something new.
    Update(Update),
    /// The client asks for everything since it asked last.
    Fetch(oneshot::Sender<Vec<u8>>),
}

/// The sessions by the numbers of their clients.
#[derive(Default)]
struct Hub {
    sessions: Mutex<HashMap<usize, Sender<Event>>>,
}

impl Hub {
    /// Opens the session of a client.
    fn open(&self, client: usize) -> Sender<Event> {
        let (events, inbox) = mpsc::channel(INBOX);
        tokio::spawn(session(inbox));
        self.sessions().insert(client, events.clone());
        events
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<usize, Sender<Event>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publish for Hub {
    /// Sends an update to every session, and forgets those whose task has ended. A session whose
    /// inbox is full misses it.
    fn publish(&self, update: &Update) {
        self.sessions().retain(|_, events| {
            let sent = events.try_send(Event::Update(update.clone()));
            !matches!(sent, Err(TrySendError::Closed(_)))
        });
    }
}

/// Serves a client from its connection until it hangs up.
async fn visit(hub: Arc<Hub>, mut client: Client) -> anyhow::Result<()> {
    let events = hub.open(client.id());
    serve(&mut client, &events).await
}

/// Answers a client with its next page whenever it asks.
async fn serve(client: &mut Client, events: &Sender<Event>) -> anyhow::Result<()> {
    while client.asks().await {
        let page = fetch(events).await.with_context(|| format!("client {}", client.id()))?;
        client.show(&page)?;
    }
    Ok(())
}

/// Fetches everything that a session has collected since the last time.
async fn fetch(events: &Sender<Event>) -> anyhow::Result<Vec<u8>> {
    let (reply, page) = oneshot::channel();
    events.send(Event::Fetch(reply)).await.map_err(|_| anyhow!("its session has ended"))?;
    page.await.context("its session ended before it answered")
}

/// Collects updates for a client until nobody can send any more.
async fn session(mut inbox: Receiver<Event>) {
    let mut page = Vec::with_capacity(PAGE);
    while let Some(event) = inbox.recv().await {
        match event {
            Event::Update(update) => page.extend_from_slice(update.line()),
            Event::Fetch(reply) => {
                // A client that hung up meanwhile needs no page.
                let _ = reply.send(mem::replace(&mut page, Vec::with_capacity(PAGE)));
            }
        }
    }
}
