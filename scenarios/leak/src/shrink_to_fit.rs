//! The sessions of the feed. After each visit the registry gives back the room that it does not need.

use crate::buggy::session;
use crate::service::{Client, Event, Hub};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

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
    hub.shrink_to_fit();
    Ok(())
}
