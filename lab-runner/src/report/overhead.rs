//! Profiling overhead in words: a line for each profiler, and the profiled run beside the
//! unprofiled run with the same seed.

pub(crate) mod json;

use crate::report::Style;
use crate::report::sched::words::percent;
use crate::report::units::{grouped, reading, three_digits, time};
use lab_analysis::evidence::label;
use lab_analysis::overhead::{Cost, CostResult, PerEvent, Range};
use lab_analysis::profile::Profile;
use lab_analysis::requests::{Analysis, Reading};
use lab_analysis::results::Results;
use lab_recording::profiler::Profiler;
use lab_recording::spec::Side;

/// The text without profiled runs.
pub(crate) const NOBODY: &str = "no profiled run";
/// Of what a profiler does on the threads of the program, the kinds that a line tells: those that
/// took most.
const DEAREST: usize = 2;
/// CPU time of one operation.
const CPU: &str = "cpu_us_per_op";

/// The runs under each profiler, those of a comparison before first.
pub(crate) fn by_profiler(report: &Results) -> Vec<(Profiler, Vec<&Profile>)> {
    let mut all: Vec<&Profile> = report.profiles.iter().collect();
    all.sort_by_key(|profile| (profile.profiler, profile.side() == Some(Side::B)));
    let mut profilers: Vec<(Profiler, Vec<&Profile>)> = Vec::new();
    for profile in all {
        match profilers.last_mut() {
            Some((profiler, runs)) if *profiler == profile.profiler => runs.push(profile),
            _ => profilers.push((profile.profiler, vec![profile])),
        }
    }
    profilers
}

/// A line for each profiler; of profilers that nothing is known of, one for each reason. Nothing if
/// nobody watched.
pub(crate) fn lines(report: &Results, style: Style) -> Vec<String> {
    let (mut known, mut unknown) = (Vec::new(), Vec::<(String, Vec<String>)>::new());
    for (profiler, runs) in by_profiler(report) {
        match whole_reason(&runs) {
            Some(why) => match unknown.iter_mut().find(|(known, _)| *known == why) {
                Some((_, profilers)) => profilers.push(profiler.to_string()),
                None => unknown.push((why, vec![profiler.to_string()])),
            },
            None => known.push(of_profiler(profiler, &runs, style)),
        }
    }
    let unknown = unknown
        .into_iter()
        .map(|(why, profilers)| format!("{}: not measured: {why}", profilers.join(", ")));
    known.into_iter().chain(unknown).collect()
}

/// The most that any profiler cost any run, where there are too many for a line each.
pub(crate) fn most(report: &Results) -> Option<String> {
    let known = report
        .profiles
        .iter()
        .filter_map(|profile| Some((profile, profile.overhead.as_ref().ok()?)));
    let (profile, cost) = known.max_by(|a, b| a.1.share.mid.total_cmp(&b.1.share.mid))?;
    Some(format!(
        "profiling overhead at most {} ({}, {})",
        of_run(cost),
        profile.profiler,
        label(&profile.spec)
    ))
}

/// Why nothing is known of any of these runs.
fn whole_reason(runs: &[&Profile]) -> Option<String> {
    let why = |profile: &&Profile| profile.overhead.as_ref().err().cloned();
    let first = runs.first().and_then(why)?;
    runs.iter().all(|profile| why(profile).as_ref() == Some(&first)).then_some(first)
}

fn of_profiler(profiler: Profiler, runs: &[&Profile], style: Style) -> String {
    match runs {
        [one] => match &one.overhead {
            Ok(cost) => format!("{profiler} {}: {}", of_run(cost), made_of(cost, style)),
            Err(why) => format!("{profiler}: not measured: {why}"),
        },
        several => {
            let one = |profile: &&Profile| match &profile.overhead {
                Ok(cost) => format!("{} {}", label(&profile.spec), share(cost)),
                Err(why) => format!("{} not measured: {why}", label(&profile.spec)),
            };
            format!(
                "{profiler} of its run's CPU time: {}",
                several.iter().map(one).collect::<Vec<_>>().join("; ")
            )
        }
    }
}

/// `3.10 % of its run's CPU time (2.80 to 3.60 %)`
fn of_run(cost: &Cost) -> String {
    let Range { low, high, .. } = cost.share;
    format!("{} of its run's CPU time{}", bounded(cost), interval(low, high))
}

/// `3.10 % (2.80 to 3.60 %)`
pub(crate) fn share(cost: &Cost) -> String {
    let Range { low, high, .. } = cost.share;
    format!("{}{}", bounded(cost), interval(low, high))
}

fn bounded(cost: &Cost) -> String {
    format!("{}{}", if cost.complete { "" } else { "≥ " }, percent(cost.share.mid))
}

fn interval(low: f64, high: f64) -> String {
    if low == high {
        return String::new();
    }
    format!(" ({} to {} %)", three_digits(100.0 * low), three_digits(100.0 * high))
}

/// `41 ns a poll, 0.9 % its own threads`
fn made_of(cost: &Cost, style: Style) -> String {
    let mut dearest: Vec<&PerEvent> =
        cost.per_event.iter().filter(|event| event.count > 0).collect();
    dearest.sort_by(|a, b| b.ms().total_cmp(&a.ms()));
    let events = dearest
        .into_iter()
        .take(DEAREST)
        .map(|event| format!("{} a {}", time(event.ns.mid / 1e3, style), event.what));
    let threads = format!("{} its own threads", percent(cost.threads_ms / cost.run_ms));
    let what = |missing: &String| missing.split(": ").next().unwrap_or_default().to_owned();
    let missing = cost.missing.iter().map(|missing| format!("{} not measured", what(missing)));
    events.chain([threads]).chain(missing).collect::<Vec<_>>().join(", ")
}

/// `1 000 000 of 41 ns (38 to 47 ns)`
pub(crate) fn event(event: &PerEvent, style: Style) -> String {
    let Range { low, mid, high } = event.ns;
    let ns = |value: f64| time(value / 1e3, style);
    let interval =
        if low == high { String::new() } else { format!(" ({} to {})", ns(low), ns(high)) };
    format!("{} of {}{interval}", grouped(i64::try_from(event.count).unwrap_or(i64::MAX)), ns(mid))
}

/// A metric of a profiled run and of an unprofiled one.
pub(crate) struct Beside {
    pub metric: String,
    pub unwatched: f64,
    pub watched: f64,
}

/// The metrics by which a profiled run and an unprofiled one are compared; none where there
/// is no such run. It is a single pair, so nothing follows from it.
pub(crate) fn beside(report: &Results, profile: &Profile) -> Vec<Beside> {
    let Some(run) = unwatched(report, profile) else { return Vec::new() };
    let metrics = [
        Some(CPU),
        report.scenario.map(|scenario| scenario.primary).filter(|primary| *primary != CPU),
    ];
    let one = |metric: &str| {
        let (unwatched, watched) = (run.metrics.get(metric)?.value, *profile.metrics.get(metric)?);
        Some(Beside { metric: metric.to_owned(), unwatched, watched })
    };
    metrics.into_iter().flatten().filter_map(one).collect()
}

/// The run that measured the same variant with the same seed, in a comparison on the same side.
fn unwatched<'a>(report: &'a Results, profile: &Profile) -> Option<&'a Analysis> {
    let key =
        |spec: &lab_recording::spec::Spec| (spec.variant.clone(), spec.side(), spec.load.seed);
    let wanted = key(&profile.spec);
    report.runs.iter().map(|(run, _)| run).find(|run| {
        run.recording.spec.purpose.profiler().is_none() && key(&run.recording.spec) == wanted
    })
}

/// `cpu us per op 35.2 µs without the profiler, 36.0 µs with it; …`, and other differences of the
/// two runs.
pub(crate) fn beside_line(report: &Results, profile: &Profile, style: Style) -> Option<String> {
    let all = beside(report, profile);
    let run = unwatched(report, profile)?;
    let one = |Beside { metric, unwatched, watched }: &Beside| {
        let [was, is] =
            [unwatched, watched].map(|value| reading(metric, &Reading::exact(*value), style));
        format!("{metric} {was} without the profiler, {is} with it")
    };
    let metrics: Vec<String> = all.iter().map(one).collect();
    let same = profile.spec.load == run.recording.spec.load
        && profile.spec.purpose.ratio() == run.recording.spec.purpose.ratio();
    let but = if same { "" } else { ", under a profiler of another length or size" };
    (!metrics.is_empty())
        .then(|| format!("{} (one pair with the same seed{but})", metrics.join("; ")))
}

/// Why the cost is not known.
pub(crate) fn why_not(known: &CostResult) -> Option<String> {
    known.as_ref().err().map(|why| format!("not measured: {why}"))
}
