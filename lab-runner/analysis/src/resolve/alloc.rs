//! Resolution in the parent: names for the stacks of the child, and notes on how far they can
//! be
//! believed.

use crate::stacks::Folded;
use crate::stacks::pprof::{Pprof, ValueType};
use crate::stacks::symbols::Symbols;
use lab_recording::alloc::heap::{self, Heap};
use lab_recording::alloc::read::{self, Recording};
use lab_recording::alloc::{AT_LOAD_END, FILE, FIRST_HEAP, GROWTH, HEAP, LIVE, NO_JEMALLOC};
use lab_recording::frame::Frame;
use lab_recording::observations::MEMORY;
use lab_recording::plain_file;
use lab_recording::profiler::{ProfilerStatus, ViewStatus};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
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
    // A child that was killed has written its heap when the load ended, or not at all.
    let at_load_end = killed || note.counts.get(AT_LOAD_END).is_some_and(|is| *is > 0);
    live(folder, recording.as_ref(), at_load_end, &mut note)?;
    if killed && note.views.is_empty() {
        return Ok(ProfilerStatus::unavailable("the run was killed before the first sample"));
    }
    if killed {
        note.notes.push("the run was killed: allocations until then are shown".into());
    }
    if killed && !folder.join(HEAP).exists() {
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

/// A stack with names, innermost first, and its weights.
#[derive(Clone, Debug, PartialEq)]
struct Weighed {
    frames: Vec<Frame>,
    bytes: f64,
    samples: f64,
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

    /// The weights of a heap profile.
    fn of_heap(heap: &'a Heap) -> Weights<'a> {
        let mut weights = Weights::default();
        heap.stacks.iter().for_each(|held| weights.add(&held.frames, held.bytes, held.samples));
        weights
    }

    /// The same under names.
    fn weighed(&self, symbols: &mut Symbols) -> Vec<Weighed> {
        let weighed = |(addresses, (bytes, samples)): (&&[u64], &(f64, f64))| Weighed {
            frames: stack(addresses, symbols),
            bytes: *bytes,
            samples: *samples,
        };
        self.0.iter().map(weighed).collect()
    }
}

/// The weights that were added from one heap to a later one, stack by stack: later minus earlier.
/// A stack with less than before is left out.
///
/// Stacks are told apart by names and not by addresses. Memory that comes and goes differs by
/// chance between two moments, in both directions, and only one of them counts: the fewer stacks,
/// the less chance adds up. Samples that are in both heaps have the same weight in both, so that
/// memory which merely stays is exactly nothing.
fn added(earlier: &[Weighed], later: Vec<Weighed>) -> Vec<Weighed> {
    let names = |of: &Weighed| of.frames.iter().map(Frame::name).collect::<Vec<_>>();
    let mut stacks: HashMap<Vec<String>, Weighed> = HashMap::new();
    for weighed in later {
        match stacks.entry(names(&weighed)) {
            Entry::Occupied(mut known) => {
                known.get_mut().bytes += weighed.bytes;
                known.get_mut().samples += weighed.samples;
            }
            Entry::Vacant(new) => _ = new.insert(weighed),
        }
    }
    for weighed in earlier {
        if let Some(known) = stacks.get_mut(&names(weighed)) {
            known.bytes -= weighed.bytes;
            known.samples = (known.samples - weighed.samples).max(1.0);
        }
    }
    // Sums of the same numbers in another order differ in their last digits.
    stacks.into_values().filter(|weighed| weighed.bytes >= 1.0).collect()
}

/// A view with names.
struct Named {
    bytes: Folded,
    samples: Folded,
    pprof: Pprof,
}

impl Named {
    /// Bytes, and samples; and both with files and lines.
    fn new(kind: &'static str, stacks: &[Weighed], symbols: &Symbols) -> Named {
        let (mut bytes, mut samples) = (Folded::default(), Folded::default());
        let space = ValueType { kind, unit: "bytes" };
        let mut pprof = Pprof::new(&[ValueType::SAMPLES, space]);
        for stack in stacks {
            let names: Vec<String> = stack.frames.iter().rev().map(Frame::name).collect();
            bytes.add(&names, stack.bytes);
            samples.add(&names, stack.samples);
            let values = [stack.samples, stack.bytes.round().max(1.0)];
            pprof.add(&stack.frames, &values, |frame| symbols.start_line(frame));
        }
        Named { bytes: whole(&bytes), samples: whole(&samples), pprof }
    }
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
    let stacks = weights.weighed(&mut symbols);
    let named = Named::new("alloc_space", &stacks, &symbols);
    tell_churn(&recording, &named.bytes, note);
    if symbols.executable_has_changed() {
        note.notes.push(
            "the binary has changed since the recording: functions are shown without names".into(),
        );
    }
    const SHOWS: &str = "callers of the Rust allocator, in bytes allocated since the warm-up; \
                         freed memory is included, allocations of C libraries are not";
    note.views.push(view(folder, "alloc churn", &named, SHOWS)?);
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

fn live(
    folder: &Path,
    churn: Option<&Recording>,
    at_load_end: bool,
    note: &mut ProfilerStatus,
) -> anyhow::Result<()> {
    let Some(heap) = dumped(folder, HEAP, note) else { return Ok(()) };
    let mut symbols = match churn {
        Some(recording) => {
            Symbols::of_program(&recording.maps, &recording.executable, recording.stamp)
        }
        None => Symbols::of_program(&heap.maps, Path::new(""), (0, 0)),
    };
    let stacks = Weights::of_heap(&heap).weighed(&mut symbols);
    let named = Named::new("inuse_space", &stacks, &symbols);
    tell_live(&heap, &named, note);
    let shows = if at_load_end { LIVE_AT_LOAD_END } else { LIVE_AT_RETURN };
    note.views.push(view(folder, LIVE, &named, shows)?);
    if !at_load_end {
        // What was given back at the end of the runtime is no growth, and no shrinking either.
        return Ok(());
    }
    let Some(first) = dumped(folder, FIRST_HEAP, note) else { return Ok(()) };
    let earlier = Weights::of_heap(&first).weighed(&mut symbols);
    let named = Named::new("inuse_space", &added(&earlier, stacks), &symbols);
    tell_growth(&named, note);
    note.views.push(view(folder, GROWTH, &named, GROWTH_SHOWS)?);
    Ok(())
}

const LIVE_AT_LOAD_END: &str = "callers that allocated memory since the warm-up which was still \
                                allocated when the request log was closed, in bytes of jemalloc's \
                                size classes";
const LIVE_AT_RETURN: &str = "callers that allocated memory since the warm-up which was still \
                              allocated when the variant returned, in bytes of jemalloc's size \
                              classes";
const GROWTH_SHOWS: &str = "callers whose live memory was more at the end of the load than after \
                            its first sixth, by the difference, in bytes of jemalloc's size \
                            classes; the stack is that of the allocation, not of the owner";

/// A heap profile of the child; none if it was not written or is none, with a note.
fn dumped(folder: &Path, file: &str, note: &mut ProfilerStatus) -> Option<Heap> {
    let text = plain_file::read(&folder.join(file), plain_file::LOG).ok()?;
    let heap = match heap::parse(&text) {
        Ok(heap) => heap,
        Err(error) => {
            note.notes.push(format!("live: {file} {error:#}"));
            return None;
        }
    };
    if heap.damaged > 0 {
        note.notes.push(format!("live: {} damaged lines of {file} are left out", heap.damaged));
    }
    if heap.cut {
        note.notes.push(format!("live: {file} is cut off: the part before is shown"));
    }
    Some(heap)
}

fn tell_live(heap: &Heap, named: &Named, note: &mut ProfilerStatus) {
    let counts = [
        ("live_sample_every_bytes", heap.every),
        ("live_samples", named.samples.total() as u64),
        ("live_bytes_sampled", named.bytes.total() as u64),
    ];
    note.counts.extend(counts.map(|(name, count)| (name.to_owned(), count)));
    if named.bytes.is_empty() {
        note.notes.push("live: no sampled memory was still allocated at the end".into());
    }
}

fn tell_growth(named: &Named, note: &mut ProfilerStatus) {
    let counts = [
        ("growth_samples", named.samples.total() as u64),
        ("growth_bytes_sampled", named.bytes.total() as u64),
    ];
    note.counts.extend(counts.map(|(name, count)| (name.to_owned(), count)));
    if named.bytes.is_empty() {
        note.notes.push(
            "growth: no sampled memory was added after the first sixth of the load and kept".into(),
        );
    }
}

/// Writes a view: bytes, samples, and the bytes for other people's tools.
fn view(folder: &Path, name: &str, named: &Named, shows: &str) -> anyhow::Result<ViewStatus> {
    let Named { bytes, samples, pprof } = named;
    let stem = name.replace(' ', "-");
    let (file, in_samples) = (format!("{stem}.folded"), format!("{stem}-samples.folded"));
    fs::write(folder.join(&file), bytes.to_string())?;
    fs::write(folder.join(&in_samples), samples.to_string())?;
    if !bytes.is_empty() {
        fs::write(folder.join(format!("{stem}.pb.gz")), pprof.gzipped()?)?;
    }
    Ok(ViewStatus {
        name: name.to_owned(),
        file,
        unit: "bytes".into(),
        samples: Some(in_samples),
        shows: shows.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_recording::profiler::ProfilerStatus;

    fn weighed(stack: &[&str], bytes: f64, samples: f64) -> Weighed {
        let frame = |name: &&str| Frame { function: (*name).to_owned(), file: None, line: None };
        Weighed { frames: stack.iter().map(frame).collect(), bytes, samples }
    }

    /// The result by stack, in order.
    fn sorted(mut all: Vec<Weighed>) -> Vec<Weighed> {
        all.sort_by_key(|weighed| weighed.frames.iter().map(Frame::name).collect::<Vec<_>>());
        all
    }

    #[test]
    fn what_was_added_is_later_minus_earlier_and_never_below_zero() {
        let earlier = [
            weighed(&["session", "serve"], 4_000.0, 2.0),
            weighed(&["table", "main"], 9_000.0, 3.0),
            weighed(&["request", "serve"], 500.0, 1.0),
            weighed(&["gone"], 70.0, 1.0),
        ];
        let later = vec![
            weighed(&["session", "serve"], 30_000.0, 12.0),
            weighed(&["table", "main"], 9_000.0, 3.0),
            weighed(&["request", "serve"], 200.0, 1.0),
            weighed(&["new"], 80.0, 1.0),
        ];
        let expected =
            [weighed(&["new"], 80.0, 1.0), weighed(&["session", "serve"], 26_000.0, 10.0)];
        assert_eq!(sorted(added(&earlier, later)), expected);
    }

    #[test]
    fn stacks_of_one_name_at_several_addresses_are_one() {
        // Two call sites of one function, of which one has less and the other more than before.
        let earlier = [weighed(&["push"], 300.0, 3.0), weighed(&["push"], 100.0, 1.0)];
        let later = vec![weighed(&["push"], 100.0, 1.0), weighed(&["push"], 350.0, 3.0)];
        assert_eq!(added(&earlier, later), [weighed(&["push"], 50.0, 1.0)]);
    }

    #[test]
    fn memory_that_merely_stays_is_no_growth_whatever_the_order_of_its_sum() {
        let parts: Vec<Weighed> =
            (1..40).map(|n| weighed(&["table"], f64::from(n).sqrt() * 1e3, 1.0)).collect();
        let backwards = parts.iter().rev().cloned().collect();
        assert_eq!(added(&parts, backwards), []);
        assert_eq!(added(&parts, Vec::new()), [], "all of it was given back");
        assert_eq!(added(&[], parts).len(), 1);
    }

    /// A heap profile with so many bytes at each address, in one object each; large enough that
    /// nothing is left to chance.
    fn heap(stacks: &[(u64, u64)]) -> String {
        let stacks: String = stacks
            .iter()
            .map(|(at, bytes)| format!("@ {at:#x}\n  t*: 1: {bytes} [0: 0]\n"))
            .collect();
        format!("heap_v2/1000\n  t*: 9: 9 [0: 0]\n{stacks}\nMAPPED_LIBRARIES:\nnothing\n")
    }

    fn resolved(files: &[(&str, String)], at_load_end: Option<u64>) -> (ProfilerStatus, Vec<f64>) {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
        let mut status = ProfilerStatus::default();
        status.counts.extend(at_load_end.map(|is| (AT_LOAD_END.to_owned(), is)));
        let status = resolve(folder.path(), Some(status)).unwrap();
        let total = |view: &ViewStatus| {
            Folded::parse(&fs::read(folder.path().join(&view.file)).unwrap()).folded.total()
        };
        let totals = status.views.iter().map(total).collect();
        (status, totals)
    }

    fn names(status: &ProfilerStatus) -> Vec<&str> {
        status.views.iter().map(|view| &view.name[..]).collect()
    }

    #[test]
    fn two_heaps_of_the_load_show_what_was_added_between_them() {
        let heaps = [
            (FIRST_HEAP, heap(&[(0x10, 100_000)])),
            (HEAP, heap(&[(0x10, 100_000), (0x20, 300_000)])),
        ];
        let (status, totals) = resolved(&heaps, Some(1));
        assert_eq!(names(&status), [LIVE, GROWTH]);
        assert_eq!(totals, [400_000.0, 300_000.0], "{status:?}");
        assert_eq!(status.counts["growth_bytes_sampled"], 300_000);
        assert!(status.views[0].shows.contains("when the request log was closed"), "{status:?}");
    }

    #[test]
    fn a_heap_after_the_return_shows_what_is_left_and_no_growth() {
        let (status, totals) = resolved(&[(HEAP, heap(&[(0x20, 300_000)]))], Some(0));
        assert_eq!((names(&status), totals), (vec![LIVE], vec![300_000.0]));
        assert!(status.views[0].shows.contains("when the variant returned"), "{status:?}");
        // The log was never closed: its variant returned before that, with an error for example.
        let heaps = [(FIRST_HEAP, heap(&[(0x10, 7_000)])), (HEAP, heap(&[(0x20, 9_000)]))];
        assert_eq!(names(&resolved(&heaps, Some(0)).0), [LIVE]);
    }

    #[test]
    fn a_load_that_was_over_before_its_first_sixth_has_no_growth() {
        let (status, _) = resolved(&[(HEAP, heap(&[(0x20, 300_000)]))], Some(1));
        assert_eq!(names(&status), [LIVE]);
    }

    #[test]
    fn a_first_heap_that_is_damaged_leaves_the_last_one_as_it_is() {
        let heaps = [(FIRST_HEAP, "not a heap".into()), (HEAP, heap(&[(0x20, 300_000)]))];
        let (status, totals) = resolved(&heaps, Some(1));
        assert_eq!((names(&status), totals), (vec![LIVE], vec![300_000.0]));
        assert!(status.notes.iter().any(|note| note.contains(FIRST_HEAP)), "{status:?}");
    }

    #[test]
    fn a_run_that_was_killed_after_its_load_keeps_both_heaps_of_the_load() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(FIRST_HEAP, &heap(&[(0x10, 100_000)]));
        let early = resolve(folder.path(), None).unwrap();
        assert!(early.unavailable.is_some(), "{early:?}");
        write(HEAP, &heap(&[(0x10, 100_000), (0x20, 300_000)]));
        let status = resolve(folder.path(), None).unwrap();
        assert_eq!(names(&status), [LIVE, GROWTH]);
        assert!(!status.notes.iter().any(|note| note.contains("before its heap")), "{status:?}");
    }
}
