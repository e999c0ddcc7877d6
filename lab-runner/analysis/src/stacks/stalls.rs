//! What the samples add up to: stacks with their weights, and the polls that were long.

use crate::stacks::Blamed;
use crate::stacks::symbols::Symbols;
use lab_recording::frame::Frame;
use lab_recording::stall::read::{Recording, Sample, WaitChannel};
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
    /// While it was in no system call and did not compute: it waited for a core, or for a page of memory.
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
    /// How long it was seen for, in nanoseconds: up to its last sample, so it was up to a tick longer.
    pub seen_ns: u64,
    /// Its samples.
    pub samples: usize,
    /// The share of its time on the CPU, from 0 to 1.
    pub on_cpu: f64,
    /// The share of its time in which it waited for a core: off the CPU and in no system call.
    pub runnable: f64,
    /// The most frequent stack, innermost first.
    pub stack: Vec<Frame>,
    /// The function to blame for it; none if nobody's own code was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blamed: Option<Frame>,
    /// The share of its time that it spent in that stack.
    pub stack_share: f64,
    /// What it waited for in the kernel, the most frequent first.
    pub waits: Vec<Wait>,
}

/// A wait of a long poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The function of the kernel; empty if the kernel does not tell.
    pub channel: String,
    /// The number of the system call.
    pub syscall: Option<u64>,
    /// How often it was seen.
    pub seen: usize,
}

/// Adds up all stacks of a recording.
pub fn folded(recording: &Recording, symbols: &mut Symbols) -> Folded {
    let tick_ms = 1_000.0 / recording.hz.max(1) as f64;
    let mut folded = Folded::default();
    for sample in &recording.samples {
        let side = match (sample.on_cpu, sample.in_syscall) {
            (true, _) => &mut folded.on_cpu,
            (false, true) => &mut folded.off_cpu,
            (false, false) => &mut folded.runnable,
        };
        *side.entry(fold(&sample.frames, symbols)).or_default() += f64::from(sample.ticks) * tick_ms;
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
    for sample in &recording.samples {
        polls.entry((sample.begin_ns, sample.thread, sample.poll)).or_default().push(sample);
    }
    let long = polls.into_values().filter(|samples| seen_ns(samples) >= budget_ns);
    long.filter_map(|samples| long_poll(&samples, &recording.waits, symbols)).collect()
}

fn seen_ns(samples: &[&Sample]) -> u64 {
    samples.iter().map(|sample| sample.at_ns.saturating_sub(sample.begin_ns)).max().unwrap_or(0)
}

fn long_poll(samples: &[&Sample], waits: &[WaitChannel], symbols: &mut Symbols) -> Option<LongPoll> {
    let first = samples.first()?;
    let on_cpu = cpu_share(samples);
    let (stack, stack_share) = most_frequent(samples, symbols);
    let mut blamed = Blamed::default();
    samples.iter().for_each(|sample| blamed.add(&symbols.stack(&sample.frames), f64::from(sample.ticks)));
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
        waits: waits_of(first, waits),
    })
}

/// The share of a poll's time on the CPU: by the thread's CPU clock, for a thread that shares its core is off the CPU
/// for most of the time before most samples, and a majority vote would call it idle. A single sample has its vote alone.
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

/// The stack of functions that most ticks were spent in, and their share. Code that computes is at another instruction
/// in each sample, so stacks are the same when their functions are; the lines are those of the most frequent addresses.
fn most_frequent(samples: &[&Sample], symbols: &mut Symbols) -> (Vec<Frame>, f64) {
    let mut stacks: HashMap<String, HashMap<&[u64], u64>> = HashMap::new();
    for sample in samples {
        let addresses = stacks.entry(fold(&sample.frames, symbols)).or_default();
        *addresses.entry(&sample.frames).or_default() += u64::from(sample.ticks);
    }
    // Ties go to the name that comes first, so that the same recording always says the same.
    let sum = |addresses: &HashMap<&[u64], u64>| addresses.values().sum::<u64>();
    let most = stacks.iter().max_by_key(|(name, addresses)| (sum(addresses), std::cmp::Reverse(*name)));
    let Some((_, addresses)) = most else { return (Vec::new(), 0.0) };
    let frames = addresses.iter().max_by_key(|(frames, ticks)| (**ticks, std::cmp::Reverse(**frames)));
    let stack = frames.map(|(frames, _)| symbols.stack(frames)).unwrap_or_default();
    (stack, sum(addresses) as f64 / ticks(samples.iter().copied()).max(1) as f64)
}

fn waits_of(poll: &Sample, waits: &[WaitChannel]) -> Vec<Wait> {
    let mut seen: BTreeMap<(&str, Option<u64>), usize> = BTreeMap::new();
    for wait in waits.iter().filter(|wait| (wait.thread, wait.poll) == (poll.thread, poll.poll)) {
        *seen.entry((&wait.channel, wait.syscall)).or_default() += 1;
    }
    let wait = |((channel, syscall), seen): ((&str, _), _)| Wait { channel: channel.to_owned(), syscall, seen };
    let mut found: Vec<Wait> = seen.into_iter().map(wait).collect();
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
        };
        let waits = vec![wait(2, "b"), wait(1, "a"), wait(2, "a"), wait(2, "a")];
        let recording = Recording { hz: 1_000, samples, waits, ..Recording::default() };
        let mut symbols = Symbols::of(&recording);
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
        assert_eq!((poll.waits[0].channel.as_str(), poll.waits[0].seen, poll.waits.len()), ("a", 2, 2));
        let folded = folded(&recording, &mut symbols);
        assert_eq!(Folded::lines(&folded.on_cpu), "[unknown] 4\n");
        assert_eq!(Folded::lines(&folded.off_cpu), "[unknown] 6\n");
        assert_eq!(Folded::lines(&folded.runnable), "[unknown] 2\n");
    }
}
