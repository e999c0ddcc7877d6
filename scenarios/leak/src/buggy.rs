//! The sessions of the feed: each is a task that collects updates until its client fetches them.

use crate::service::{Client, Event, Hub, PAGE};
use std::mem;
use std::sync::Arc;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::oneshot;

/// Serves a client until it hangs up.
pub async fn serve(hub: Arc<Hub>, mut client: Client) -> anyhow::Result<()> {
    let (sender, inbox) = mpsc::unbounded_channel();
    hub.join(client.id(), sender.clone());
    tokio::spawn(session(inbox));
    while client.asks().await {
        let (reply, page) = oneshot::channel();
        sender.send(Event::Fetch(reply))?;
        client.show(&page.await?)?;
    }
    Ok(())
}

/// Collects updates for a client. Ends when nobody can send to the inbox any more.
pub async fn session(mut inbox: UnboundedReceiver<Event>) {
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
