//! The sessions of the feed, in a set of tasks that a shutdown can wait for. Each leaves the registry
//! with its client, and its task ends; nobody takes what the tasks return.

use crate::service::{Client, Event, Hub, PAGE, Publish, Update, lock};
use std::mem;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// The registry of open sessions, and the tasks of all sessions.
#[derive(Debug, Default)]
pub struct Sessions {
    hub: Hub,
    /// Each returns what its client did not fetch, for the log of the shutdown.
    tasks: Mutex<JoinSet<Vec<u8>>>,
}

impl Sessions {
    /// Number of tasks in the set, ended ones included.
    pub fn tasks(&self) -> usize {
        lock(&self.tasks).len()
    }
}

impl Publish for Sessions {
    fn publish(&self, update: &Update) {
        self.hub.publish(update);
    }
}

/// Serves a client until it hangs up.
pub async fn serve(sessions: Arc<Sessions>, mut client: Client) -> anyhow::Result<()> {
    let (sender, inbox) = mpsc::unbounded_channel();
    sessions.hub.join(client.id(), sender.clone());
    lock(&sessions.tasks).spawn(session(inbox));
    while client.asks().await {
        let (reply, page) = oneshot::channel();
        sender.send(Event::Fetch(reply))?;
        client.show(&page.await?)?;
    }
    sessions.hub.leave(client.id());
    Ok(())
}

/// Collects updates for a client. Ends when nobody can send to the inbox any more, and returns what
/// was not fetched.
async fn session(mut inbox: UnboundedReceiver<Event>) -> Vec<u8> {
    let mut page = Vec::with_capacity(PAGE);
    while let Some(event) = inbox.recv().await {
        match event {
            Event::Update(update) => page.extend_from_slice(update.line()),
            Event::Fetch(reply) => {
                let _ = reply.send(mem::replace(&mut page, Vec::with_capacity(PAGE)));
            }
        }
    }
    page
}
