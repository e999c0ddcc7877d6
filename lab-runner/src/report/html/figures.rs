//! The row of figures below the headline: p99, freeze, requests hit, profiling overhead.

use crate::report::html::WORDS;
use crate::report::html::headline::{blamed, unbroken};
use crate::report::units::{grouped, percent, reading, time};
use lab_analysis::comparison::paired::{Compared, Comparison};
use lab_analysis::overhead::Cost;
use lab_analysis::requests::Analysis;
use lab_analysis::results::Results;

/// A number with its name, and what has to be known about it.
#[derive(Debug, PartialEq)]
pub(crate) struct Figure {
    pub name: &'static str,
    pub value: String,
    pub note: String,
}

impl Figure {
    fn new(name: &'static str, value: String, note: impl Into<String>) -> Figure {
        Figure { name, value: unbroken(&value), note: unbroken(&note.into()) }
    }
}

pub(crate) fn figures(report: &Results) -> Vec<Figure> {
    let of_metric = |name, metric: &str| match (&report.comparison, &report.runs[..]) {
        (Some(comparison), _) => of_both(name, metric, comparison),
        (None, [(run, _)]) => of_run(name, metric, run),
        (None, runs) => of_all(name, metric, runs.iter().map(|(run, _)| run)),
    };
    let p99 =
        of_metric("response p99", "response_p99_us").or_else(|| of_metric("CPU time", "cpu_ms"));
    let freeze =
        longest_poll(report).or_else(|| of_metric("runtime frozen for", "runtime_freeze_us"));
    [p99, freeze, hit(report), overhead(report)].into_iter().flatten().collect()
}

fn of_run(name: &'static str, metric: &str, run: &Analysis) -> Option<Figure> {
    let answered = run
        .metrics
        .get("completed")
        .map(|count| format!("of {} requests", grouped(count.value as i64)));
    Some(Figure::new(
        name,
        reading(metric, run.metrics.get(metric)?, WORDS),
        answered.unwrap_or_default(),
    ))
}

fn of_both(name: &'static str, metric: &str, comparison: &Comparison) -> Option<Figure> {
    let compared: &Compared =
        comparison.metrics.iter().find(|compared| compared.metric == metric)?;
    let [before, after] =
        [&compared.before, &compared.after].map(|side| reading(metric, side, WORDS));
    Some(Figure::new(name, after, format!("before {before}")))
}

fn of_all<'a>(
    name: &'static str,
    metric: &str,
    runs: impl Iterator<Item = &'a Analysis>,
) -> Option<Figure> {
    let plain = runs.filter(|run| run.recording.spec.purpose.ratio() == 1);
    let mut readings: Vec<_> =
        plain.filter_map(|run| Some((run, run.metrics.get(metric)?))).collect();
    readings.sort_by(|a, b| a.1.value.total_cmp(&b.1.value));
    let ((least_of, least), (most_of, most)) = (readings.first()?, readings.last()?);
    let value = format!("{} to {}", reading(metric, least, WORDS), reading(metric, most, WORDS));
    let note = format!("{} to {}", least_of.recording.spec.variant, most_of.recording.spec.variant);
    Some(Figure::new(name, value, note))
}

/// For how long a worker could run nothing else at worst: the longest poll of any profiled run.
fn longest_poll(report: &Results) -> Option<Figure> {
    let longest = |profile: &lab_analysis::profile::Profile| {
        let seen = profile.long_polls.iter().map(|poll| poll.seen_ns as f64 / 1e3).reduce(f64::max);
        let task_kinds = profile
            .sched
            .iter()
            .flat_map(|sched| &sched.task_kinds)
            .map(|task_kind| task_kind.poll_us.max);
        seen.into_iter().chain(task_kinds).reduce(f64::max)
    };
    let all = report.profiles.iter().filter_map(|profile| Some((profile, longest(profile)?)));
    let (profile, us) = all.max_by(|a, b| a.1.total_cmp(&b.1))?;
    let of = lab_analysis::evidence::label(&profile.spec);
    Some(Figure::new(
        "longest freeze of a worker",
        time(us, WORDS),
        format!("profiled run of {of}"),
    ))
}

fn hit(report: &Results) -> Option<Figure> {
    let hit = blamed(report).into_iter().filter_map(|finding| finding.cost.requests).max()?;
    let ops = report
        .profiles
        .iter()
        .filter(|profile| profile.sched.is_some())
        .filter_map(|profile| profile.ops)
        .max();
    let of = ops
        .filter(|ops| *ops >= hit)
        .map(|ops| format!("of {} in the profiled run", grouped(ops as i64)));
    Some(Figure::new("requests hit", grouped(hit as i64), of.unwrap_or_default()))
}

fn overhead(report: &Results) -> Option<Figure> {
    let most = |cost: &Cost| cost.share.high;
    let known = report
        .profiles
        .iter()
        .filter_map(|profile| Some((profile, profile.overhead.as_ref().ok()?)));
    let (profile, cost) = known.max_by(|a, b| most(a.1).total_cmp(&most(b.1)))?;
    let at_least = if cost.complete { "≤ " } else { "≥ " };
    let share = if cost.complete { cost.share.high } else { cost.share.mid };
    let value = format!("{at_least}{} CPU", percent(share));
    Some(Figure::new("profiling overhead", value, format!("most: profiler {}", profile.profiler)))
}
