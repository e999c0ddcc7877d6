//! The sessions of the feed, which end with their clients. Each of the first clients has a part of
//! the catalogue loaded, which all later clients use.

use crate::fixed;
use crate::service::{Client, Hub, Publish, Update};
use anyhow::ensure;
use std::sync::{Arc, OnceLock};

/// Bytes of a part of the catalogue.
const PART: usize = 64 * 1_024;

/// The registry of open sessions, and the catalogue of what has a price.
#[derive(Debug)]
pub struct Catalogue {
    hub: Arc<Hub>,
    parts: Vec<OnceLock<Box<[u8]>>>,
}

impl Catalogue {
    /// A catalogue of so many parts, none of which is loaded.
    pub fn of_parts(parts: usize) -> Catalogue {
        let parts = (0..parts.max(1)).map(|_| OnceLock::new()).collect();
        Catalogue { hub: Arc::default(), parts }
    }

    /// Number of parts that are loaded.
    pub fn loaded(&self) -> usize {
        self.parts.iter().filter(|part| part.get().is_some()).count()
    }
}

impl Publish for Catalogue {
    fn publish(&self, update: &Update) {
        self.hub.publish(update);
    }
}

/// Serves a client until it hangs up, with its part of the catalogue at hand.
pub async fn serve(catalogue: Arc<Catalogue>, client: Client) -> anyhow::Result<()> {
    let number = client.id() % catalogue.parts.len();
    let part = catalogue.parts[number].get_or_init(|| load(number));
    ensure!(part.len() == PART, "part {number} of the catalogue is cut off");
    fixed::serve(Arc::clone(&catalogue.hub), client).await
}

/// Loads a part of the catalogue.
fn load(number: usize) -> Box<[u8]> {
    vec![number as u8; PART].into()
}
