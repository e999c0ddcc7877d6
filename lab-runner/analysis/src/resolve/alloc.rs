//! Resolution in the parent: names for the stacks of the child, and notes on how far they can
//! be
//! believed.

use crate::stacks::Folded;
use crate::stacks::pprof::{Pprof, ValueType};
use crate::stacks::symbols::Symbols;
use lab_recording::alloc::heap::{self, Heap};
use lab_recording::alloc::read::{self, Recording};
use lab_recording::alloc::{FILE, HEAP, NO_JEMALLOC};
use lab_recording::frame::Frame;
use lab_recording::observations::MEMORY;
use lab_recording::plain_file;
use lab_recording::profiler::{ProfilerStatus, ViewStatus};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Completes what the child left. Without a note of its own it was killed.
///
/// # Errors
/// If there is no room for the names.
pub fn resolve(folder: &Path, status: Option<ProfilerStatus>) -> anyhow::Result<ProfilerStatus> {
    let killed = status.is_none();
    let mut note = status.unwrap_or_default();
    let recording = churn(folder, &mut note)?;
    live(folder, recording.as_ref(), &mut note)?;
    if killed && note.views.is_empty() {
        return Ok(ProfilerStatus::unavailable("the run was killed before the first sample"));
    }
    if killed {
        note.notes.push("the run was killed: allocations until then are shown".into());
        // Only jemalloc tells what it holds, so where that was told a heap profile was to come.
        let live = if folder.join(MEMORY).exists() {
            "the run was killed before its heap profile was written"
        } else {
            NO_JEMALLOC
        };
        note.notes.push(format!("live: {live}"));
    }
    Ok(note)
}

/// The bytes and samples of each stack of addresses.
#[derive(Default)]
struct Weights<'a>(HashMap<&'a [u64], (f64, f64)>);

impl<'a> Weights<'a> {
    fn add(&mut self, frames: &'a [u64], bytes: f64, samples: f64) {
        let weight = self.0.entry(frames).or_default();
        weight.0 += bytes;
        weight.1 += samples;
    }

    /// The same under names: bytes, and samples; and both with files and lines.
    fn named(&self, kind: &'static str, symbols: &mut Symbols) -> Named {
        let (mut bytes, mut samples) = (Folded::default(), Folded::default());
        let space = ValueType { kind, unit: "bytes" };
        let mut pprof = Pprof::new(&[ValueType::SAMPLES, space]);
        for (addresses, (of_bytes, of_samples)) in &self.0 {
            let frames = stack(addresses, symbols);
            let names: Vec<String> = frames.iter().rev().map(Frame::name).collect();
            bytes.add(&names, *of_bytes);
            samples.add(&names, *of_samples);
            let values = [*of_samples, of_bytes.round().max(1.0)];
            pprof.add(&frames, &values, |frame| symbols.start_line(frame));
        }
        Named { bytes: whole(&bytes), samples: whole(&samples), pprof }
    }
}

/// A view with names.
struct Named {
    bytes: Folded,
    samples: Folded,
    pprof: Pprof,
}

/// With whole weights, as tools expect them.
fn whole(folded: &Folded) -> Folded {
    let mut whole = Folded::default();
    folded.stacks().for_each(|(frames, weight)| whole.add(frames, weight.round().max(1.0)));
    whole
}

/// The functions of a stack, innermost first, without the allocator's own.
fn stack(addresses: &[u64], symbols: &mut Symbols) -> Vec<Frame> {
    // All of these are places that calls come back to, the first one too.
    let mut addresses = addresses.to_vec();
    addresses.iter_mut().take(1).for_each(|first| *first = first.saturating_sub(1));
    let frames = symbols.stack(&addresses);
    let own = frames.iter().take(ALLOCATOR).rposition(is_of_the_allocator).map_or(0, |at| at + 1);
    let asking = frames[own..].to_vec();
    if asking.is_empty() {
        return vec![Frame { function: "[unknown]".to_owned(), file: None, line: None }];
    }
    asking
}

/// Among so many innermost functions are those of the allocator: some of its own, and those of its
/// profiler.
const ALLOCATOR: usize = 32;

fn is_of_the_allocator(frame: &Frame) -> bool {
    let parts = [
        "lab_kit::alloc::",
        "lab_recorder::alloc::churn::",
        "__rust_alloc",
        "__rust_realloc",
        "_rjem_",
        "jemalloc",
    ];
    parts.iter().any(|part| frame.function.contains(part))
}

fn churn(folder: &Path, note: &mut ProfilerStatus) -> anyhow::Result<Option<Recording>> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let recording = match read::read(&path) {
        Ok(recording) => recording,
        Err(error) => {
            note.notes.push(format!("churn: {error:#}"));
            return Ok(None);
        }
    };
    // Blocks that were reserved and not needed go back to the disk; the child is gone.
    let _ = fs::File::options()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(recording.used_bytes));
    let mut symbols = Symbols::of_program(&recording.maps, &recording.executable, recording.stamp);
    let mut weights = Weights::default();
    recording.samples.iter().for_each(|sample| weights.add(&sample.frames, sample.weight(), 1.0));
    let named = weights.named("alloc_space", &mut symbols);
    tell_churn(&recording, &named.bytes, note);
    if symbols.executable_has_changed() {
        note.notes.push(
            "the binary has changed since the recording: functions are shown without names".into(),
        );
    }
    const SHOWS: &str = "callers of the Rust allocator, in bytes allocated since the warm-up; \
                         freed memory is included, allocations of C libraries are not";
    note.views.push(view(folder, "churn", &named, SHOWS)?);
    Ok(Some(recording))
}

/// Exact counters, and notes on the samples that follow from them.
fn tell_churn(recording: &Recording, estimate: &Folded, note: &mut ProfilerStatus) {
    let counts = [
        ("churn_sample_every_bytes", recording.every),
        ("churn_samples", recording.samples.len() as u64),
        ("churn_samples_lost", recording.lost()),
        ("churn_bytes_sampled", estimate.total() as u64),
        ("churn_bytes_counted", recording.bytes),
        ("churn_allocs_counted", recording.allocs),
    ];
    note.counts.extend(counts.map(|(name, count)| (name.to_owned(), count)));
    if recording.bytes > 0 {
        let share = 100.0 * estimate.total() / recording.bytes as f64;
        note.notes.push(format!("churn: the samples stand for {share:.0} % of the counted bytes"));
    }
    let rarest =
        recording.samples.iter().map(|sample| sample.every).max().unwrap_or(recording.every);
    if rarest > recording.every {
        let kib = rarest >> 10;
        note.notes.push(format!(
            "churn: the sampling interval grew to {kib} KiB to save memory: later shares are less \
             precise"
        ));
    }
    if recording.lost() > 0 {
        note.notes.push(format!(
            "churn: {} late samples are missing: the buffer was full",
            recording.lost()
        ));
    }
    if recording.damaged > 0 {
        note.notes.push(format!("churn: {} damaged records are left out", recording.damaged));
    }
}

fn live(folder: &Path, churn: Option<&Recording>, note: &mut ProfilerStatus) -> anyhow::Result<()> {
    let Ok(text) = plain_file::read(&folder.join(HEAP), plain_file::LOG) else { return Ok(()) };
    let heap = match heap::parse(&text) {
        Ok(heap) => heap,
        Err(error) => {
            note.notes.push(format!("live: {HEAP} {error:#}"));
            return Ok(());
        }
    };
    let mut symbols = match churn {
        Some(recording) => {
            Symbols::of_program(&recording.maps, &recording.executable, recording.stamp)
        }
        None => Symbols::of_program(&heap.maps, Path::new(""), (0, 0)),
    };
    let mut weights = Weights::default();
    heap.stacks.iter().for_each(|held| weights.add(&held.frames, held.bytes, held.samples));
    let named = weights.named("inuse_space", &mut symbols);
    tell_live(&heap, &named.bytes, &named.samples, note);
    const SHOWS: &str = "callers that allocated memory since the warm-up which was still allocated \
                         when the variant returned, in bytes of jemalloc's size classes";
    note.views.push(view(folder, "live", &named, SHOWS)?);
    Ok(())
}

fn tell_live(heap: &Heap, bytes: &Folded, samples: &Folded, note: &mut ProfilerStatus) {
    let counts = [
        ("live_sample_every_bytes", heap.every),
        ("live_samples", samples.total() as u64),
        ("live_bytes_sampled", bytes.total() as u64),
    ];
    note.counts.extend(counts.map(|(name, count)| (name.to_owned(), count)));
    if bytes.is_empty() {
        note.notes.push("live: no sampled memory was still allocated at the end".into());
    }
    if heap.damaged > 0 {
        note.notes.push(format!("live: {} damaged lines of {HEAP} are left out", heap.damaged));
    }
    if heap.cut {
        note.notes.push(format!("live: {HEAP} is cut off: the part before is shown"));
    }
}

/// Writes a view: bytes, samples, and the bytes for other people's tools.
fn view(folder: &Path, name: &str, named: &Named, shows: &str) -> anyhow::Result<ViewStatus> {
    let Named { bytes, samples, pprof } = named;
    let (file, in_samples) =
        (format!("alloc-{name}.folded"), format!("alloc-{name}-samples.folded"));
    fs::write(folder.join(&file), bytes.to_string())?;
    fs::write(folder.join(&in_samples), samples.to_string())?;
    if !bytes.is_empty() {
        fs::write(folder.join(format!("alloc-{name}.pb.gz")), pprof.gzipped()?)?;
    }
    Ok(ViewStatus {
        name: format!("alloc {name}"),
        file,
        unit: "bytes".into(),
        samples: Some(in_samples),
        shows: shows.into(),
    })
}
