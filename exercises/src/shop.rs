//! The shop: an API that quotes prices, and an import of orders beside it on the same runtime.

use anyhow::Context;
use lab_kit::Cx;
use scenario_greedy::drive::drive_with;
use scenario_greedy::shop::Store;
use serde_json::Value;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use scenario_greedy::backlog::Backlog;
pub use scenario_greedy::shop::Message;

/// The shop's orders: the newest of each key.
#[derive(Debug, Default)]
pub struct Orders {
    store: Store,
    /// The order that each key of the backlog stands for.
    expected: HashMap<usize, Expected>,
    stored: AtomicU64,
}

/// What an order is recognised by.
type Fingerprint = (String, u64);

/// An order, and how often it is still to come.
#[derive(Debug)]
struct Expected {
    order: Fingerprint,
    left: AtomicU64,
}

/// Each key of a backlog with its order, and how often that comes.
fn expected(backlog: &Backlog) -> anyhow::Result<HashMap<usize, (Fingerprint, u64)>> {
    let mut expected = HashMap::new();
    for message in backlog.clone() {
        match expected.entry(message.key) {
            Entry::Occupied(mut known) => {
                let (_, count): &mut (Fingerprint, u64) = known.get_mut();
                *count += 1;
            }
            Entry::Vacant(new) => {
                let order = serde_json::from_str(&message.body).context("malformed message")?;
                new.insert((fingerprint(&order), 1));
            }
        }
    }
    Ok(expected)
}

impl Orders {
    /// An empty store that knows which orders are to come, and how often.
    fn expecting(expected: &HashMap<usize, (Fingerprint, u64)>) -> Orders {
        let one = |(key, (order, count)): (&usize, &(Fingerprint, u64))| {
            (*key, Expected { order: order.clone(), left: AtomicU64::new(*count) })
        };
        Orders { expected: expected.iter().map(one).collect(), ..Orders::default() }
    }

    /// Stores an order in place of an older one.
    pub async fn put(&self, key: usize, order: Value) {
        let right = self.expected.get(&key).filter(|known| known.order == fingerprint(&order));
        // One that was stored often enough does not stand for another.
        let counts = right.is_some_and(|known| {
            let less = |left: u64| left.checked_sub(1);
            known.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
        });
        self.stored.fetch_add(u64::from(counts), Ordering::Relaxed);
        self.store.put(key, order).await;
    }

    /// The number of orders that were stored as they came.
    fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }
}

fn fingerprint(order: &Value) -> Fingerprint {
    let id = order["order_id"].as_str().unwrap_or_default();
    (id.to_owned(), order["total_cents"].as_u64().unwrap_or_default())
}

/// Runs the API under its load, with one import for each worker that starts with the measured time.
///
/// An order counts if it was stored when `import` returned.
pub fn serve<F, Fut>(cx: &Cx, import: F) -> anyhow::Result<()>
where
    F: Fn(Backlog, Arc<Orders>) -> Fut,
    Fut: Future<Output = anyhow::Result<u64>> + Send + 'static,
{
    let stored = cx.probe().counter("orders_stored")?;
    stored.set(0);
    let backlog = Backlog::of(cx.load(), cx.load().size)?;
    let expected = expected(&backlog)?;
    let start = |backlog: Backlog, _: Arc<()>| {
        let orders = Arc::new(Orders::expecting(&expected));
        let import = import(backlog, Arc::clone(&orders));
        let stored = stored.clone();
        async move {
            let imported = import.await?;
            stored.add(orders.stored());
            Ok(imported)
        }
    };
    let workers = cx.load().workers;
    drive_with(cx, workers, vec![backlog; workers], start)
}
