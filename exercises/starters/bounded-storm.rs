//! Bounded storm.
//!
//! Pictures wait in an inbox on disk until the service stores them: it unpacks each one, computes
//! its digest and writes the pixels. Since every picture has a task of its own, a night's work is
//! done in no time. But the memory of the process follows the length of the inbox. After a quiet
//! weekend it is a few megabytes; after a campaign the kernel kills the process, and the pictures
//! that had been taken out of the inbox are gone with it.
//!
//! TODO(lab): at most 2 MB of pixels may be in memory, and at most 256 pictures out of the inbox,
//! however many there are. The disk must still commit full groups of writes, and twice the
//! pictures must cost twice the work.
//!
//!     cargo lab exercise check bounded-storm

use anyhow::{Context, ensure};
use lab_exercises::uploads::{self, Digest, Inbox, Picture, Storage, store};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::task::JoinSet;

fn main() -> ExitCode {
    lab_exercises::run(|cx| uploads::serve_inbox(cx, store_all))
}

/// The largest packed picture: what is larger was meant for another service.
const MOST_BYTES: usize = 64 * 1_024;

/// The digests of one night.
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

    /// The digests in the sequence of their pictures.
    fn close(mut self) -> anyhow::Result<Vec<Digest>> {
        let digests = self.digests.len();
        ensure!(digests == self.expected, "{digests} digests of {} pictures", self.expected);
        self.digests.sort_unstable_by_key(|digest| digest.number);
        Ok(self.digests)
    }
}

/// Stores the pictures of the inbox, and returns their digests.
async fn store_all(inbox: Inbox, storage: Arc<Storage>) -> anyhow::Result<Vec<Digest>> {
    let mut receipt = Receipt::new(inbox.len());
    let mut pending = JoinSet::new();
    for picture in inbox {
        check(&picture)?;
        pending.spawn(store(picture, Arc::clone(&storage)));
    }
    while let Some(stored) = pending.join_next().await {
        receipt.note(stored.context("a picture was dropped")??);
    }
    receipt.close()
}

/// Rejects what no picture can be in.
fn check(picture: &Picture) -> anyhow::Result<()> {
    let bytes = picture.bytes();
    ensure!(bytes > 0, "picture {} is empty", picture.number());
    ensure!(bytes <= MOST_BYTES, "picture {} has {bytes} bytes", picture.number());
    Ok(())
}
