//! The sums of stall samples: stacks with weights, and long polls.

use crate::stacks::blame::is_polled;
use crate::stacks::runtime_frames::crate_of_file;
use crate::stacks::symbol_path::crate_of;
use crate::stacks::symbols::Symbols;
use crate::stacks::{Blamed, is_own_frame};
use crate::units::time_ms;
use lab_recording::frame::Frame;
use lab_recording::stall::format::OUTSIDE_TASKS;
use lab_recording::stall::read::{Recording, Sample, WaitChannel};
use lab_recording::syscalls;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

/// Stacks, root first and parted by semicolons, with the milliseconds that they were seen for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folded {
    /// While the thread computed.
    pub on_cpu: BTreeMap<String, f64>,
    /// While it waited in a system call.
    pub off_cpu: BTreeMap<String, f64>,
    /// While it was in no system call and did not compute: it waited for a core, or for a page of
    /// memory.
    pub runnable: BTreeMap<String, f64>,
}

impl Folded {
    /// The lines that tools for flame graphs read: a stack, a blank, its weight in milliseconds.
    pub fn lines(stacks: &BTreeMap<String, f64>) -> String {
        stacks.iter().fold(String::new(), |mut lines, (stack, ms)| {
            // Writing to a String cannot fail.
            let _ = writeln!(lines, "{stack} {ms:.0}");
            lines
        })
    }
}

/// A poll that was seen for longer than a budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LongPoll {
    /// The task's number.
    pub task: u64,
    /// The thread's number in the kernel.
    pub thread: u32,
    /// The poll's number on its thread.
    pub poll: u64,
    /// When it began, in nanoseconds of `CLOCK_MONOTONIC`.
    pub begin_ns: u64,
    /// How long it was seen for, in nanoseconds: up to its last sample, so it was up to a tick
    /// longer.
    pub seen_ns: u64,
    /// Its samples.
    pub samples: usize,
    /// The share of its time on the CPU, from 0 to 1.
    pub on_cpu: f64,
    /// The share of its time in which it waited for a core: off the CPU and in no system call.
    pub runnable: f64,
    /// The most frequent stack, innermost first.
    pub stack: Vec<Frame>,
    /// The function to blame; none without user code in the stacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blamed: Option<Frame>,
    /// The share of its time that it spent in that stack.
    pub stack_share: f64,
    /// The line of user code at which most of its samples are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<Ran>,
    /// Its waits in the kernel, the most frequent first.
    pub waits: Vec<Wait>,
}

/// A line of user code, with the part of a poll's time that was spent at it or in what it called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ran {
    /// The innermost frame of user code.
    pub frame: Frame,
    /// The share of the poll's time, from 0 to 1.
    pub share: f64,
    /// The crate that most of that time was spent in, where it is not the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
}

impl LongPoll {
    /// `blocked in read() of a named pipe, /tmp/slow, for 250 ms`: what the kernel had it wait for
    /// most; none if it does not tell, or if the poll did not wait in the kernel.
    pub fn blocked(&self) -> Option<String> {
        let wait = self.waits.first()?;
        let ms = self.seen_ns as f64 / 1e6 * (1.0 - self.on_cpu - self.runnable).max(0.0);
        let place = wait.in_words();
        (ms > 0.0 && !place.is_empty()).then(|| format!("blocked in {place} for {}", time_ms(ms)))
    }
}

/// A wait of a long poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The function of the kernel; empty if the kernel does not tell.
    pub channel: String,
    /// The number of the system call.
    pub syscall: Option<u64>,
    /// The file of the call's descriptor, where the kernel reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// How often it was seen.
    pub seen: usize,
}

impl Wait {
    /// `read() of a named pipe, /tmp/slow,`: the system call by its name and its file. Where the
    /// call is not known, the function of the kernel; empty if that is not known either.
    fn in_words(&self) -> String {
        let Some(number) = self.syscall else {
            return match self.channel.as_str() {
                "" => String::new(),
                channel => format!("the kernel's {channel}"),
            };
        };
        let call = syscalls::in_words(number);
        match self.file.as_deref().map(|file| described(file, &self.channel)) {
            Some(file) => format!("{call} of {file}"),
            None if syscalls::name(number).is_none() && !self.channel.is_empty() => {
                format!("{call} ({})", self.channel)
            }
            None => call,
        }
    }
}

/// A file as `/proc/self/fd` calls it, in words. A named pipe has a path like any file: the
/// kernel's function tells it.
fn described(file: &str, channel: &str) -> String {
    let is_path = file.starts_with('/');
    let file = in_scratch(file).unwrap_or(file);
    match file.split_once(":[") {
        Some((kind @ ("pipe" | "socket"), _)) if !is_path => format!("a {kind}"),
        _ if is_path && channel.contains("pipe") => format!("a named pipe, {file},"),
        _ if is_path => format!("{file},"),
        _ => file.to_owned(),
    }
}

/// The path of a file in the scratch folder of a profiled run from that folder on: the folder is
/// gone when this is read, and where it was says nothing.
///
/// *Example.* `/x/lab-runs/blocking-1/profiles/buggy-stall/scratch/document-0` is
/// `scratch/document-0`.
fn in_scratch(file: &str) -> Option<&str> {
    let (_, of_run) = file.split_once("/profiles/")?;
    let (_, in_run) = of_run.split_once('/')?;
    in_run.starts_with("scratch/").then_some(in_run)
}

/// Adds up all stacks of a recording.
pub fn folded(recording: &Recording, symbols: &mut Symbols) -> Folded {
    let tick_ms = 1_000.0 / recording.hz.max(1) as f64;
    let mut folded = Folded::default();
    for sample in &recording.samples {
        if !is_of_runtime(sample, symbols) {
            continue;
        }
        let side = match (sample.on_cpu, sample.in_syscall) {
            (true, _) => &mut folded.on_cpu,
            (false, true) => &mut folded.off_cpu,
            (false, false) => &mut folded.runnable,
        };
        *side.entry(fold(&sample.frames, symbols)).or_default() +=
            f64::from(sample.ticks) * tick_ms;
    }
    folded
}

/// The names of a stack in a line, root first.
fn fold(frames: &[u64], symbols: &mut Symbols) -> String {
    names(frames, symbols).join(";")
}

/// The names of a stack, root first. None has a semicolon.
pub fn names(frames: &[u64], symbols: &mut Symbols) -> Vec<String> {
    symbols.stack(frames).iter().rev().map(Frame::name).collect()
}

/// The polls that were seen for at least a budget, in the order of their begins.
pub fn long_polls(recording: &Recording, symbols: &mut Symbols, budget_ns: u64) -> Vec<LongPoll> {
    let mut polls: BTreeMap<(u64, u32, u64), Vec<&Sample>> = BTreeMap::new();
    for sample in recording.samples.iter().filter(|sample| is_of_runtime(sample, symbols)) {
        polls.entry((sample.begin_ns, sample.thread, sample.poll)).or_default().push(sample);
    }
    let long = polls.into_values().filter(|samples| seen_ns(samples) >= budget_ns);
    long.filter_map(|samples| long_poll(&samples, &recording.waits, symbols)).collect()
}

/// Whether a sample shows what the runtime runs. A thread that left `block_on` is seen as well, until
/// it ends or comes back.
pub fn is_of_runtime(sample: &Sample, symbols: &mut Symbols) -> bool {
    sample.task != OUTSIDE_TASKS || is_polled(&symbols.stack(&sample.frames))
}

fn seen_ns(samples: &[&Sample]) -> u64 {
    samples.iter().map(|sample| sample.at_ns.saturating_sub(sample.begin_ns)).max().unwrap_or(0)
}

fn long_poll(
    samples: &[&Sample],
    waits: &[WaitChannel],
    symbols: &mut Symbols,
) -> Option<LongPoll> {
    let first = samples.first()?;
    let on_cpu = cpu_share(samples);
    let (stack, stack_share) = most_frequent(samples, symbols);
    let mut blamed = Blamed::default();
    for sample in samples {
        let (stack, weight) = (symbols.stack(&sample.frames), f64::from(sample.ticks));
        match first.task {
            OUTSIDE_TASKS => blamed.add_of_block_on(&stack, weight),
            _ => blamed.add(&stack, weight),
        }
    }
    Some(LongPoll {
        task: first.task,
        thread: first.thread,
        poll: first.poll,
        begin_ns: first.begin_ns,
        seen_ns: seen_ns(samples),
        samples: samples.len(),
        on_cpu,
        runnable: (1.0 - on_cpu) * outside_share(samples),
        stack,
        blamed: blamed.frame(),
        stack_share,
        ran: ran(samples
            .iter()
            .map(|sample| (symbols.stack(&sample.frames), u64::from(sample.ticks)))),
        waits: waits_of(first, waits),
    })
}

/// The share of a poll's time on the CPU: by the thread's CPU clock, for a thread that shares its
/// core is off the CPU for most of the time before most samples, and a majority vote would call it
/// idle. A single sample has its vote alone.
fn cpu_share(samples: &[&Sample]) -> f64 {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return 0.0 };
    match last.at_ns.saturating_sub(first.at_ns) {
        0 => f64::from(u8::from(last.on_cpu)),
        wall_ns => (last.cpu_ns.saturating_sub(first.cpu_ns) as f64 / wall_ns as f64).min(1.0),
    }
}

/// The share of the time off the CPU that was outside of system calls.
fn outside_share(samples: &[&Sample]) -> f64 {
    let off = || samples.iter().copied().filter(|sample| !sample.on_cpu);
    ticks(off().filter(|sample| !sample.in_syscall)) as f64 / ticks(off()).max(1) as f64
}

fn ticks<'a>(samples: impl Iterator<Item = &'a Sample>) -> u64 {
    samples.map(|sample| u64::from(sample.ticks)).sum()
}

/// The stack of functions that most ticks were spent in, and their share. Code that computes is at
/// another instruction in each sample, so stacks are the same when their functions are; the lines
/// are those of the most frequent addresses.
fn most_frequent(samples: &[&Sample], symbols: &mut Symbols) -> (Vec<Frame>, f64) {
    let mut stacks: HashMap<String, HashMap<&[u64], u64>> = HashMap::new();
    for sample in samples {
        let addresses = stacks.entry(fold(&sample.frames, symbols)).or_default();
        *addresses.entry(&sample.frames).or_default() += u64::from(sample.ticks);
    }
    // Ties go to the name that comes first, so that the same recording always says the same.
    let sum = |addresses: &HashMap<&[u64], u64>| addresses.values().sum::<u64>();
    let most =
        stacks.iter().max_by_key(|(name, addresses)| (sum(addresses), std::cmp::Reverse(*name)));
    let Some((_, addresses)) = most else { return (Vec::new(), 0.0) };
    let frames =
        addresses.iter().max_by_key(|(frames, ticks)| (**ticks, std::cmp::Reverse(**frames)));
    let stack = frames.map(|(frames, _)| symbols.stack(frames)).unwrap_or_default();
    (stack, sum(addresses) as f64 / ticks(samples.iter().copied()).max(1) as f64)
}

/// The line of user code at which most samples of a poll are.
///
/// The most frequent stack is no answer: code that calls a parser is in another stack of the parser
/// with each sample, so the most frequent stack of such a poll is that of something small that
/// always looks the same. Samples are added up by the innermost frame of user code, whatever that
/// called.
fn ran(samples: impl Iterator<Item = (Vec<Frame>, u64)>) -> Option<Ran> {
    let mut lines: BTreeMap<(String, Option<String>, Option<u32>), Line> = BTreeMap::new();
    let mut all = 0;
    for (stack, ticks) in samples {
        all += ticks;
        let Some(own) = stack.iter().find(|frame| is_own_frame(frame)) else { continue };
        let line = lines.entry((own.function.clone(), own.file.clone(), own.line)).or_default();
        line.ticks += ticks;
        *line.inside.entry(stack.first().and_then(|leaf| inside(leaf, own))).or_default() += ticks;
    }
    // Ties go to the name that comes first, so that the same recording always says the same.
    let most =
        lines.into_iter().max_by(|a, b| a.1.ticks.cmp(&b.1.ticks).then_with(|| b.0.cmp(&a.0)));
    let ((function, file, line), Line { ticks: at_it, inside }) = most?;
    let inside = inside.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
    Some(Ran {
        frame: Frame { function, file, line },
        share: at_it as f64 / all.max(1) as f64,
        inside: inside.and_then(|(inside, _)| inside),
    })
}

/// The ticks at a line, and those by the crate of the innermost frame.
#[derive(Default)]
struct Line {
    ticks: u64,
    inside: BTreeMap<Option<String>, u64>,
}

/// The crate of a stack's innermost frame, if it is another one than that of the user code.
fn inside(leaf: &Frame, own: &Frame) -> Option<String> {
    let krate = |frame: &Frame| match crate_of(&frame.function) {
        Some(name) => Some(name.to_owned()),
        None => frame.file.as_deref().and_then(crate_of_file),
    };
    krate(leaf).filter(|name| krate(own).as_ref() != Some(name))
}

fn waits_of(poll: &Sample, waits: &[WaitChannel]) -> Vec<Wait> {
    let mut seen: BTreeMap<(&str, Option<u64>, Option<&str>), usize> = BTreeMap::new();
    for wait in waits.iter().filter(|wait| (wait.thread, wait.poll) == (poll.thread, poll.poll)) {
        *seen.entry((&wait.channel, wait.syscall, wait.file.as_deref())).or_default() += 1;
    }
    let mut found = Vec::new();
    for ((channel, syscall, file), seen) in seen {
        found.push(Wait {
            channel: channel.to_owned(),
            syscall,
            file: file.map(str::to_owned),
            seen,
        });
    }
    found.sort_by_key(|wait| std::cmp::Reverse(wait.seen));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(poll: u64, at_ms: u64, on_cpu: bool, frame: u64) -> Sample {
        Sample {
            at_ns: at_ms * 1_000_000,
            begin_ns: poll * 100_000_000,
            task: poll + 10,
            poll,
            cpu_ns: at_ms * 250_000,
            thread: 1,
            ticks: 2,
            on_cpu,
            guessed: false,
            in_syscall: at_ms.is_multiple_of(2),
            truncated: false,
            frames: vec![frame],
        }
    }

    #[test]
    fn a_poll_is_long_when_it_was_seen_for_the_budget() {
        let samples = vec![
            sample(1, 105, true, 5),
            sample(1, 108, false, 5),
            sample(2, 205, true, 5),
            sample(2, 215, false, 5),
            sample(2, 216, false, 5),
            sample(2, 218, false, 5),
        ];
        let wait = |poll, channel: &str| WaitChannel {
            at_ns: 0,
            poll,
            thread: 1,
            syscall: Some(0),
            channel: channel.to_owned(),
            file: (channel == "a").then(|| "/tmp/slow".to_owned()),
        };
        let waits = vec![wait(2, "b"), wait(1, "a"), wait(2, "a"), wait(2, "a")];
        let recording = Recording { hz: 1_000, samples, waits, ..Recording::default() };
        let mut symbols = Symbols::for_recording(&recording);
        let long = long_polls(&recording, &mut symbols, 10_000_000);
        assert_eq!(long.len(), 1);
        let poll = &long[0];
        assert_eq!((poll.task, poll.seen_ns, poll.samples), (12, 18_000_000, 4));
        assert_eq!(
            (poll.on_cpu, poll.runnable, poll.stack_share),
            (0.25, 0.25, 1.0),
            "a third of 0.75 in no system call"
        );
        assert_eq!(poll.stack[0].function, "[unknown]");
        assert_eq!(
            (poll.waits[0].channel.as_str(), poll.waits[0].seen, poll.waits.len()),
            ("a", 2, 2)
        );
        assert_eq!(poll.waits[0].file.as_deref(), Some("/tmp/slow"));
        assert_eq!(poll.ran, None, "there is no user code in it");
        let folded = folded(&recording, &mut symbols);
        assert_eq!(Folded::lines(&folded.on_cpu), "[unknown] 4\n");
        assert_eq!(Folded::lines(&folded.off_cpu), "[unknown] 6\n");
        assert_eq!(Folded::lines(&folded.runnable), "[unknown] 2\n");
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_system_call_is_named_with_the_file_of_its_descriptor() {
        let text = |channel: &str, syscall: Option<u64>, file: Option<&str>| {
            Wait { channel: channel.into(), syscall, file: file.map(str::to_owned), seen: 1 }
                .in_words()
        };
        assert_eq!(
            text("anon_pipe_read", Some(0), Some("/tmp/slow")),
            "read() of a named pipe, /tmp/slow,"
        );
        assert_eq!(
            text("pipe_read", Some(0), Some("/x/blocking-1/profiles/buggy-stall/scratch/file")),
            "read() of a named pipe, scratch/file,"
        );
        assert_eq!(text("", Some(74), Some("/data/scratch/log")), "fsync() of /data/scratch/log,");
        assert_eq!(text("anon_pipe_read", Some(0), Some("pipe:[4711]")), "read() of a pipe");
        assert_eq!(text("sk_wait_data", Some(45), Some("socket:[1]")), "recvfrom() of a socket");
        assert_eq!(text("", Some(74), Some("/data/log")), "fsync() of /data/log,");
        assert_eq!(text("futex_wait_queue", Some(202), None), "futex()");
        assert_eq!(text("some_wait", Some(9_999), None), "system call 9999 (some_wait)");
        assert_eq!(
            (text("some_wait", None, None).as_str(), text("", None, None).as_str()),
            ("the kernel's some_wait", "")
        );
    }

    #[test]
    fn the_code_that_ran_is_the_line_with_most_samples_and_not_that_of_the_most_frequent_stack() {
        let frame = |function: &str, line: u32| Frame {
            function: function.into(),
            file: function.starts_with("shop").then(|| "/home/me/shop/src/main.rs".to_owned()),
            line: Some(line),
        };
        let put = || vec![frame("shop::Store::put", 40), frame("shop::import::{{closure}}", 13)];
        // Each sample finds the parser in another function.
        let parses = |at: u64| {
            vec![
                frame(&format!("serde_json::read::f{at}"), 1),
                frame("shop::import::{{closure}}", 11),
            ]
        };
        let samples = (0..93).map(|at| (parses(at), 1)).chain((0..7).map(|_| (put(), 1)));
        let most = ran(samples).unwrap();
        assert_eq!((most.frame, most.share), (frame("shop::import::{{closure}}", 11), 0.93));
        assert_eq!(most.inside.as_deref(), Some("serde_json"));
        let mostly_put = (0..3).map(|at| (parses(at), 1)).chain([(put(), 9)]);
        let most = ran(mostly_put).unwrap();
        assert_eq!(
            (most.frame, most.share, most.inside),
            (frame("shop::Store::put", 40), 0.75, None)
        );
    }

    #[test]
    fn the_crate_that_a_line_ran_in_is_told_where_it_is_another() {
        let frame = |function: &str, file: Option<&str>| Frame {
            function: function.into(),
            file: file.map(str::to_owned),
            line: Some(7),
        };
        let own = frame("shop::import::{{closure}}", Some("/home/me/shop/src/main.rs"));
        assert_eq!(
            inside(&frame("serde_json::de::from_str", None), &own).as_deref(),
            Some("serde_json")
        );
        let inlined =
            frame("parse<shop::Order>", Some("/x/registry/src/i/serde_json-1.0.1/src/read.rs"));
        assert_eq!(inside(&inlined, &own).as_deref(), Some("serde_json"));
        assert_eq!(inside(&frame("shop::validate", None), &own), None);
        assert_eq!(inside(&frame("memcpy", None), &own), None);
    }
}
