//! Upload storm.
//!
//! Customers upload pictures. Whatever has gathered is processed as one batch: `process_all`
//! checks each upload, has its digest computed, and hands the digests over as one receipt. A usual
//! batch has two hundred uploads and takes a few milliseconds. After a campaign it had tens of
//! thousands, and one core was busy for longer than anybody could explain. A batch of twice the
//! size took four times as long. No upload failed, memory was flat, and the storage was idle.
//!
//! TODO(lab): twice the uploads must cost twice the work. Uploads must still be in flight
//! together, and every digest must be there when `process_all` returns.
//!
//!     cargo lab exercise check upload-storm

use anyhow::{Context, ensure};
use futures::stream::{FuturesUnordered, StreamExt};
use lab_exercises::uploads::{self, Desk, Digest, Upload, process};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    lab_exercises::run(|cx| uploads::serve(cx, process_all))
}

/// The largest upload: what is larger was meant for another service.
const MOST_BYTES: usize = 64 * 1_024;

/// The digests of one batch.
#[derive(Debug)]
struct Receipt {
    expected: usize,
    digests: Vec<Digest>,
}

impl Receipt {
    fn new(expected: usize) -> Receipt {
        Receipt { expected, digests: Vec::with_capacity(expected) }
    }

    fn note(&mut self, digest: Digest) {
        self.digests.push(digest);
    }

    /// The digests in the sequence of their uploads.
    fn close(mut self) -> anyhow::Result<Vec<Digest>> {
        let digests = self.digests.len();
        ensure!(digests == self.expected, "{digests} digests of {} uploads", self.expected);
        self.digests.sort_unstable_by_key(|digest| digest.number);
        Ok(self.digests)
    }
}

/// Processes all uploads concurrently, and returns their digests.
async fn process_all(uploads: Vec<Upload>, desk: Arc<Desk>) -> anyhow::Result<Vec<Digest>> {
    uploads.iter().try_for_each(check)?;
    let mut receipt = Receipt::new(uploads.len());
    let mut pending: FuturesUnordered<_> =
        uploads.into_iter().map(|upload| process(upload, Arc::clone(&desk))).collect();
    // No digest is noted before the journal knows of the batch.
    desk.announce(pending.len()).await.context("a batch that nobody would miss")?;
    while let Some(digest) = pending.next().await {
        receipt.note(digest);
    }
    receipt.close()
}

/// Rejects an upload that no picture can be in.
fn check(upload: &Upload) -> anyhow::Result<()> {
    let bytes = upload.body.len();
    ensure!(bytes > 0, "upload {} is empty", upload.number);
    ensure!(bytes <= MOST_BYTES, "upload {} has {bytes} bytes", upload.number);
    Ok(())
}
