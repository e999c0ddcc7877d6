//! The sessions of the feed, which end with their clients. A cache keeps the pages that greet the
//! clients that came last, as many as it has room for.

use crate::fixed;
use crate::service::{Client, Hub, PAGE, Publish, Update, greet, lock};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

/// The registry of open sessions, and the pages that greet clients.
#[derive(Debug)]
pub struct Greeting {
    hub: Arc<Hub>,
    pages: Mutex<Pages>,
}

/// A cache that drops its oldest page when it is full.
#[derive(Debug)]
struct Pages {
    most: usize,
    pages: HashMap<usize, Arc<[u8]>>,
    oldest_first: VecDeque<usize>,
}

impl Greeting {
    /// A cache with room for `most` pages.
    pub fn with_room_for(most: usize) -> Greeting {
        let (pages, oldest_first) = (HashMap::new(), VecDeque::new());
        let pages = Mutex::new(Pages { most: most.max(1), pages, oldest_first });
        Greeting { hub: Arc::default(), pages }
    }

    /// Number of pages in the cache.
    pub fn pages(&self) -> usize {
        lock(&self.pages).pages.len()
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

/// The page that greets a client, from the cache if it was here not long ago.
fn welcome(cache: &Mutex<Pages>, client: usize) -> Arc<[u8]> {
    let mut cache = lock(cache);
    if let Some(page) = cache.pages.get(&client) {
        return Arc::clone(page);
    }
    if cache.pages.len() == cache.most
        && let Some(oldest) = cache.oldest_first.pop_front()
    {
        cache.pages.remove(&oldest);
    }
    let mut page = Vec::with_capacity(PAGE);
    greet(client, &mut page);
    let page: Arc<[u8]> = page.into();
    cache.oldest_first.push_back(client);
    cache.pages.insert(client, Arc::clone(&page));
    page
}
