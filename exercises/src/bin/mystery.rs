//! Mystery, seed 1.
//!
//! A shop quotes prices. Beside that it imports orders, indexes documents whose storage is
//! sometimes slow, resizes a batch of uploads, and is stopped by SIGTERM when a new version is
//! deployed. Something is wrong with it, and more than one thing. The goal's claims are the
//! symptoms.
//!
//! TODO(lab): measure first, say what is wrong and where with `cargo lab exercise diagnose
//! mystery`, then mend it here. Two of the four parts are as they should be.
//!
//!     cargo lab exercise check mystery

use anyhow::Context;
use futures::stream::{FuturesUnordered, StreamExt};
use lab_exercises::mystery::{
    self, Digest, Ledger, Limiter, Parts, Service, Upload, resize, total, words,
};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let parts = Parts { import, index, resize_all, run_until_stopped };
    lab_exercises::run(|cx| mystery::serve(cx, parts))
}

/// Stores every order and returns how many there were.
async fn import(orders: Vec<Arc<str>>, ledger: Arc<Ledger>) -> anyhow::Result<u64> {
    let mut stored = 0;
    for order in orders {
        let cents = total(&order)?;
        ledger.add(cents).await;
        stored += 1;
        tokio::task::yield_now().await;
    }
    Ok(stored)
}

/// Reads a document and returns the number of its words.
async fn index(document: PathBuf) -> anyhow::Result<usize> {
    let counted = tokio::task::spawn_blocking(move || {
        let text = std::fs::read_to_string(document)?;
        anyhow::Ok(words(&text))
    });
    counted.await?
}

/// Resizes all uploads at the same time and returns their digests as they come.
async fn resize_all(uploads: Vec<Upload>, limit: Arc<Limiter>) -> anyhow::Result<Vec<Digest>> {
    let mut digests = Vec::with_capacity(uploads.len());
    let mut resizing: FuturesUnordered<_> =
        uploads.into_iter().map(|upload| resize(upload, Arc::clone(&limit))).collect();
    while let Some(digest) = StreamExt::next(&mut resizing).await {
        digests.push(digest);
    }
    Ok(digests)
}

/// Runs the service until it is stopped, and answers what it has accepted.
fn run_until_stopped(service: Service) -> anyhow::Result<()> {
    let (ended, end) = std::sync::mpsc::channel();
    service.tasks.clone().spawn(async move {
        service.stop.requested().await?;
        service.drain().await;
        tokio::task::block_in_place(|| drop(service.runtime));
        anyhow::Ok(ended.send(())?)
    });
    end.recv().context("the supervisor died")
}
