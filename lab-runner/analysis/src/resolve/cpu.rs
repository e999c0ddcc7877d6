//! Resolution in the parent: addresses become names, samples become CPU time, with notes on how
//! far to
//! believe them.

use crate::stacks::Folded;
use crate::stacks::pprof::{Pprof, ValueType};
use crate::stacks::symbols::Symbols;
use anyhow::{Result, ensure};
use lab_recording::cpu::{OWN_THREADS, Raw, Stack};
use lab_recording::frame::Frame;
use lab_recording::profiler::{ProfilerStatus, ViewStatus};
use lab_recording::stall::Recording;
use std::collections::BTreeMap;
use std::path::Path;

/// The view's files.
const TIME: &str = "cpu.folded";
const SAMPLES: &str = "cpu-samples.folded";
const PPROF: &str = "cpu.pb.gz";
/// A walk that finds fewer frames than this found none: a thread's start alone has more.
const SHALLOW: usize = 3;
/// The name for such a stack.
const NO_STACK: &str = "[no stack]";
/// The part of the possible samples below which missing ones are noted.
const FEW: f64 = 0.9;

const SHOWS: &str = "CPU time of the service by stack, without waiting threads; a stack ends with \
                     the caller of the interrupted function";

/// Names the samples of the child, and writes them as folded stacks and for `go tool pprof`.
///
/// # Errors
/// If the child left nothing, if nothing of the service was seen, or if there is no room for the
/// names.
pub fn resolve(folder: &Path) -> Result<ProfilerStatus> {
    let raw = Raw::read(folder)?;
    let seen = CpuSamples::from_raw(&raw)?;
    let mut symbols = symbols(&raw);
    let samples = folded(&seen.service, &mut symbols);
    let time = weighed(&samples, 1e6 / looks(&raw));
    std::fs::write(folder.join(TIME), time.to_string())?;
    std::fs::write(folder.join(SAMPLES), samples.to_string())?;
    let pprof = pprof(&seen.service, 1e9 / looks(&raw), &mut symbols);
    std::fs::write(folder.join(PPROF), pprof.gzipped()?)?;
    let view = ViewStatus {
        name: "cpu".into(),
        file: TIME.into(),
        unit: "us".into(),
        samples: Some(SAMPLES.into()),
        shows: SHOWS.into(),
    };
    let notes = notes(&raw, &seen, symbols.executable_has_changed());
    Ok(ProfilerStatus { views: vec![view], counts: counts(&raw, &seen), notes, unavailable: None })
}

/// The samples by owner: service, lab, unwalkable.
struct CpuSamples<'a> {
    service: Vec<&'a Stack>,
    /// Samples of it.
    of_service: u64,
    /// Those on threads of the lab itself.
    own: u64,
    /// Those of the service whose stack could not be walked.
    without_stack: u64,
}

impl CpuSamples<'_> {
    fn from_raw(raw: &Raw) -> Result<CpuSamples<'_>> {
        let is_own = |stack: &&Stack| stack.thread.starts_with(OWN_THREADS);
        let (own, service): (Vec<&Stack>, Vec<&Stack>) = raw.stacks.iter().partition(is_own);
        let of_service = sum(service.iter().copied());
        let without_stack = sum(service.iter().copied().filter(|stack| !has_stack(stack)));
        ensure!(of_service > 0, "{}", nothing(raw));
        ensure!(
            without_stack * 2 <= of_service,
            "most stacks are incomplete: build everything with RUSTFLAGS=\"-C \
             force-frame-pointers=yes\""
        );
        Ok(CpuSamples { service, of_service, own: sum(own), without_stack })
    }

    fn delivered(&self) -> u64 {
        self.of_service + self.own
    }
}

fn sum<'a>(stacks: impl IntoIterator<Item = &'a Stack>) -> u64 {
    stacks.into_iter().map(|stack| stack.samples).sum()
}

fn has_stack(stack: &Stack) -> bool {
    stack.back.len() >= SHALLOW
}

/// Why there is no sample of the service.
fn nothing(raw: &Raw) -> String {
    let ms = raw.cpu_ns / 1_000_000;
    let end = if raw.stopped { "" } else { " before it was killed" };
    format!(
        "no samples of the service: the process used {ms} ms of CPU time{end}, and samples come {} \
         times a second: try a longer --duration",
        looks(raw)
    )
}

fn symbols(raw: &Raw) -> Symbols {
    Symbols::for_recording(&Recording {
        executable: raw.executable.clone(),
        stamp: raw.stamp,
        maps: raw.maps.clone(),
        ..Recording::default()
    })
}

/// The stacks by name, root first, in samples.
fn folded(stacks: &[&Stack], symbols: &mut Symbols) -> Folded {
    let mut folded = Folded::default();
    for stack in stacks {
        let samples = stack.samples as f64;
        if has_stack(stack) {
            folded.add(names(&stack.back, symbols), samples);
        } else {
            folded.add([NO_STACK], samples);
        }
    }
    folded
}

/// The names of a stack, root first. Where a call comes back to belongs to the instruction before
/// it.
fn names(back: &[u64], symbols: &mut Symbols) -> Vec<String> {
    let mut names = Vec::new();
    for call in back {
        names.extend(symbols.frames_at(call.saturating_sub(1)).iter().map(Frame::name));
    }
    names.reverse();
    names
}

/// The stacks with files and lines, as samples and as nanoseconds of CPU time.
fn pprof(stacks: &[&Stack], each_ns: f64, symbols: &mut Symbols) -> Pprof {
    let mut pprof = Pprof::new(&[ValueType::SAMPLES, ValueType::time("cpu")]);
    for stack in stacks {
        let mut frames: Vec<Frame> = Vec::new();
        if has_stack(stack) {
            // Where a call comes back to belongs to the instruction before it.
            for back in &stack.back {
                frames.extend_from_slice(symbols.frames_at(back.saturating_sub(1)));
            }
        } else {
            frames.push(Frame { function: NO_STACK.into(), file: None, line: None });
        }
        let samples = stack.samples as f64;
        pprof.add(&frames, &[samples, samples * each_ns], |frame| symbols.start_line(frame));
    }
    pprof
}

/// The CPU time of one sample, the same for all.
fn weighed(samples: &Folded, each: f64) -> Folded {
    let mut weighed = Folded::default();
    samples.stacks().for_each(|(frames, count)| weighed.add(frames, (count * each).round()));
    weighed
}

/// The samples per second of a busy thread: the requested rate, if there are as
/// many ticks.
fn looks(raw: &Raw) -> f64 {
    let looks = if raw.tick_hz == 0 { raw.hz } else { raw.hz.min(raw.tick_hz) };
    looks.max(1) as f64
}

/// The number of samples at this rate per second of CPU time.
fn made_by(looks: f64, raw: &Raw) -> f64 {
    looks * raw.cpu_ns as f64 / 1e9
}

fn counts(raw: &Raw, seen: &CpuSamples<'_>) -> BTreeMap<String, u64> {
    let named = [
        ("hz", raw.hz),
        ("tick_hz", raw.tick_hz),
        ("cpu_ms", raw.cpu_ns / 1_000_000),
        ("wall_ms", raw.wall_ns / 1_000_000),
        ("samples_asked", made_by(raw.hz as f64, raw) as u64),
        ("samples_possible", made_by(looks(raw), raw) as u64),
        ("samples_delivered", seen.delivered()),
        ("samples_of_the_lab", seen.own),
        ("samples_without_stack", seen.without_stack),
    ];
    named.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

fn notes(raw: &Raw, seen: &CpuSamples<'_>, changed: bool) -> Vec<String> {
    let mut notes = vec![delivery(raw, seen)];
    if seen.without_stack > 0 {
        notes.push(format!(
            "{} of the {} samples of the service are in a library without frame pointers, such as \
             libc: they are {NO_STACK}",
            seen.without_stack, seen.of_service
        ));
    }
    if seen.own > 0 {
        notes.push(format!("{} samples of the lab's own threads are left out", seen.own));
    }
    if !raw.stopped {
        let killed = "the run was killed during the profile: up to its last half second is missing";
        notes.push(killed.into());
    }
    if changed {
        notes.push(
            "the binary has changed since the recording: functions are shown without names".into(),
        );
    }
    notes
}

/// The number of samples and of requested samples, and why they differ.
fn delivery(raw: &Raw, seen: &CpuSamples<'_>) -> String {
    let (hz, tick_hz, cpu_ms) = (raw.hz, raw.tick_hz, raw.cpu_ns / 1_000_000);
    let (requested, possible) = (made_by(hz as f64, raw), made_by(looks(raw), raw));
    let delivered = seen.delivered();
    let mut text = format!(
        "got {delivered} of {requested:.0} samples: {hz} for each second of CPU time, and the \
         process \
         used {cpu_ms} ms"
    );
    if tick_hz > 0 && tick_hz < hz {
        text += &format!(
            ": the kernel checks its timer {tick_hz} times a second, which allows for {possible:.0}"
        );
    }
    if (delivered as f64) < FEW * possible {
        text += "; the others fell between two ticks, or were lost while pprof-rs wrote its buffer";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(thread: &str, samples: u64, depth: usize) -> Stack {
        Stack { thread: thread.into(), samples, back: vec![7; depth] }
    }

    fn raw(stacks: Vec<Stack>) -> Raw {
        let cpu_ns = 4_000_000_000;
        Raw {
            stopped: true,
            hz: 1_000,
            tick_hz: 250,
            cpu_ns,
            wall_ns: 2_000_000_000,
            stacks,
            ..Raw::default()
        }
    }

    #[test]
    fn missing_samples_are_explained() {
        let raw = raw(vec![
            stack("tokio-rt-worker", 600, 20),
            stack("main", 10, 1),
            stack("lab-pacer", 380, 5),
        ]);
        let seen = CpuSamples::from_raw(&raw).unwrap();
        assert_eq!((seen.delivered(), seen.own, seen.service.len()), (990, 380, 2));
        let notes = notes(&raw, &seen, false).join("\n");
        for part in [
            "got 990 of 4000 samples",
            "used 4000 ms: ",
            "250 times a second",
            "380 samples",
            "10 of the 610",
        ] {
            assert!(notes.contains(part), "{part}: {notes}");
        }
        let counts = counts(&raw, &seen);
        let values =
            ["samples_asked", "samples_possible", "samples_delivered"].map(|name| counts[name]);
        assert_eq!(values, [4_000, 1_000, 990]);
    }

    #[test]
    fn missing_samples_and_a_killed_run_are_told() {
        let raw = Raw { stopped: false, ..raw(vec![stack("main", 500, 9)]) };
        let notes = notes(&raw, &CpuSamples::from_raw(&raw).unwrap(), false).join("\n");
        assert!(
            notes.contains("allows for 1000; the others") && notes.contains("killed"),
            "{notes}"
        );
    }

    #[test]
    fn nothing_seen_and_nothing_walked_are_no_empty_profiles() {
        let error = |raw: &Raw| CpuSamples::from_raw(raw).err().unwrap().to_string();
        let idle = error(&raw(vec![stack("lab-pacer", 900, 5)]));
        assert!(idle.contains("4000 ms of CPU time") && idle.contains("try a longer"), "{idle}");
        assert!(error(&raw(vec![stack("main", 900, 1)])).contains("force-frame-pointers"));
    }

    #[test]
    fn samples_are_weighed_alike_and_become_time() {
        let stacks = [stack("main", 3, 4), stack("reader", 1, 4), stack("main", 1, 0)];
        let samples = folded(&stacks.iter().collect::<Vec<_>>(), &mut symbols(&Raw::default()));
        let known = ["[unknown]"; 4];
        assert_eq!(
            (samples.weight(&known), samples.weight(&[NO_STACK])),
            (4.0, 1.0),
            "threads of one stack add up"
        );
        assert_eq!(weighed(&samples, 1e6 / looks(&raw(Vec::new()))).weight(&known), 16_000.0);
    }
}
