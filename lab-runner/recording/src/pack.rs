//! Packed recordings: `lab pack` makes one file of a recording, and every command that reads a
//! recording can read it.
//!
//! A packed recording is a gzipped tar archive with one folder at its top, that of the run or of
//! the invocation.
//! Entries are sorted and have neither owner nor time, so that the same recording makes the same
//! bytes. A request log is stored in `columns`, under its name and `COLUMNS`; everything else is
//! stored as it is.

mod columns;
mod opened;

pub use opened::{Opened, PackedPath, open, packed_path};

use crate::folder::{self, SCRATCH, is_recording};
use crate::{alloc, plain_file, request_log, scheduler, stall};
use anyhow::{Context, bail, ensure};
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use tar::{Archive, Builder, EntryType, Header};

/// File extension of a packed recording.
pub const EXTENSION: &str = "lab";
/// Comment in the header of the gzip stream, which identifies the format.
const FORMAT: &[u8] = b"lab.pack.v1";
/// Suffix of a request log that is stored in columns.
const COLUMNS: &str = ".columns";
/// The largest recording: a score of all variants leaves some ten thousand files, and a temporary
/// folder can be trusted to hold 2 GiB.
const MOST: Packed = Packed { files: 100_000, bytes: 2 << 30 };
/// Raw logs of profilers, which reports do not read.
const RAW_LOGS: [&str; 5] =
    [alloc::FILE, alloc::FIRST_HEAP, alloc::HEAP, scheduler::FILE, stall::FILE];

/// Which files of a recording are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// All of them.
    Everything,
    /// Files that a report reads: without raw logs of profilers, and without pages, pictures and
    /// exports, which can be generated from the rest.
    Report,
}

/// The size of a packed recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Number of files.
    pub files: usize,
    /// Bytes of the files, unpacked.
    pub bytes: u64,
}

/// Packs the recording in a folder: a run, an invocation, or a folder of invocations as `lab
/// verify` makes it.
///
/// # Errors
/// If the folder has no recording, contains a link, is too large to be unpacked again, or cannot be
/// read.
pub fn pack(folder: &Path, contents: Contents, to: impl Write) -> anyhow::Result<Packed> {
    let shown = folder.display();
    ensure!(
        folder.is_dir(),
        "there is no folder {shown}: lab run makes recordings, lab pack packs them"
    );
    let name = folder.canonicalize().ok().and_then(|folder| folder.file_name().map(PathBuf::from));
    let name =
        name.with_context(|| format!("{shown} is not the folder of a recording: name one"))?;
    let mut files = BTreeSet::new();
    collect(folder, contents, &mut files)?;
    let has_recording = files.iter().filter_map(|file| file.parent()).any(is_recording);
    ensure!(has_recording, "there is no recording in {shown}: lab run makes one");
    let compressed = GzBuilder::new().comment(FORMAT).write(to, Compression::best());
    let mut archive = Builder::new(compressed);
    let mut packed = Packed { files: 0, bytes: 0 };
    for file in &files {
        let bytes = plain_file::read(file, plain_file::LOG)
            .with_context(|| format!("cannot read {}", file.display()))?;
        packed = Packed { files: packed.files + 1, bytes: packed.bytes + bytes.len() as u64 };
        let too_large = packed.files > MOST.files || packed.bytes > MOST.bytes;
        ensure!(
            !too_large,
            "{shown} is too large to be packed: try --for-documents, which leaves raw logs out"
        );
        let inside = name.join(file.strip_prefix(folder)?);
        let bytes = if contents == Contents::Report { below_here(file, bytes) } else { bytes };
        add(&mut archive, &inside, bytes)?;
    }
    archive.into_inner()?.finish()?.flush()?;
    Ok(packed)
}

/// A file whose source paths begin at the current folder, where documents show them, and not at the
/// root of the host that recorded it. Only JSON names source files.
fn below_here(file: &Path, bytes: Vec<u8>) -> Vec<u8> {
    let here = std::env::current_dir().unwrap_or_default();
    // The spec stays as it is: the other files of the run carry its checksum.
    let is_spec = file.file_name() == Some(OsStr::new(folder::SPEC));
    let is_json = file.extension() == Some(OsStr::new("json"));
    if is_spec || !is_json || here.parent().is_none() {
        return bytes;
    }
    match String::from_utf8(bytes) {
        Ok(text) => text.replace(&format!("\"{}/", here.display()), "\"").into_bytes(),
        Err(error) => error.into_bytes(),
    }
}

fn collect(folder: &Path, contents: Contents, found: &mut BTreeSet<PathBuf>) -> anyhow::Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if is_left_out(&path, contents) {
            continue;
        }
        if kind.is_dir() {
            collect(&path, contents, found)?;
        } else if kind.is_file() {
            found.insert(path);
        } else {
            bail!(
                "{} is neither a file nor a folder: move it out of the recording",
                path.display()
            );
        }
    }
    Ok(())
}

/// Whether a file stays behind: scratch files and half-written ones always do.
fn is_left_out(path: &Path, contents: Contents) -> bool {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    let is_unfinished = name == SCRATCH || name.starts_with('.');
    let is_made_again = RAW_LOGS.contains(&&*name)
        || name == "export"
        || path.extension().is_some_and(|extension| extension == "html" || extension == "svg");
    is_unfinished || (contents == Contents::Report && is_made_again)
}

fn add(archive: &mut Builder<impl Write>, inside: &Path, bytes: Vec<u8>) -> anyhow::Result<()> {
    let (inside, bytes) = if is_request_log(inside) {
        (PathBuf::from(format!("{}{COLUMNS}", inside.display())), columns::encode(&bytes))
    } else {
        (inside.to_owned(), bytes)
    };
    let mut header = Header::new_ustar();
    header
        .set_path(&inside)
        .with_context(|| format!("the path {} is too long", inside.display()))?;
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_cksum();
    Ok(archive.append(&header, &bytes[..])?)
}

fn is_request_log(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == request_log::REQUESTS || name == request_log::FLOOR)
}

/// Unpacks a file that [`pack`] made into an empty folder, and returns the recording's folder in
/// it.
///
/// # Errors
/// If the file is not a packed recording or is damaged, or if it contains a link, a path that leads
/// out of the folder, or too much data.
pub fn unpack(packed: &Path, into: &Path) -> anyhow::Result<PathBuf> {
    unpack_at_most(MOST, packed, into)
}

fn unpack_at_most(most: Packed, packed: &Path, into: &Path) -> anyhow::Result<PathBuf> {
    let shown = packed.display();
    let file = plain_file::open(packed, plain_file::LOG)
        .with_context(|| format!("cannot read {shown}"))?;
    let stream = GzDecoder::new(BufReader::new(file));
    let format = stream.header().and_then(|header| header.comment());
    match format {
        Some(FORMAT) => {}
        Some(newer) if newer.starts_with(b"lab.pack.") => {
            bail!("{shown} was packed by a newer lab: use that one")
        }
        _ => bail!(
            "{shown} is not a packed recording: name a run's folder, or a file that lab pack made"
        ),
    }
    // The archive ends before the stream does, and only the stream's end has the checksum.
    let mut archive = Archive::new(stream);
    let tops = unpack_entries(&mut archive, most, into)
        .with_context(|| format!("cannot unpack {shown}"))?;
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink())
        .with_context(|| format!("{shown} is damaged"))?;
    match tops.len() {
        1 => Ok(into.join(tops.first().context("one folder")?)),
        _ => bail!("{shown} holds no recording: lab pack makes files that do"),
    }
}

/// Unpacks all entries, and returns the folders at the top.
fn unpack_entries(
    archive: &mut Archive<impl Read>,
    most: Packed,
    into: &Path,
) -> anyhow::Result<BTreeSet<PathBuf>> {
    let (mut tops, mut bytes_left) = (BTreeSet::new(), most.bytes);
    // Raw entries, so that extensions for long names and sparse files are rejected like links.
    for (number, entry) in archive.entries()?.raw(true).enumerate() {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        ensure!(
            number < most.files,
            "it holds more than {} files, which no recording does",
            most.files
        );
        let is_file = entry.header().entry_type() == EntryType::Regular;
        ensure!(is_file, "{} is not a plain file, and a recording has no others", path.display());
        let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        let is_in_a_folder = path.components().count() > 1;
        ensure!(is_inside && is_in_a_folder, "{} leads out of the recording", path.display());
        // The size in the header may be wrong, so the bytes are counted while they are read.
        let mut bytes = Vec::new();
        entry.by_ref().take(bytes_left + 1).read_to_end(&mut bytes)?;
        bytes_left = bytes_left.checked_sub(bytes.len() as u64).with_context(|| {
            format!("it holds more than {} bytes: unpack it by hand", most.bytes)
        })?;
        tops.extend(path.components().next().map(|top| PathBuf::from(top.as_os_str())));
        write(into, &path, bytes)?;
    }
    Ok(tops)
}

fn write(into: &Path, inside: &Path, bytes: Vec<u8>) -> anyhow::Result<()> {
    let name = inside.to_string_lossy();
    let log = name.strip_suffix(COLUMNS).map(Path::new).filter(|log| is_request_log(log));
    let (inside, bytes) = match log {
        Some(log) => (log, columns::decode(&bytes)),
        None => (inside, bytes),
    };
    let path = into.join(inside);
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut file =
        File::create_new(&path).with_context(|| format!("{} is there twice", inside.display()))?;
    file.write_all(&bytes)
        .with_context(|| format!("there is no room in {}: set TMPDIR", into.display()))
}

#[cfg(test)]
mod tests;
