//! One run's scheduler in words: what task kinds and culprits are called, and a sentence for
//! each kind of number.

use crate::report::Style;
use crate::report::units::{grouped, three_digits, time};
use lab_analysis::evidence::{self, label};
use lab_analysis::overhead::limits::{self, Size};
use lab_analysis::profile::Profile;
use lab_analysis::results::Results;
use lab_analysis::scheduler::{Culprit, Edge, Quantiles, Sched, TaskKind, Worker, worth};
use lab_analysis::stacks::{Names, without_closures};
use lab_recording::spec::Side;

/// The number of listed edges and task kinds.
pub(crate) const LISTED: usize = 3;

/// A run under the scheduler profiler.
pub(crate) struct Run<'a> {
    /// The name beside other runs.
    pub label: String,
    pub profile: &'a Profile,
    pub sched: &'a Sched,
    /// The name of one operation.
    pub op: &'static str,
    /// Comparable names of two runs; none for a single run.
    names: Option<Names>,
}

/// The runs under the scheduler profiler, side A first.
pub(crate) fn runs<'a>(report: &'a Results) -> Vec<Run<'a>> {
    let mut profiles: Vec<&'a Profile> = report.profiles.iter().collect();
    profiles.sort_by_key(|profile| profile.side() == Some(Side::B));
    let names = || report.comparison.as_ref().map(|_| evidence::names(report.scenario));
    let run = |profile: &'a Profile| {
        let (op, sched) = (evidence::operation(&profile.spec), profile.sched.as_ref()?);
        Some(Run { label: label(&profile.spec), profile, sched, op, names: names() })
    };
    let mut runs: Vec<Run<'a>> = profiles.into_iter().filter_map(run).collect();
    if let [before, after] = &mut runs[..]
        && before.label == after.label
    {
        before.label.push_str(" (A)");
        after.label.push_str(" (B)");
    }
    runs
}

impl Run<'_> {
    /// A sentence with the run's name.
    pub(crate) fn named(&self, text: &str) -> String {
        format!("{}: {text}", self.label)
    }

    /// The task kind with this number; there is none in a damaged recording.
    pub(crate) fn task_kind(&self, number: usize) -> Option<&TaskKind> {
        self.sched.task_kinds.get(number)
    }

    /// `requests (drive.rs:52)`, or the place alone.
    pub fn task_kind_at(&self, number: usize) -> String {
        self.task_kind(number).map_or_else(|| "unknown tasks".into(), named_at)
    }

    /// `requests`, or the place.
    pub(crate) fn task_kind_name(&self, number: usize) -> String {
        self.task_kind(number).map_or_else(|| "unknown tasks".into(), named_at)
    }

    /// The function that a task kind was seen in, under the name by which runs match; else
    /// the task kind's name.
    fn function(&self, task_kind: &TaskKind) -> Option<String> {
        let function = task_kind.function.as_ref()?;
        Some(self.names.as_ref().map_or_else(|| function.clone(), |names| names.clean(function)))
    }

    /// The name of a culprit: `polls of shop::import (drive.rs:52)`.
    pub fn culprit(&self, culprit: Culprit) -> String {
        match culprit {
            Culprit::TaskKind(number) => format!("polls of {}", self.polled(number)),
            Culprit::WorkerAsleep => "a worker that was asleep".into(),
            Culprit::Kernel => "a thread that waited for a core".into(),
            Culprit::OwnBudget => "their own spent task budget".into(),
            Culprit::OutsidePolls => "a worker that was awake outside of polls".into(),
            Culprit::Unknown => "something that is not in the recording".into(),
        }
    }

    fn polled(&self, number: usize) -> String {
        let function = self
            .task_kind(number)
            .and_then(|task_kind| Some((self.function(task_kind)?, task_kind)));
        function.map_or_else(|| self.task_kind_at(number), |(function, _)| function)
    }

    /// The culprit of an edge, relative to the task kind that waited.
    pub(crate) fn charged_to(&self, edge: &Edge) -> String {
        match edge.culprit == Culprit::TaskKind(edge.victim) {
            true => format!("each other: {}", self.culprit(edge.culprit)),
            false => self.culprit(edge.culprit),
        }
    }

    /// Waiting per operation, or in total where operations were not counted.
    pub fn amount(&self, ms: f64, style: Style) -> String {
        match self.profile.ops {
            Some(_) => format!("{} per {}", self.per_op(ms, style), self.op),
            None => format!("{} in total", time(ms * 1e3, style)),
        }
    }

    /// The same without the words.
    pub fn per_op(&self, ms: f64, style: Style) -> String {
        time(self.per_op_ms(ms) * 1e3, style)
    }

    pub(crate) fn per_op_ms(&self, ms: f64) -> f64 {
        ms / self.profile.ops.unwrap_or(1).max(1) as f64
    }

    /// Edges to one task kind, altogether.
    fn waited_by(&self, victim: usize) -> f64 {
        let edges = self.sched.blame.iter().flat_map(|blame| &blame.edges);
        edges.filter(|edge| edge.victim == victim).map(|edge| edge.ms).sum()
    }

    /// The significant edges above the profiling overhead: their share of all waiting is
    /// compared with the share of wall time in which the profiler can have delayed tasks.
    pub fn blamed(&self) -> Vec<&Edge> {
        worth(self.sched).into_iter().filter(|edge| self.below_overhead(edge).is_none()).collect()
    }

    /// Why an edge is below the overhead; none if it is above.
    fn below_overhead(&self, edge: &Edge) -> Option<String> {
        let all = self.sched.blame.as_ref().map_or(0.0, |blame| blame.waited_ms);
        limits::below_overhead(
            Size::Waiting(edge.ms / all.max(f64::MIN_POSITIVE)),
            &self.profile.overhead,
        )
    }

    /// The significant culprits with their shares, or why there is none.
    pub fn blames(&self, style: Style) -> Vec<String> {
        let parts: Vec<String> =
            self.blamed().into_iter().take(LISTED).map(|edge| self.blame(edge, style)).collect();
        if parts.is_empty() { vec![self.no_culprit(style)] } else { parts }
    }

    /// `each request waited 612 ms on average, 99.2 % of it for polls of shop::import`
    fn blame(&self, edge: &Edge, style: Style) -> String {
        let waited = self.waited_by(edge.victim);
        let subject = self.task_kind_name(edge.victim);
        let waited_each = match self.profile.ops {
            Some(_) if subject == format!("{}s", self.op) => {
                format!("each {} waited {} on average", self.op, self.per_op(waited, style))
            }
            _ => format!("{subject} waited {}", self.amount(waited, style)),
        };
        format!("{waited_each}, {} of it for {}", percent(edge.ms / waited), self.charged_to(edge))
    }

    pub(crate) fn no_culprit(&self, style: Style) -> String {
        let Some(blame) = &self.sched.blame else {
            return "no culprit: schedule latency was not recorded".into();
        };
        let mostly =
            blame.edges.iter().max_by(|a, b| a.ms.total_cmp(&b.ms)).filter(|edge| edge.ms > 0.0);
        let mostly = mostly.map_or_else(String::new, |edge| {
            format!(", {} of it for {}", percent(edge.ms / blame.waited_ms), self.charged_to(edge))
        });
        let below = worth(self.sched).into_iter().find_map(|edge| self.below_overhead(edge));
        let below = below.map_or_else(String::new, |why| format!(": {why}"));
        format!("no culprit: tasks waited {}{mostly}{below}", self.amount(blame.waited_ms, style))
    }

    /// The listed task kinds: those that are blamed, and those that waited longest.
    pub fn shown_task_kinds(&self, most: usize) -> Vec<usize> {
        let blamed = self.blamed().into_iter().filter_map(|edge| match edge.culprit {
            Culprit::TaskKind(number) => Some(number),
            _ => None,
        });
        let all: Vec<usize> = blamed.chain(0..self.sched.task_kinds.len()).collect();
        let mut listed: Vec<usize> = Vec::new();
        for number in all
            .into_iter()
            .filter(|number| self.task_kind(*number).is_some_and(|task_kind| task_kind.polls > 0))
        {
            if !listed.contains(&number) && listed.len() < most {
                listed.push(number);
            }
        }
        listed.sort_unstable();
        listed
    }

    pub(crate) fn poll_times(&self, style: Style) -> Option<String> {
        self.times(style, |task_kind| Some(&task_kind.poll_us))
    }

    pub(crate) fn latencies(&self, style: Style) -> Option<String> {
        self.times(style, |task_kind| task_kind.latency_us.as_ref())
    }

    /// `p50/p99/max requests 12.0 µs/80.0 µs/1.10 ms; …`
    fn times(&self, style: Style, of: impl Fn(&TaskKind) -> Option<&Quantiles>) -> Option<String> {
        let one = |number: usize| {
            let us = of(self.task_kind(number)?)?;
            let times = [us.p50, us.p99, us.max].map(|us| time(us, style)).join("/");
            Some(format!("{} {times}", self.task_kind_at(number)))
        };
        let parts: Vec<String> =
            self.shown_task_kinds(LISTED).into_iter().filter_map(one).collect();
        (!parts.is_empty()).then(|| format!("p50/p99/max {}", parts.join("; ")))
    }

    /// The counts: polls, spent budgets, forced yields, and others.
    pub fn counts(&self) -> Option<String> {
        let Sched { task_kinds, hand_offs, blocking_ended, wall_ms, .. } = self.sched;
        let sum = |of: fn(&TaskKind) -> u64| task_kinds.iter().map(of).fold(0, u64::saturating_add);
        let (polls, spent) =
            (sum(|task_kind| task_kind.polls), sum(|task_kind| task_kind.budget_spent));
        if polls == 0 {
            return None;
        }
        let rate = || three_digits(spent as f64 * 1e3 / wall_ms.max(1.0));
        let with_spent = match spent {
            0 => "none ended with a spent budget".to_owned(),
            spent => {
                format!("{} ended with a spent budget, {} a second", grouped(spent as i64), rate())
            }
        };
        let mut parts = vec![counted(polls, "poll"), with_spent];
        parts.extend(self.sched.forced_yields().map(|count| counted(count, "forced yield")));
        if *blocking_ended > 0 {
            // To tokio a worker is such a task as well, and ends with its runtime.
            parts.push(format!("{} or workers ended", counted(*blocking_ended, "blocking task")));
        }
        if *hand_offs > 0 {
            parts.push(format!("{} in mid-poll", counted(*hand_offs, "hand-off")));
        }
        parts.extend(self.longest_queue());
        Some(parts.join("; "))
    }

    /// The longest recorded length of the shared queue.
    fn longest_queue(&self) -> Option<String> {
        let longest = self.sched.counters.iter().map(|at| at.global_queue).max()?;
        Some(format!("shared queue up to {}", grouped(longest as i64)))
    }

    /// The time of all workers together.
    pub fn workers(&self, style: Style) -> Option<String> {
        let all = &self.sched.workers;
        let sum = |of: fn(&Worker) -> f64| all.iter().map(of).sum::<f64>();
        let parts =
            [sum(|w| w.busy_ms), sum(|w| w.stalled_ms), sum(|w| w.idle_ms), sum(|w| w.outside_ms)];
        let whole: f64 = parts.iter().sum();
        if whole <= 0.0 {
            return None;
        }
        let [busy, stalled, idle, outside] = parts.map(|ms| percent(ms / whole));
        let awake = percent(1.0 - parts[2] / whole);
        let waits: Vec<f64> = all.iter().filter_map(|worker| worker.core_wait_ms).collect();
        let core = format!(
            "; its threads waited {} for a core",
            time(waits.iter().sum::<f64>() * 1e3, style)
        );
        let core = if waits.is_empty() { String::new() } else { core };
        let count = counted(all.len() as u64, "worker");
        if self.sched.polls_not_recorded {
            return Some(format!(
                "{count}: {idle} asleep, {awake} awake, polls not recorded{core}"
            ));
        }
        Some(format!(
            "{count}: {busy} busy, {stalled} stalled in polls of 10 ms and more, {idle} asleep, \
             {outside} outside polls{core}"
        ))
    }

    /// The result of the yield probe, with the wake-up delay that it does not time.
    pub fn probe(&self, style: Style) -> Option<String> {
        let probe = self.sched.probe.as_ref()?;
        let count = |count: u64| grouped(count as i64);
        if probe.yields == 0 {
            return Some(format!("none of {} wake-ups was answered", count(probe.wake_ups)));
        }
        let answers = counted(probe.yields, "yield");
        let of = if probe.wake_ups > probe.yields {
            format!(" after {} wake-ups", count(probe.wake_ups))
        } else {
            String::new()
        };
        let (longest, unheard) =
            (time(probe.yield_us.max, style), time(probe.wake_delay_us.max, style));
        Some(format!(
            "{} of {answers}{of} took 10 ms or more, the longest {longest}; wake-up delay, up to \
             {unheard}, is not part of a yield",
            count(probe.long_yields)
        ))
    }

    /// The missing events; none if all were recorded.
    pub fn missing(&self) -> Option<String> {
        let Sched { events, dropped, .. } = self.sched;
        let share = *dropped as f64 / (events + dropped).max(1) as f64;
        let text = || format!("{} missing, {}", counted(*dropped, "event"), percent(share));
        (*dropped > 0).then(text)
    }
}

/// `requests`; of tasks without a name the function that they run, `import task`, or else the place
/// of their spawn.
pub(crate) fn named_at(task_kind: &TaskKind) -> String {
    let place = short(&task_kind.spawned_at);
    let function = task_kind.function.as_deref().map(without_closures);
    match function.as_deref().and_then(|function| function.rsplit("::").next()) {
        _ if task_kind.name != task_kind.spawned_at && task_kind.name != place => {
            task_kind.name.clone()
        }
        Some(function) => format!("{function} task"),
        None => format!("tasks spawned at {place}"),
    }
}

/// The file's name and the line.
fn short(place: &str) -> &str {
    place.rsplit(['/', '\\']).next().unwrap_or(place)
}

pub(crate) fn percent(share: f64) -> String {
    match share {
        little if 0.0 < little && little < 1e-4 => "< 0.01 %".into(),
        share if share.is_finite() => format!("{} %", three_digits(100.0 * share)),
        _ => "0 %".into(),
    }
}

pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count as i64), if count == 1 { "" } else { "s" })
}
