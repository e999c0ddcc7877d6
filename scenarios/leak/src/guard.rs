//! The sessions of the feed: the registration of each is a value that removes itself when it is
//! dropped, also after an error and when the request is cancelled.

use crate::fixed::session;
use crate::service::{Client, Event, Hub};
use std::sync::Arc;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::oneshot;

/// The entry of a session in the registry.
struct Registration {
    hub: Arc<Hub>,
    client: usize,
}

impl Registration {
    fn new(hub: Arc<Hub>, client: usize, inbox: UnboundedSender<Event>) -> Registration {
        hub.join(client, inbox);
        Registration { hub, client }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.hub.leave(self.client);
    }
}

/// Serves a client until it hangs up.
pub async fn serve(hub: Arc<Hub>, mut client: Client) -> anyhow::Result<()> {
    let (sender, inbox) = mpsc::unbounded_channel();
    let _registration = Registration::new(hub, client.id(), sender.clone());
    tokio::spawn(session(inbox));
    while client.asks().await {
        let (reply, page) = oneshot::channel();
        sender.send(Event::Fetch(reply))?;
        client.show(&page.await?)?;
    }
    Ok(())
}
