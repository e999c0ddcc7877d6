//! Frozen uploads.
//!
//! The archive takes uploads, reads them back from storage, and indexes their words. Several times
//! a day it freezes: for a quarter of a second, sometimes for three of them in a row, nothing is
//! answered, not even the health check, and no timer fires. The CPU idles meanwhile. Then all goes
//! on as if nothing had happened. Each upload has a deadline, after which the user is told to come
//! back later. In a freeze they are told so too, but long after the deadline.
//!
//! TODO(lab): requests that need no upload must be answered at once, whatever happens to the
//! uploads. An upload whose storage stalls must get its answer when its deadline has passed, and
//! all others an index before that.
//!
//!     cargo lab exercise check frozen-uploads

use anyhow::{Context, ensure};
use lab_exercises::archive::{self, Index};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    lab_exercises::run(|cx| archive::serve(cx, runtime, index))
}

/// The most bytes of one upload.
const MOST_BYTES: usize = 8 << 20;

/// The most different words of one upload. A file of random letters has more.
const MOST_WORDS: usize = 200_000;

/// The runtime of the archive on a host with this number of cores.
fn runtime(mut builder: Builder, cores: usize) -> Builder {
    builder.worker_threads(cores);
    builder
}

/// Indexes an upload, so that it can be found by its words. The archive gives up on it after its
/// deadline.
async fn index(path: PathBuf) -> anyhow::Result<Index> {
    let text = read(&path).await?;
    let index = Index::of(&text);
    check(&index).with_context(|| format!("cannot index {}", path.display()))?;
    Ok(index)
}

/// The text of an upload.
async fn read(path: &Path) -> anyhow::Result<String> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(text.len() <= MOST_BYTES, "{} has {} bytes", path.display(), text.len());
    Ok(text)
}

/// Rejects an index that nobody could find anything with.
fn check(index: &Index) -> anyhow::Result<()> {
    ensure!(!index.words.is_empty(), "{} bytes without a word", index.bytes);
    ensure!(index.words.len() <= MOST_WORDS, "{} different words", index.words.len());
    Ok(())
}
