//! The journal of orders: entries behind an async lock, on a disk that pauses at times.

use lab_kit::{Counter, Probe};
use std::sync::{Mutex as StdMutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// An append that takes longer than this is reported.
pub const PATIENCE: Duration = Duration::from_millis(20);
/// Time from the first order to the first pause of the disk, and from the beginning of a pause to
/// that of the next one.
pub const EVERY: Duration = Duration::from_millis(500);
/// A pause, by turns.
pub const PAUSES: [Duration; 2] = [Duration::from_millis(60), Duration::from_millis(200)];

/// An order to record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The number of its request.
    pub number: usize,
}

/// What the journal has of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The order itself.
    Placed(Order),
    /// What is to be reported about it, such as that its own entry took long.
    Report(Order),
}

impl Order {
    /// The entry of the order.
    pub fn placed(self) -> Entry {
        Entry::Placed(self)
    }

    /// The report about the order.
    pub fn report(self) -> Entry {
        Entry::Report(self)
    }
}

/// A disk that writes at once, but is flushed twice a second, and writes nothing meanwhile.
#[derive(Debug)]
pub struct Disk {
    orders: Counter,
    reports: Counter,
    flush: StdMutex<Flush>,
}

#[derive(Debug, Default)]
struct Flush {
    pauses: usize,
    /// When the next pause begins; none before the first order.
    begins: Option<Instant>,
    /// When the last pause is over; none before the first.
    over: Option<Instant>,
}

impl Disk {
    /// An empty disk, which counts what is written.
    ///
    /// # Errors
    /// If the probe has no room for its counters.
    pub fn new(probe: &Probe) -> anyhow::Result<Disk> {
        let counter = |name| {
            let counter = probe.counter(name)?;
            counter.set(0);
            anyhow::Ok(counter)
        };
        Ok(Disk {
            orders: counter("orders_recorded")?,
            reports: counter("reports_recorded")?,
            flush: StdMutex::default(),
        })
    }

    /// Writes an entry, once a pause is over.
    pub async fn write(&self, entry: Entry) {
        let over = self.flush(Instant::now());
        if let Some(over) = over {
            sleep_until(over).await;
        }
        match entry {
            Entry::Placed(_) => self.orders.add(1),
            Entry::Report(_) => self.reports.add(1),
        }
    }

    /// Begins a pause if it is time for one. Returns when the disk writes again, if it pauses.
    fn flush(&self, now: Instant) -> Option<Instant> {
        let mut flush = self.flush.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = *flush.begins.get_or_insert(now + EVERY);
        if now >= begins {
            flush.over = Some(now + PAUSES[flush.pauses % PAUSES.len()]);
            flush.begins = Some(now + EVERY);
            flush.pauses += 1;
        }
        flush.over.filter(|over| *over > now)
    }
}

/// The journal: one writer at a time.
#[derive(Debug)]
pub struct Journal {
    disk: Mutex<Disk>,
}

impl Journal {
    /// A journal on a disk.
    pub fn on(disk: Disk) -> Journal {
        Journal { disk: Mutex::new(disk) }
    }

    /// Appends an entry, in the order of the calls.
    pub async fn append(&self, entry: Entry) {
        let disk = self.disk.lock().await;
        disk.write(entry).await;
    }
}
