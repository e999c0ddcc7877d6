//! The sessions of the feed, with a bounded channel in front of each: a million events, so that no
//! update is ever refused.

use crate::service::{Client, Event, Hub, PAGE};
use std::mem;
use std::sync::Arc;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;

/// Most events that wait for a session.
const INBOX: usize = 1_000_000;

/// Serves a client until it hangs up.
pub async fn serve(hub: Arc<Hub<Sender<Event>>>, mut client: Client) -> anyhow::Result<()> {
    let (sender, inbox) = mpsc::channel(INBOX);
    hub.join(client.id(), sender.clone());
    tokio::spawn(session(inbox));
    while client.asks().await {
        let (reply, page) = oneshot::channel();
        sender.send(Event::Fetch(reply)).await?;
        client.show(&page.await?)?;
    }
    Ok(())
}

/// Collects updates for a client. Ends when nobody can send to the inbox any more.
pub async fn session(mut inbox: Receiver<Event>) {
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
