//! Catalogue night.
//!
//! Since this month partners may send a whole catalogue in one message, and a night has a handful
//! of them instead of thousands of orders. `import` gives way after each message, as it was taught
//! to do, and its own times are good: a catalogue is stored in a moment. But while it runs, quotes
//! stall again. The slowest ones take as long as a whole catalogue, some of them longer, and the
//! rest of the night they are as fast as ever.
//!
//! TODO(lab): the wait of a quote must be small against the time that one catalogue takes, and must
//! not grow with the size of a catalogue. Every catalogue must be stored, in the sequence in which
//! it came, when `import` returns; and soon, not when the last customer has gone to bed.
//!
//!     cargo lab exercise check import-offload

use anyhow::{Context, ensure};
use lab_exercises::catalogue::{self, Backlog, Catalogues, Message, Product};
use serde_json::Value;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::spawn;

fn main() -> ExitCode {
    lab_exercises::run(|cx| catalogue::serve(cx, import))
}

/// What became of the messages of a night.
#[derive(Debug, Default)]
struct Night {
    catalogues: u64,
    products: u64,
    bytes: usize,
}

impl Night {
    fn note(&mut self, message: &Message, products: &[Product]) {
        self.catalogues += 1;
        self.products += products.len() as u64;
        self.bytes += message.body.len();
    }
}

/// Stores every catalogue of the backlog and returns the number of their products.
async fn import(backlog: Backlog, catalogues: Arc<Catalogues>) -> anyhow::Result<u64> {
    let mut night = Night::default();
    // A task for each catalogue, so that the scheduler can share out the workers.
    let reads: Vec<_> = backlog
        .map(|message| {
            let body = message.clone();
            (message, spawn(async move { read(&body) }))
        })
        .collect();
    for (message, products) in reads {
        let products = products.await??;
        night.note(&message, &products);
        catalogues.put(message.key, products).await;
    }
    let Night { catalogues, products, bytes } = night;
    ensure!(bytes > 0 || catalogues == 0, "{catalogues} catalogues without a byte");
    ensure!(products > 0 || catalogues == 0, "{catalogues} catalogues without a product");
    Ok(products)
}

/// The products of a catalogue. Rejects one that contradicts itself: half a catalogue would take
/// the other half off the shop's pages.
fn read(message: &Message) -> anyhow::Result<Vec<Product>> {
    let document: Value = serde_json::from_str(&message.body)
        .with_context(|| format!("the catalogue of partner {} is malformed", message.key))?;
    let listed = document["products"].as_array().context("a catalogue without products")?;
    let mut products = Vec::with_capacity(listed.len());
    for (number, one) in listed.iter().enumerate() {
        products.push(product(one).with_context(|| format!("product {number}"))?);
    }
    check(&document, &products)?;
    Ok(products)
}

/// A product as the shop stores it.
fn product(listed: &Value) -> anyhow::Result<Product> {
    let sku = listed["sku"].as_u64().context("no number")?;
    let cents = listed["cents"].as_u64().context("no price")?;
    ensure!(cents > 0, "{sku} is a gift");
    Ok(Product { sku, cents })
}

/// Compares the products with the totals at the end of the catalogue.
fn check(document: &Value, products: &[Product]) -> anyhow::Result<()> {
    let count = document["count"].as_u64().context("a catalogue without a count")?;
    let total = document["total_cents"].as_u64().context("a catalogue without a total")?;
    ensure!(count == products.len() as u64, "{} products instead of {count}", products.len());
    let sum: u64 = products.iter().map(|product| product.cents).sum();
    ensure!(sum == total, "the prices add up to {sum} cents, the catalogue says {total}");
    Ok(())
}
