//! The sessions of the feed, which end with their clients. A cache keeps the page that greets a
//! client, for its next visit, and never removes one.

use crate::fixed;
use crate::service::{Client, Hub, PAGE, Publish, Update, greet, lock};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The registry of open sessions, and the pages that greet clients.
#[derive(Debug, Default)]
pub struct Greeting {
    hub: Arc<Hub>,
    pages: Mutex<HashMap<usize, Arc<[u8]>>>,
}

impl Greeting {
    /// Number of pages in the cache.
    pub fn pages(&self) -> usize {
        lock(&self.pages).len()
    }
}

impl Publish for Greeting {
    fn publish(&self, update: &Update) {
        self.hub.publish(update);
    }
}

/// Greets a client, and serves it until it hangs up.
pub async fn serve(greeting: Arc<Greeting>, mut client: Client) -> anyhow::Result<()> {
    client.show(&welcome(&greeting.pages, client.id()))?;
    fixed::serve(Arc::clone(&greeting.hub), client).await
}

/// The page that greets a client, from the cache if it was here before.
fn welcome(pages: &Mutex<HashMap<usize, Arc<[u8]>>>, client: usize) -> Arc<[u8]> {
    let mut pages = lock(pages);
    let page = pages.entry(client).or_insert_with(|| {
        let mut page = Vec::with_capacity(PAGE);
        greet(client, &mut page);
        page.into()
    });
    Arc::clone(page)
}
