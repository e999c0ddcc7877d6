//! Reads `stall.bin`, up to [`FILE_LIMIT`] bytes. Of a file that is cut off, the part before the
//! cut is read.

use crate::plain_file;
use crate::stall::format::{
    Counts, FILE_LIMIT, HEADER_WORDS, Head, MAGIC, NO_SYSCALL, SAMPLE_WORDS, VERSION,
    WAIT_SEPARATOR, WAIT_WORDS, flag, kind, unpair,
};
use anyhow::{Context, bail, ensure};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A recording of the stall sampler.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// Start of the sampling, in nanoseconds of `CLOCK_MONOTONIC`.
    pub start_ns: u64,
    /// Samples per second.
    pub hz: u64,
    /// Path of the program.
    pub executable: PathBuf,
    /// The program's length in bytes and its last change in nanoseconds since 1970; zeros if
    /// unknown.
    pub stamp: (u64, u64),
    /// The text of the program's `/proc/self/maps`.
    pub maps: String,
    /// The samples, in the order of the file.
    pub samples: Vec<Sample>,
    /// Waits of the threads of long polls.
    pub waits: Vec<WaitChannel>,
    /// Counts of the sampler; absent if it was killed.
    pub counts: Option<Counts>,
    /// Whether the file ends within a record, or is damaged.
    pub cut: bool,
}

/// A stack of a thread inside a poll.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Time of the sample, in nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// Start of the poll, in nanoseconds of `CLOCK_MONOTONIC`.
    pub begin_ns: u64,
    /// The task's number.
    pub task: u64,
    /// The poll's number; unique together with the thread.
    pub poll: u64,
    /// CPU time of the thread since its start, in nanoseconds.
    pub cpu_ns: u64,
    /// The thread's number in the kernel.
    pub thread: u32,
    /// Ticks that the sample stands for: more than one if the thread could not answer at once.
    pub ticks: u32,
    /// Whether the thread was on the CPU for at least half of the time since the last sample.
    pub on_cpu: bool,
    /// Whether `on_cpu` is derived from the instruction alone, in the first sample of a poll.
    pub guessed: bool,
    /// Whether the signal interrupted a system call. A thread that is off the CPU and in no system
    /// call waits for a core.
    pub in_syscall: bool,
    /// Whether the stack may have more frames.
    pub truncated: bool,
    /// The current instruction, then return addresses.
    pub frames: Vec<u64>,
}

/// The wait of the thread of a long poll.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitChannel {
    /// Time of the reading, in nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// The poll's number.
    pub poll: u64,
    /// The thread's number in the kernel.
    pub thread: u32,
    /// The number of the system call, if the kernel reports it.
    pub syscall: Option<u64>,
    /// The kernel function in which the thread waits; empty if the kernel does not report it.
    pub channel: String,
    /// The file of the call's descriptor, by its name in `/proc/self/fd`.
    pub file: Option<String>,
}

/// Reads a file.
///
/// # Errors
/// If it cannot be read, is not a recording of stalls, or has another version.
pub fn read(path: &Path) -> anyhow::Result<Recording> {
    let of_file = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    let file = plain_file::open(path, plain_file::LOG).with_context(of_file)?;
    file.take(FILE_LIMIT).read_to_end(&mut bytes).with_context(of_file)?;
    parse(&bytes).with_context(|| path.display().to_string())
}

/// Parses the contents of a file.
///
/// # Errors
/// If it is not a recording of stalls, is cut off in its header, or has another version.
pub fn parse(bytes: &[u8]) -> anyhow::Result<Recording> {
    let mut words = Words { bytes };
    let header = words.take(HEADER_WORDS).context("is cut off in its header")?;
    ensure!(header[0] == MAGIC, "is not a recording of stalls");
    ensure!(header[1] == VERSION, "has format {}, this lab reads format {VERSION}", header[1]);
    let executable = words.text(header[6]).context("is cut off in its header")?;
    let maps = words.text(header[7]).context("is cut off in its header")?;
    let mut recording = Recording {
        start_ns: header[2],
        hz: header[3],
        executable: executable.into(),
        stamp: (header[4], header[5]),
        maps,
        ..Recording::default()
    };
    while !words.bytes.is_empty() {
        if record(&mut words, &mut recording).is_err() {
            recording.cut = true;
            break;
        }
    }
    Ok(recording)
}

/// Reads words from the front of bytes.
struct Words<'a> {
    bytes: &'a [u8],
}

impl Words<'_> {
    fn take(&mut self, count: usize) -> Option<Vec<u64>> {
        let (taken, rest) = self.bytes.split_at_checked(count.checked_mul(8)?)?;
        self.bytes = rest;
        let (words, _) = taken.as_chunks::<8>();
        Some(words.iter().copied().map(u64::from_le_bytes).collect())
    }

    /// A text of `bytes` bytes, padded to whole words.
    fn text(&mut self, bytes: u64) -> Option<String> {
        let bytes = usize::try_from(bytes).ok()?;
        let (taken, rest) = self.bytes.split_at_checked(bytes.checked_next_multiple_of(8)?)?;
        self.bytes = rest;
        Some(String::from_utf8_lossy(&taken[..bytes]).into_owned())
    }
}

fn record(words: &mut Words<'_>, recording: &mut Recording) -> anyhow::Result<()> {
    let head = words.take(1).and_then(|head| Head::from_word(head[0])).context("no head")?;
    let payload = words.take(usize::from(head.words)).context("cut off")?;
    match head.kind {
        kind::SAMPLE => recording.samples.push(sample(head.flags, &payload)?),
        kind::WAIT => recording.waits.push(wait(&payload)?),
        kind::COUNTS => recording.counts = Some(Counts::from_words(&payload).context("no counts")?),
        unknown => bail!("a record of kind {unknown}"),
    }
    Ok(())
}

fn sample(flags: u8, words: &[u64]) -> anyhow::Result<Sample> {
    let (known, frames) = words.split_at_checked(SAMPLE_WORDS).context("too short for a sample")?;
    let (thread, ticks) = unpair(known[5]);
    let is = |flag: u8| flags & flag != 0;
    Ok(Sample {
        at_ns: known[0],
        begin_ns: known[1],
        task: known[2],
        poll: known[3],
        cpu_ns: known[4],
        thread,
        ticks,
        on_cpu: is(flag::ON_CPU),
        guessed: is(flag::GUESSED),
        in_syscall: is(flag::IN_SYSCALL),
        truncated: is(flag::TRUNCATED),
        frames: frames.to_vec(),
    })
}

fn wait(words: &[u64]) -> anyhow::Result<WaitChannel> {
    let (known, text) = words.split_at_checked(WAIT_WORDS).context("too short for a wait")?;
    let (thread, length) = unpair(known[2]);
    let text: Vec<u8> = text.iter().flat_map(|word| word.to_le_bytes()).collect();
    let text = text.get(..length as usize).context("a text longer than its record")?;
    let text = String::from_utf8_lossy(text);
    let (channel, file) = match text.split_once(WAIT_SEPARATOR) {
        Some((channel, file)) => (channel, Some(file.to_owned())),
        None => (&*text, None),
    };
    Ok(WaitChannel {
        at_ns: known[0],
        poll: known[1],
        thread,
        syscall: (known[3] != NO_SYSCALL).then_some(known[3]),
        channel: channel.to_owned(),
        file,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_with(text: &str) -> WaitChannel {
        let (chunks, rest) = text.as_bytes().as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let words = chunks.iter().copied().chain([last]).map(u64::from_le_bytes);
        let known = [7, 3, crate::stall::format::pair(9, text.len() as u32), 0];
        wait(&known.into_iter().chain(words).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_wait_has_its_channel_and_its_file_if_they_are_recorded() {
        let both = wait_with("anon_pipe_read\n/tmp/slow.fifo");
        assert_eq!(
            (both.channel.as_str(), both.file.as_deref()),
            ("anon_pipe_read", Some("/tmp/slow.fifo"))
        );
        let older = wait_with("anon_pipe_read");
        assert_eq!(
            (older.channel.as_str(), older.file, older.syscall),
            ("anon_pipe_read", None, Some(0))
        );
        let only_file = wait_with("\n/tmp/slow.fifo");
        assert_eq!(
            (only_file.channel.as_str(), only_file.file.as_deref()),
            ("", Some("/tmp/slow.fifo"))
        );
    }
}
