//! Slow quotes.
//!
//! The shop answers requests for prices in a few microseconds. Every night at two, partners send
//! the orders of the day, and `import` stores them. While it runs, the dashboards are green: the
//! process uses one core of its machine, no request fails, memory is flat. And yet customers in
//! other time zones write that quotes take half a second.
//!
//! TODO(lab): quotes must stay fast while orders are imported. Every order must be stored, in the
//! sequence in which it came, when `import` returns.
//!
//!     cargo lab exercise check slow-quotes

use anyhow::{Context, ensure};
use lab_exercises::shop::{self, Backlog, Message, Orders};
use serde_json::Value;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    lab_exercises::run(|cx| shop::serve(cx, import))
}

/// The most lines of one order: a partner once sent a whole catalogue.
const MOST_LINES: usize = 1_000;

/// What became of the messages of a night.
#[derive(Debug, Default)]
struct Night {
    stored: u64,
    bytes: usize,
    cents: u64,
}

impl Night {
    fn note(&mut self, message: &Message, order: &Value) {
        self.stored += 1;
        self.bytes += message.body.len();
        self.cents += order["total_cents"].as_u64().unwrap_or(0);
    }
}

/// Stores every order of the backlog and returns how many there were.
async fn import(backlog: Backlog, orders: Arc<Orders>) -> anyhow::Result<u64> {
    let mut night = Night::default();
    // The night is long: let the requests that are waiting go first.
    tokio::task::yield_now().await;
    for message in backlog {
        let order = parse(&message)?;
        validate(&order)?;
        night.note(&message, &order);
        orders.put(message.key, order).await;
    }
    ensure!(night.bytes > 0 || night.stored == 0, "{} orders without a byte", night.stored);
    ensure!(night.cents > 0 || night.stored == 0, "{} orders without a price", night.stored);
    Ok(night.stored)
}

/// An order as the partner sent it.
fn parse(message: &Message) -> anyhow::Result<Value> {
    serde_json::from_str(&message.body)
        .with_context(|| format!("the message for key {} is malformed", message.key))
}

/// Rejects orders whose lines do not add up.
fn validate(order: &Value) -> anyhow::Result<()> {
    let lines = order["lines"].as_array().context("an order without lines")?;
    let total = order["total_cents"].as_u64().context("an order without a total")?;
    ensure!(lines.len() <= MOST_LINES, "an order of {} lines", lines.len());
    let mut sum = 0;
    for line in lines {
        sum += cents(line).context("a line without a quantity or a price")?;
    }
    ensure!(sum == total, "the lines add up to {sum} cents, the order says {total}");
    Ok(())
}

/// The price of one line.
fn cents(line: &Value) -> Option<u64> {
    line["quantity"].as_u64()?.checked_mul(line["unit_cents"].as_u64()?)
}
