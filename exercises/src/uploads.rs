//! The upload service: pictures that customers send are checked, digested and stored.
//!
//! [`serve`] hands over a batch of uploads that is in memory, [`serve_inbox`] one that waits on
//! disk until it is taken out. Each digest is verified, and counts if it was there when the batch
//! returned.

use anyhow::Context;
use lab_kit::{Counter, Cx};
use scenario_unordered::drive::drive;
use scenario_unordered::uploads::{self, BYTES, Limiter};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};
use std::vec;
use tokio::sync::oneshot;

pub use scenario_unordered::uploads::{Digest, Upload};

/// An amount that rises and falls. Its peak is a counter of the run.
#[derive(Clone, Debug)]
struct Gauge {
    now: Arc<AtomicU64>,
    peak: Counter,
    /// The unit of the counter.
    unit: u64,
}

impl Gauge {
    fn new(cx: &Cx, peak: &str, unit: u64) -> anyhow::Result<Gauge> {
        let peak = cx.probe().counter(peak)?;
        peak.set(0);
        Ok(Gauge { now: Arc::default(), peak, unit })
    }

    /// Adds an amount until the result is dropped.
    fn hold(&self, amount: u64) -> Held {
        let now = self.now.fetch_add(amount, Ordering::Relaxed) + amount;
        self.peak.raise_to(now / self.unit);
        Held { now: Arc::clone(&self.now), amount }
    }
}

/// A part of a gauge's amount.
#[derive(Debug)]
struct Held {
    now: Arc<AtomicU64>,
    amount: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.now.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

/// Where a batch is announced, and its uploads are processed.
#[derive(Debug)]
pub struct Desk {
    limiter: Arc<Limiter>,
    in_flight: Gauge,
    journal: PathBuf,
}

impl Desk {
    /// Writes the size of a batch into the journal, so that a batch that was cut short can be told
    /// from a small one.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn announce(&self, uploads: usize) -> anyhow::Result<()> {
        let line = format!("a batch of {uploads} uploads\n");
        tokio::fs::write(&self.journal, line).await.context("cannot write the journal")
    }
}

/// Processes one upload and returns its digest.
pub async fn process(upload: Upload, desk: Arc<Desk>) -> Digest {
    let _in_flight = desk.in_flight.hold(1);
    let digest = uploads::process(upload, Arc::clone(&desk.limiter)).await;
    // The client of the storage answers when the runtime has had its next turn.
    tokio::task::yield_now().await;
    digest
}

/// Processes the uploads of the load as one batch.
///
/// # Errors
/// If `process_all` fails.
pub fn serve<F, Fut>(cx: &Cx, process_all: F) -> anyhow::Result<()>
where
    F: FnOnce(Vec<Upload>, Arc<Desk>) -> Fut,
    Fut: Future<Output = anyhow::Result<Vec<Digest>>> + Send + 'static,
{
    let in_flight = Gauge::new(cx, "in_flight_peak", 1)?;
    let journal = cx.scratch()?.join("journal");
    drive(cx, |uploads, limiter| {
        process_all(uploads, Arc::new(Desk { limiter, in_flight, journal }))
    })
}

/// Bytes of an unpacked picture.
const PIXELS: usize = 8_192;
/// One picture of so many is a panorama.
const PANORAMA_EVERY: usize = 64;
/// Stripes of a panorama, which are written one after another.
const STRIPES: usize = 32;
/// Writes that the disk commits together.
const GROUP: usize = 16;
/// Time that the disk takes to commit a group.
const COMMIT: Duration = Duration::from_micros(100);
/// Time that a write waits for others to be committed with.
const LINGER: Duration = Duration::from_micros(200);

/// Pictures that wait on disk. Taking one out brings it into memory.
#[derive(Debug)]
pub struct Inbox {
    uploads: vec::IntoIter<Upload>,
    taken: Gauge,
}

impl Iterator for Inbox {
    type Item = Picture;

    fn next(&mut self) -> Option<Picture> {
        let upload = self.uploads.next()?;
        Some(Picture { upload, _taken: self.taken.hold(1) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.uploads.size_hint()
    }
}

impl ExactSizeIterator for Inbox {}

/// A picture that was taken out of the inbox.
#[derive(Debug)]
pub struct Picture {
    upload: Upload,
    _taken: Held,
}

impl Picture {
    /// Index in the inbox.
    pub fn number(&self) -> usize {
        self.upload.number
    }

    /// Packed size in bytes.
    pub fn bytes(&self) -> usize {
        self.upload.body.len()
    }

    /// The number of writes that it takes to store it.
    fn stripes(&self) -> usize {
        if self.number() % PANORAMA_EVERY == PANORAMA_EVERY / 2 { STRIPES } else { 1 }
    }
}

/// Where pictures are unpacked, digested and written.
#[derive(Debug)]
pub struct Storage {
    limiter: Arc<Limiter>,
    unpacked: Gauge,
    disk: Disk,
}

impl Storage {
    fn unpack(&self, picture: &Picture) -> Pixels {
        let held = self.unpacked.hold(PIXELS as u64);
        Pixels { bytes: picture.upload.body.repeat(PIXELS / BYTES), _held: held }
    }
}

/// An unpacked picture.
#[derive(Debug)]
struct Pixels {
    bytes: Vec<u8>,
    _held: Held,
}

/// Unpacks a picture, digests it, and writes it to the disk.
///
/// # Errors
/// If the disk does not answer.
pub async fn store(picture: Picture, storage: Arc<Storage>) -> anyhow::Result<Digest> {
    let pixels = storage.unpack(&picture);
    let digest = uploads::process(picture.upload.clone(), Arc::clone(&storage.limiter)).await;
    for stripe in pixels.bytes.chunks(PIXELS / picture.stripes()) {
        storage.disk.write(stripe).await?;
    }
    Ok(digest)
}

/// A disk that commits writes in groups, on a thread of its own.
#[derive(Debug)]
struct Disk {
    writes: Sender<Write>,
}

#[derive(Debug)]
struct Write {
    bytes: usize,
    committed: oneshot::Sender<()>,
}

impl Disk {
    fn start(cx: &Cx) -> anyhow::Result<Disk> {
        let (writes, waiting) = mpsc::channel();
        let counts = Commits::new(cx)?;
        let commit = move || {
            while let Some(group) = next_group(&waiting) {
                thread::sleep(COMMIT);
                counts.add(&group);
                group.into_iter().for_each(|write| {
                    // Nobody waits for a write that was given up.
                    let _ = write.committed.send(());
                });
            }
        };
        thread::Builder::new().name("disk".into()).spawn(commit)?;
        Ok(Disk { writes })
    }

    async fn write(&self, stripe: &[u8]) -> anyhow::Result<()> {
        let (committed, until) = oneshot::channel();
        let write = Write { bytes: stripe.len(), committed };
        self.writes.send(write).ok().context("the disk is gone")?;
        until.await.context("the disk does not answer")
    }
}

/// The next group: full, or what gathered while its first write lingered.
fn next_group(waiting: &Receiver<Write>) -> Option<Vec<Write>> {
    let mut group = vec![waiting.recv().ok()?];
    let until = Instant::now() + LINGER;
    while group.len() < GROUP {
        match waiting.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(write) => group.push(write),
            Err(_) => break,
        }
    }
    Some(group)
}

/// What the disk has done.
struct Commits {
    writes: Counter,
    /// The writes that the same groups could have held.
    places: Counter,
    kb: Counter,
    bytes: AtomicU64,
}

impl Commits {
    fn new(cx: &Cx) -> anyhow::Result<Commits> {
        let counter = |name| cx.probe().counter(name);
        let (writes, places) = (counter("writes_committed")?, counter("write_places")?);
        Ok(Commits { writes, places, kb: counter("pixels_stored_kb")?, bytes: AtomicU64::new(0) })
    }

    fn add(&self, group: &[Write]) {
        self.writes.add(group.len() as u64);
        self.places.add(GROUP as u64);
        let bytes: usize = group.iter().map(|write| write.bytes).sum();
        let all = self.bytes.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        self.kb.set(all / 1_024);
    }
}

/// Stores the pictures of the load, which wait in an inbox.
///
/// # Errors
/// If the disk cannot be started, or if `store_all` fails.
pub fn serve_inbox<F, Fut>(cx: &Cx, store_all: F) -> anyhow::Result<()>
where
    F: FnOnce(Inbox, Arc<Storage>) -> Fut,
    Fut: Future<Output = anyhow::Result<Vec<Digest>>> + Send + 'static,
{
    let taken = Gauge::new(cx, "pictures_taken_peak", 1)?;
    let unpacked = Gauge::new(cx, "pixels_peak_kb", 1_024)?;
    let disk = Disk::start(cx)?;
    drive(cx, |uploads, limiter| {
        let inbox = Inbox { uploads: uploads.into_iter(), taken };
        store_all(inbox, Arc::new(Storage { limiter, unpacked, disk }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_full_or_what_gathered_while_its_first_write_lingered() {
        let (writes, waiting) = mpsc::channel();
        let write = || Write { bytes: 1, committed: oneshot::channel().0 };
        (0..GROUP + 3).for_each(|_| writes.send(write()).unwrap());
        let sizes: Vec<_> = (0..2).map(|_| next_group(&waiting).unwrap().len()).collect();
        assert_eq!(sizes, [GROUP, 3]);
        drop(writes);
        assert!(next_group(&waiting).is_none(), "the disk ends with its last writer");
    }

    #[test]
    fn a_gauge_falls_when_what_is_held_is_dropped() {
        let folder = std::env::temp_dir().join(format!("lab-gauge-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let cx = Cx::create(lab_kit::Load::BATCH, &folder).unwrap();
        let gauge = Gauge::new(&cx, "pixels_peak_kb", 1_024).unwrap();
        let first = gauge.hold(2_048);
        drop(gauge.hold(1_024));
        drop(first);
        let third = gauge.hold(1_024);
        assert_eq!(third.now.load(Ordering::Relaxed), 1_024);
        assert_eq!(format!("{:?}", gauge.peak), "Counter(3)");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
