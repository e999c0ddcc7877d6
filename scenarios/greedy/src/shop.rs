//! The service that all variants share: a shop's API, its store of orders, and the validation of an
//! order.

use anyhow::{Context, bail, ensure};
use futures::lock::Mutex;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tracing::instrument;

/// One message of a backlog: an order as JSON text, and the key under which it is stored.
#[derive(Clone, Debug)]
pub struct Message {
    /// A message replaces an earlier one with the same key.
    pub key: usize,
    /// The JSON text.
    pub body: Arc<str>,
}

/// The newest order of each key, behind an async lock that is always free.
///
/// The lock is not tokio's. Locking a `tokio::sync::Mutex` consumes a unit of task budget, so a
/// loop around it yields after 128 iterations by accident; [`TokioStore`] shows that. An `.await`
/// on most other ready futures does not yield, and this lock represents them.
#[derive(Debug, Default)]
pub struct Store {
    orders: Mutex<HashMap<usize, Value>>,
}

impl Store {
    /// Stores an order in place of an older one.
    #[instrument(name = "store", skip_all)]
    pub async fn put(&self, key: usize, order: Value) {
        self.orders.lock().await.insert(key, order);
    }
}

/// The same store behind a tokio mutex.
#[derive(Debug, Default)]
pub struct TokioStore {
    orders: tokio::sync::Mutex<HashMap<usize, Value>>,
}

impl TokioStore {
    /// Stores an order in place of an older one.
    #[instrument(name = "store", skip_all)]
    pub async fn put(&self, key: usize, order: Value) {
        self.orders.lock().await.insert(key, order);
    }
}

/// Progress of a job, published for other tasks.
#[derive(Debug, Default)]
pub struct Progress(AtomicU64);

impl Progress {
    /// Publishes how much of the job is done.
    #[expect(
        clippy::unused_async,
        reason = "an async fn that never waits is the point of the trap"
    )]
    pub async fn report(&self, done: u64) {
        self.0.store(done, Ordering::Relaxed);
    }
}

const MOST_NESTED: usize = 64;
const LONGEST_TEXT: usize = 1 << 20;

/// Rejects documents with extreme nesting or texts, and orders whose lines do not add up.
#[instrument(skip_all)]
pub fn validate(order: &Value) -> anyhow::Result<()> {
    check_shape(order, 0)?;
    let (Some(lines), Some(total)) = (order["lines"].as_array(), order["total_cents"].as_u64())
    else {
        return Ok(()); // some other document
    };
    let sum = lines.iter().filter_map(line_cents).try_fold(0u64, u64::checked_add);
    let sum = sum.context("the lines add up to more than can be counted")?;
    ensure!(sum == total, "the lines add up to {sum} cents, the order says {total}");
    Ok(())
}

fn line_cents(line: &Value) -> Option<u64> {
    line["quantity"].as_u64()?.checked_mul(line["unit_cents"].as_u64()?)
}

fn check_shape(value: &Value, depth: usize) -> anyhow::Result<()> {
    match value {
        _ if depth > MOST_NESTED => bail!("nested more than {MOST_NESTED} deep"),
        Value::String(text) => check_text(text),
        Value::Array(items) => items.iter().try_for_each(|item| check_shape(item, depth + 1)),
        Value::Object(fields) => fields.iter().try_for_each(|(name, field)| {
            check_text(name)?;
            check_shape(field, depth + 1)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn check_text(text: &str) -> anyhow::Result<()> {
    ensure!(text.len() <= LONGEST_TEXT, "a text of {} bytes", text.len());
    ensure!(!text.contains('\0'), "a text with a zero byte");
    Ok(())
}

/// Answers one small request of the API: the price of a basket, derived from the request's number.
#[instrument(skip_all)]
pub fn quote(number: usize) -> u64 {
    (0..16u64).map(|item| (number as u64 ^ item).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54).sum()
}

/// Answers a request after a call of a slow upstream service.
#[instrument(name = "fetch", skip_all)]
pub async fn quote_from_upstream(number: usize) -> u64 {
    tokio::time::sleep(Duration::from_millis(50)).await;
    quote(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_order_must_add_up() {
        let order = |total: u64| {
            let lines =
                json!([{"quantity": 2, "unit_cents": 150}, {"quantity": 1, "unit_cents": 99}]);
            json!({"lines": lines, "total_cents": total})
        };
        assert!(validate(&order(399)).is_ok());
        assert!(validate(&order(400)).unwrap_err().to_string().contains("399 cents"));
    }

    #[test]
    fn a_harmless_document_that_is_not_an_order_is_valid() {
        assert!(
            validate(&json!({"eventId": 1, "name": null, "prices": [{"amount": 90250}]})).is_ok()
        );
        assert!(validate(&json!({"note": "a\u{0}b"})).is_err());
        let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
        assert!(validate(&deep).is_err());
    }
}
