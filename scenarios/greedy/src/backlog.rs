//! The messages to import: generated orders, or a file of real ones.

use crate::shop::{Message, validate};
use anyhow::{anyhow, ensure};
use lab_kit::{Load, open_input};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

/// Volume of an import in bytes of JSON plus [`OVERHEAD`] a message: 20 000 messages of 16 kB. The
/// volume is fixed instead of the count, so that an import takes about as long with messages of any
/// size, and a change of size changes nothing else.
const VOLUME: usize = 20_000 * (16_000 + OVERHEAD);

/// Cost of storing a message, as bytes of the volume. Without it a file of tiny documents would
/// make an endless backlog.
const OVERHEAD: usize = 64;

/// Number of different messages that a generated backlog repeats: enough that no cache holds all.
const DIFFERENT: usize = 64;

/// A pool of messages that is repeated until the volume is reached.
#[derive(Clone, Debug)]
pub struct Backlog {
    pool: Arc<[Message]>,
    left: u64,
    next: usize,
}

impl Backlog {
    /// The backlog of a load: its file of messages, or generated messages of `size` bytes.
    ///
    /// # Errors
    /// If the file cannot be read or a line of it is not JSON.
    pub fn of(load: &Load, size: usize) -> anyhow::Result<Backlog> {
        let pool = match &load.messages {
            Some(file) => read(file)?,
            None => generate(load.seed, size),
        };
        let bytes: usize = pool.iter().map(|message| message.body.len() + OVERHEAD).sum();
        let left = (VOLUME as u64 * pool.len() as u64).div_ceil(bytes as u64);
        Ok(Backlog { pool, left, next: 0 })
    }

    /// Number of messages that are left to import.
    pub fn left(&self) -> u64 {
        self.left
    }
}

impl Iterator for Backlog {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.left = self.left.checked_sub(1)?;
        let message = self.pool[self.next].clone();
        self.next = (self.next + 1) % self.pool.len();
        Some(message)
    }
}

fn generate(seed: u64, size: usize) -> Arc<[Message]> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    (0..DIFFERENT).map(|key| Message { key, body: order(&mut rng, key, size).into() }).collect()
}

/// An order of exactly `size` bytes: as many lines as fit, then a note that fills the rest.
fn order(rng: &mut Pcg64Mcg, key: usize, size: usize) -> String {
    let mut lines: Vec<Value> = Vec::new();
    let mut room = size.saturating_sub(order_of(rng.random(), key, &[], "").len());
    loop {
        let line = line(rng);
        match room.checked_sub(line.to_string().len() + 1) {
            Some(left) if left >= 32 => room = left,
            _ => break,
        }
        lines.push(line);
    }
    let id = rng.random();
    let bare = order_of(id, key, &lines, "");
    order_of(
        id,
        key,
        &lines,
        &"handle with care ".repeat(size / 16)[..size.saturating_sub(bare.len())],
    )
}

fn order_of(id: u32, key: usize, lines: &[Value], note: &str) -> String {
    let cents = |line: &Value| {
        line["quantity"].as_u64().unwrap_or(0) * line["unit_cents"].as_u64().unwrap_or(0)
    };
    let total: u64 = lines.iter().map(cents).sum();
    json!({
        "order_id": format!("{key:04}-{id:010}"),
        "placed_at": "2026-03-01T09:30:00Z",
        "customer": {
            "name": "Ada Example", "email": "ada@example.org", "loyalty": true,
            "address": {
                "street": "12 Example Road", "city": "Sampleton", "zip": "01234", "country": "DE",
            },
        },
        "lines": lines,
        "total_cents": total,
        "currency": "EUR",
        "coupon": null,
        "note": note,
    })
    .to_string()
}

fn line(rng: &mut Pcg64Mcg) -> Value {
    const GOODS: [&str; 6] =
        ["kettle", "reading lamp", "bicycle bell", "notebook", "rain coat", "chess set"];
    const SENTENCES: [&str; 4] = [
        "Made to last, tested by people who use it every day, and repaired free of charge within \
         two years.",
        "Ships in a box without plastic; the box is a gift box if you turn it inside out.",
        "Colours may differ from the picture, because daylight does; returns are free for thirty \
         days.",
        "Spare parts are kept in stock for ten years after the last one was sold, as long as \
         anybody asks for them.",
    ];
    const TAGS: [&str; 5] = ["fragile", "gift wrap", "bulky", "on sale", "imported"];
    let sku = format!("SKU-{:08}", rng.random_range(0..100_000_000));
    let title = GOODS[rng.random_range(0..GOODS.len())];
    let description: [&str; 3] =
        std::array::from_fn(|_| SENTENCES[rng.random_range(0..SENTENCES.len())]);
    json!({
        "sku": sku,
        "title": title,
        "description": description.join(" "),
        "quantity": rng.random_range(1..9),
        "unit_cents": rng.random_range(99..25_000),
        "weight_kg": f64::from(rng.random_range(1..4_000u32)) / 128.0,
        "tags": [TAGS[rng.random_range(0..TAGS.len())], TAGS[rng.random_range(0..TAGS.len())]],
        "stock": {"warehouse": rng.random_range(1..20), "reserved": rng.random_bool(0.9)},
    })
}

/// Reads a file with one JSON document a line, and skips blank lines.
fn read(file: &Path) -> anyhow::Result<Arc<[Message]>> {
    let mut pool = Vec::new();
    check(file, |body| pool.push(Message { key: pool.len(), body: body.into() }))?;
    Ok(pool.into())
}

/// Reads a file of messages line by line and passes each message to `each`. Stops at the first line
/// that an import would reject.
///
/// # Errors
/// If the file cannot be read, has no message, or has a line that is not JSON or not valid.
pub fn check(file: &Path, mut each: impl FnMut(&str)) -> anyhow::Result<()> {
    const NEXT: &str = "try a file with one JSON document a line";
    let shown = file.display();
    let open = open_input(file)
        .map_err(|error| anyhow!("cannot read the messages in '{shown}': {error}: {NEXT}"))?;
    let mut messages = 0;
    for (number, line) in BufReader::new(open).lines().enumerate() {
        let at = number + 1;
        let line =
            line.map_err(|error| anyhow!("cannot read line {at} of '{shown}': {error}: {NEXT}"))?;
        if line.trim().is_empty() {
            continue;
        }
        let document = serde_json::from_str(&line).map_err(|error| {
            anyhow!("line {at} of '{shown}' is not a JSON document: {error}: {NEXT}")
        })?;
        validate(&document)
            .map_err(|error| anyhow!("line {at} of '{shown}' is not valid: {error}: {NEXT}"))?;
        each(&line);
        messages += 1;
    }
    ensure!(messages > 0, "there is no message in '{shown}': {NEXT}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_orders_have_the_requested_size_and_are_valid() {
        for size in [1_024, 16_000, 160_000] {
            for message in generate(7, size).iter() {
                assert_eq!(message.body.len(), size);
                validate(&serde_json::from_str(&message.body).unwrap()).unwrap();
            }
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_orders() {
        let bodies =
            |seed| generate(seed, 2_000).iter().map(|m| m.body.clone()).collect::<Vec<_>>();
        assert_eq!(bodies(1), bodies(1));
        assert_ne!(bodies(1), bodies(2));
    }

    #[test]
    fn a_backlog_has_one_volume_whatever_the_size() {
        let volume = |size| {
            let backlog = Backlog::of(&Load::DEFAULT, size).unwrap();
            assert_eq!(backlog.left(), backlog.clone().count() as u64);
            backlog.left() as usize * size
        };
        assert!(volume(16_000).abs_diff(VOLUME) <= VOLUME / 100);
        assert!(volume(160_000).abs_diff(VOLUME) <= VOLUME / 100);
    }

    #[test]
    fn a_bad_messages_file_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = |text: &str| {
            let file = folder.path().join("messages.ndjson");
            std::fs::write(&file, text).unwrap();
            format!("{:#}", check(&file, |_| ()).unwrap_err())
        };
        assert!(refusal("{\"a\":1}\n\n{\"b\":\n").contains("line 3"));
        assert!(refusal("\n  \n").contains("no message"));
        assert!(
            refusal("{}\n{\"lines\": [], \"total_cents\": 5}\n").contains("line 2"),
            "it does not add up"
        );
        assert!(refusal("{}\n{\"note\": \"\\ud800\"}\n").contains("line 2"), "half a character");
        assert!(check(folder.path(), |_| ()).is_err());
        assert!(check(&folder.path().join("missing"), |_| ()).is_err());
    }
}
