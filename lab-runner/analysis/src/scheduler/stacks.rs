//! Where the code was that made others wait: blame poll by poll, with the stacks that the profiler
//! `stall` saw in these polls.

use crate::scheduler::{Analysed, Culprit, Inflicted, TaskKind, Victims};
use crate::stacks::Blamed;
use crate::stacks::stalls::names;
use crate::stacks::symbols::Symbols;
use lab_recording::stall::{Recording, Sample};
use std::collections::{BTreeMap, HashMap};

/// Stacks, root first and parted by semicolons, whose first frame says who waited.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stacks {
    /// For how many milliseconds others waited. Together it is all waiting that there was.
    pub ms: BTreeMap<String, f64>,
    /// In how many waits, of which a poll's samples have parts.
    pub waits: BTreeMap<String, f64>,
}

/// Joins blame with what was sampled meanwhile, and tells each task kind the function in which
/// it made others wait most.
pub fn stacks(analysed: &mut Analysed, mut sampled: Option<(&Recording, &mut Symbols)>) -> Stacks {
    let samples = Samples::new(sampled.as_ref().map_or(&[], |(recording, _)| &recording.samples));
    let mut joined = Joined {
        task_kinds: &analysed.sched.task_kinds,
        stacks: Stacks::default(),
        functions: HashMap::new(),
    };
    for poll in &analysed.inflicted {
        let within = samples.within(poll);
        match &mut sampled {
            Some((_, symbols)) if !within.is_empty() => joined.sampled(poll, within, symbols),
            _ => {
                let place = joined.place(poll.task_kind);
                joined.add(&format!("[a poll of {place}, not sampled]"), &poll.by_victim, 1.0);
            }
        }
    }
    for short in &analysed.short {
        let place = joined.place(short.task_kind);
        joined.add(&format!("[short polls of {place}]"), &short.by_victim, 1.0);
    }
    for (culprit, victims) in &analysed.other {
        joined.add(name_of(*culprit), victims, 1.0);
    }
    let Joined { stacks, functions, .. } = joined;
    for (task_kind, blamed) in functions {
        analysed.sched.task_kinds[task_kind].function = blamed.frame().map(|frame| frame.function);
    }
    stacks
}

fn name_of(culprit: Culprit) -> &'static str {
    match culprit {
        Culprit::TaskKind(_) => "[polls]",
        Culprit::WorkerAsleep => "[worker asleep]",
        Culprit::Kernel => "[kernel: no core]",
        Culprit::OwnBudget => "[own budget]",
        Culprit::OutsidePolls => "[outside polls]",
        Culprit::Unknown => "[not known]",
    }
}

/// Samples of each thread, by their time.
struct Samples<'a>(HashMap<u64, Vec<&'a Sample>>);

impl<'a> Samples<'a> {
    fn new(samples: &'a [Sample]) -> Samples<'a> {
        let mut threads: HashMap<u64, Vec<&Sample>> = HashMap::new();
        samples
            .iter()
            .for_each(|sample| threads.entry(u64::from(sample.thread)).or_default().push(sample));
        threads.values_mut().for_each(|samples| samples.sort_by_key(|sample| sample.at_ns));
        Samples(threads)
    }

    fn within(&self, poll: &Inflicted) -> &[&'a Sample] {
        let all = self.0.get(&poll.thread).map(Vec::as_slice).unwrap_or_default();
        let end = poll.begin_ns.saturating_add(poll.length_ns);
        let first = all.partition_point(|sample| sample.at_ns < poll.begin_ns);
        &all[first..all.partition_point(|sample| sample.at_ns <= end).max(first)]
    }
}

struct Joined<'a> {
    task_kinds: &'a [TaskKind],
    stacks: Stacks,
    /// Where a task kind inflicted its waiting.
    functions: HashMap<usize, Blamed>,
}

impl Joined<'_> {
    fn place(&self, task_kind: usize) -> String {
        writable(&self.task_kinds[task_kind].spawned_at)
    }

    fn sampled(&mut self, poll: &Inflicted, samples: &[&Sample], symbols: &mut Symbols) {
        let ticks = |sample: &Sample| f64::from(sample.ticks.max(1));
        let all: f64 = samples.iter().map(|sample| ticks(sample)).sum();
        let inflicted: f64 = poll.by_victim.iter().map(|victim| victim.1).sum();
        for sample in samples {
            let part = ticks(sample) / all;
            let frames = names(&sample.frames, symbols);
            let stack = if frames.is_empty() { "[unknown]".into() } else { frames.join(";") };
            self.add(&stack, &poll.by_victim, part);
            self.functions
                .entry(poll.task_kind)
                .or_default()
                .add(&symbols.stack(&sample.frames), inflicted * part);
        }
    }

    fn add(&mut self, stack: &str, victims: &Victims, part: f64) {
        for (victim, ns, waits) in victims {
            let line = format!("{} waits;{stack}", writable(&self.task_kinds[*victim].name));
            *self.stacks.ms.entry(line.clone()).or_default() += ns * part / 1e6;
            *self.stacks.waits.entry(line).or_default() += *waits as f64 * part;
        }
    }
}

/// A name as a folded line can have it.
fn writable(name: &str) -> String {
    name.replace(';', ":").replace(char::is_control, " ")
}
