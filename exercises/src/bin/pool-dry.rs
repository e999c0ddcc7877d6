//! Cards that take their time.
//!
//! The archive was repaired: uploads are read and indexed on threads for blocking work, its workers
//! are never blocked, and the health check is green. On busy days users complain again. When many
//! uploads come at once and their storage is slow, a lookup of a catalogue card takes a third of a
//! second, though the cards lie on a local disk and have a line of text each. All requests that
//! need no file stay fast. CPU and disk are idle.
//!
//! TODO(lab): a lookup must be answered at once, however many uploads wait for their storage. Every
//! upload must still be indexed, and not one after another. The container has memory for sixteen
//! uploads that are read at a time.
//!
//!     cargo lab exercise check pool-dry

use anyhow::{Context, ensure};
use lab_exercises::archive::{self, Index};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;

fn main() -> ExitCode {
    lab_exercises::run(|cx| archive::serve_lookups(cx, runtime, index, lookup))
}

/// Threads for work that blocks: more than the storage serves at a time on a usual day.
const POOL_THREADS: usize = 8;

/// The most bytes of one upload.
const MOST_BYTES: usize = 8 << 20;

/// The most bytes of a card.
const MOST_CARD_BYTES: usize = 4_096;

/// The runtime of the archive.
fn runtime(mut builder: Builder) -> Builder {
    builder.max_blocking_threads(POOL_THREADS);
    builder
}

/// Indexes an upload, so that it can be found by its words. Its storage may take its time.
async fn index(path: PathBuf) -> anyhow::Result<Index> {
    let indexed = spawn_blocking(move || {
        let index = Index::of(&read(&path, MOST_BYTES)?);
        ensure!(!index.words.is_empty(), "{} has no words", path.display());
        Ok(index)
    });
    indexed.await?
}

/// Looks a card up, on the local disk.
async fn lookup(path: PathBuf) -> anyhow::Result<String> {
    let found = spawn_blocking(move || {
        let card = read(&path, MOST_CARD_BYTES)?;
        ensure!(!card.trim().is_empty(), "{} is empty", path.display());
        Ok(card)
    });
    found.await?
}

/// The text of a file.
fn read(path: &Path, most_bytes: usize) -> anyhow::Result<String> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(text.len() <= most_bytes, "{} has {} bytes", path.display(), text.len());
    Ok(text)
}
