//! The headline of the page: the finding in one sentence, with function and cost, coloured by the
//! health of the program.

use crate::report::findings::cost;
use crate::report::html::source::{self, Source};
use crate::report::html::verdict;
use crate::report::trials;
use crate::report::units::{grouped, time_ms};
use lab_analysis::comparison::verdict::Change;
use lab_analysis::diagnosis::Finding;
use lab_analysis::growth::sweep::Sweep;
use lab_analysis::results::Results;
use lab_analysis::results::diagnosed::Diagnosed;
use lab_analysis::stacks::is_foreign;
use lab_recording::Cause;

/// The costs whose growth a sweep is about.
const GROWS: [&str; 2] = ["child_polls", "cpu_ms"];
/// From this exponent on a cost grows faster than its input: between linear, also with a logarithm,
/// and quadratic.
pub(crate) const STEEP: f64 = 1.5;

/// What stands at the top of the page.
#[derive(Debug)]
pub(crate) struct Headline {
    pub text: String,
    /// The health of the program as a class of the style sheet: `good`, `open` or `bad`.
    pub class: &'static str,
    /// `scenarios/greedy/src/buggy.rs:11`, of what is blamed.
    pub place: String,
    pub source: Option<Source>,
}

impl Headline {
    fn new(class: &'static str, text: String) -> Headline {
        Headline { text: unbroken(&text), class, place: String::new(), source: None }
    }

    /// With the source lines of what is blamed.
    fn at(mut self, finding: Option<&Finding>) -> Headline {
        if let Some((file, line)) =
            finding.and_then(|finding| Some((finding.file.as_ref()?, finding.line?)))
        {
            self.place = format!("{file}:{line}");
            self.source = source::around(file, line);
        }
        self
    }
}

/// The text with spaces between thousands at which no line is broken.
pub(crate) fn unbroken(text: &str) -> String {
    let mut unbroken = String::new();
    let mut rest = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        let between =
            c == ' ' && before.is_ascii_digit() && rest.peek().is_some_and(char::is_ascii_digit);
        unbroken.push(if between { '\u{202f}' } else { c });
        before = c;
    }
    unbroken
}

pub(crate) fn headline(report: &Results) -> Headline {
    if let Some(comparison) = &report.comparison {
        let text = verdict::of_comparison(comparison);
        return Headline::new(of_change(report, comparison.change()), text)
            .at(blamed(report).first().copied());
    }
    if let Some(sweep) = &report.sweep {
        return of_sweep(sweep);
    }
    let trials = trials::summaries(report);
    if !trials.is_empty() {
        let class = if trials.iter().any(|summary| summary.endings.contains_key("hung")) {
            "bad"
        } else {
            "good"
        };
        return Headline::new(class, verdict::of_trials(&trials));
    }
    let accused = blamed(report);
    match (&report.diagnoses[..], accused.first()) {
        ([one], Some(finding)) => {
            Headline::new("bad", sentence(report, one, finding)).at(Some(finding))
        }
        (several, Some(finding)) => {
            let faulty = several.iter().filter(|of| accuses(of)).count();
            let class = if faulty == several.len() { "bad" } else { "open" };
            let have = if faulty == 1 { "has" } else { "have" };
            let text =
                format!("{faulty} of {} variants {have} a fault, the costliest: ", several.len());
            let of = several
                .iter()
                .find(|of| of.diagnosis.findings.contains(finding))
                .unwrap_or(&several[0]);
            Headline::new(class, text + &sentence(report, of, finding)).at(Some(finding))
        }
        _ => without_finding(report),
    }
}

/// A comparison is good news if it got better and nothing is wrong any more.
fn of_change(report: &Results, change: Change) -> &'static str {
    let after_is_faulty = report.diagnoses.iter().last().is_some_and(accuses);
    match change {
        Change::Improved | Change::Equivalent if after_is_faulty => "open",
        Change::Improved | Change::Equivalent => "good",
        Change::Regressed => "bad",
        Change::Inconclusive => "open",
    }
}

fn accuses(of: &Diagnosed) -> bool {
    of.diagnosis.hung || of.diagnosis.findings.iter().any(|finding| finding.cause.accuses())
}

/// What code is blamed for, the costliest first.
pub(crate) fn blamed(report: &Results) -> Vec<&Finding> {
    let findings = report.diagnoses.iter().flat_map(|of| &of.diagnosis.findings);
    let mut accused: Vec<&Finding> = findings.filter(|finding| finding.cause.accuses()).collect();
    accused.sort_by(|a, b| b.cost.ms.unwrap_or(0.0).total_cmp(&a.cost.ms.unwrap_or(0.0)));
    accused
}

/// No finding blames code: that is health only if every request was answered and polls were
/// recorded.
fn without_finding(report: &Results) -> Headline {
    let count = |metric: &str| -> f64 {
        report
            .runs
            .iter()
            .filter_map(|(run, _)| run.metrics.get(metric))
            .map(|reading| reading.value)
            .sum()
    };
    let (offered, completed) = (count("offered"), count("completed"));
    let first = |cause: Cause| {
        report.diagnoses.iter().flat_map(|of| &of.diagnosis.findings).find(|f| f.cause == cause)
    };
    let subject = verdict::summary(report);
    if report.diagnoses.iter().any(|of| of.diagnosis.hung) {
        return Headline::new(
            "bad",
            format!("The run did not end and was killed at its deadline: {subject}"),
        );
    }
    if completed < offered {
        let lost = grouped((offered - completed) as i64);
        return Headline::new(
            "bad",
            format!("{lost} of {} requests stayed unanswered: {subject}", grouped(offered as i64)),
        );
    }
    if let Some(finding) = first(Cause::Overload).or_else(|| first(Cause::HostNoise)) {
        return Headline::new("open", format!("{}; {subject}", predicate(finding.cause, None)));
    }
    match report.diagnoses.iter().all(|of| of.diagnosis.conclusion() == Cause::Healthy)
        && !report.diagnoses.is_empty()
    {
        true => Headline::new("good", format!("No fault found: {subject}")),
        false => Headline::new(
            "open",
            format!("Not diagnosed, because no polls were recorded: {subject}"),
        ),
    }
}

/// `import` (buggy.rs:11) held the only worker for 591 ms; 1 183 requests waited 288 ms on average
fn sentence(report: &Results, of: &Diagnosed, finding: &Finding) -> String {
    let held = held_ms(report, of, finding);
    let mut text = match &finding.function {
        Some(function) => {
            let file =
                finding.file.as_deref().and_then(|file| file.rsplit('/').next()).zip(finding.line);
            let place = file.map_or_else(String::new, |(file, line)| format!(" ({file}:{line})"));
            format!("{}{place} {}", plain_name(function), predicate(finding.cause, held))
        }
        None => capital(predicate(finding.cause, held)),
    };
    if let (Some(ms), true) = (held, is_about_polls(finding.cause)) {
        let workers = of_workers(report);
        text = format!("{text} {workers} for {}", time_ms(ms));
    }
    match cost(&finding.cost) {
        Some(cost) => format!("{text}; {cost}"),
        None => text,
    }
}

fn is_about_polls(cause: Cause) -> bool {
    matches!(cause, Cause::LongPoll | Cause::BlockingCall)
}

fn of_workers(report: &Results) -> &'static str {
    if report.spec.load.workers == 1 { "the only worker" } else { "a worker" }
}

/// What the code does, after its name.
fn predicate(cause: Cause, held: Option<f64>) -> &'static str {
    match cause {
        Cause::LongPoll if held.is_some() => "held",
        Cause::BlockingCall if held.is_some() => "blocked",
        Cause::LongPoll => "computes for too long without yielding",
        Cause::BlockingCall => "makes a blocking call in async code",
        Cause::QuadraticCombinator => {
            "polls all its child futures for the few that are ready: quadratic cost"
        }
        Cause::DriverStarvation => "computes while nobody looks for input",
        Cause::PoolDeadlock => "waits in the blocking pool for what needs the same pool",
        Cause::PoolExhausted => "waits for a blocking pool that is too small",
        Cause::SelfShutdown => "shuts down its own runtime from inside, which waits for itself",
        Cause::NeverYields => "never yields",
        Cause::LockAcrossStall => "waits for a lock that is held across a stall",
        Cause::Deadlock => "is part of a wait-for cycle: deadlock",
        Cause::AbortedWork => "cuts off work that was accepted",
        Cause::Leak => "keeps memory for good",
        Cause::StuckTasks => "awaits what nobody gives it",
        Cause::Futurelock => "was given a lock and is no longer polled",
        Cause::StarvedInTask => "does not poll what is ready while it awaits something else",
        Cause::BusyLoop => "is polled again and again without an event",
        Cause::WakeStorm => "is woken by what does not concern it",
        Cause::StackOverflow => "does not fit on the stack of its thread",
        Cause::Panic => "panics",
        Cause::Overload => "The load is more than the service can take",
        Cause::HostNoise => "Other processes used the CPU of this host",
        Cause::Healthy => "no fault found",
        Cause::NotEnoughEvidence => "not enough evidence",
    }
}

/// The longest poll of what is blamed, in milliseconds.
fn held_ms(report: &Results, of: &Diagnosed, finding: &Finding) -> Option<f64> {
    let its =
        report.profiles.iter().filter(|p| p.spec.variant == of.variant && p.side() == of.side);
    let longest_of_sched = its
        .clone()
        .filter_map(|profile| profile.sched.as_ref())
        .flat_map(|sched| &sched.task_kinds);
    let same = |function: &str| finding.function.as_deref() == Some(function);
    let by_task_kind = longest_of_sched
        .filter(|task_kind| task_kind.function.as_deref().is_some_and(same))
        .map(|task_kind| task_kind.poll_us.max / 1e3);
    let blamed = |poll: &&lab_analysis::stacks::stalls::LongPoll| {
        let frame = poll.blamed.as_ref();
        frame.is_some_and(|frame| same(&lab_analysis::stacks::without_closures(&frame.function)))
    };
    let by_poll = its
        .flat_map(|profile| &profile.long_polls)
        .filter(blamed)
        .map(|poll| poll.seen_ns as f64 / 1e6);
    by_task_kind.chain(by_poll).reduce(f64::max)
}

/// `import` of `scenario_greedy::buggy::import`; a method keeps its type.
fn plain_name(function: &str) -> String {
    let parts: Vec<&str> = function.rsplitn(3, "::").collect();
    match parts[..] {
        [method, of_type, ..] if of_type.starts_with(char::is_uppercase) => {
            format!("{of_type}::{method}")
        }
        [name, ..] if !is_foreign(function) && !function.starts_with('<') => name.to_owned(),
        _ => function.to_owned(),
    }
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// Which variants grow faster than their input, by any of the costs.
fn of_sweep(sweep: &Sweep) -> Headline {
    let (mut steep, mut flat) = (Vec::new(), 0_usize);
    for swept in &sweep.variants {
        let measured: Vec<_> =
            GROWS.iter().filter_map(|metric| sweep.growth(swept, metric).ok()).collect();
        match measured
            .iter()
            .filter(|growth| growth.low > STEEP)
            .map(|growth| growth.exponent)
            .reduce(f64::max)
        {
            Some(exponent) => steep.push(format!("{} (exponent {exponent:.2})", swept.variant)),
            None if !measured.is_empty() => flat += 1,
            None => {}
        }
    }
    match (steep.is_empty(), flat) {
        (true, 0) => {
            Headline::new("open", "No growth was measured: too few sizes ran to their end".into())
        }
        (true, _) => Headline::new(
            "good",
            format!("The cost of none of the {flat} variants grows faster than its input"),
        ),
        (false, 0) => Headline::new(
            "bad",
            format!("The cost grows faster than the input in {}", steep.join(", ")),
        ),
        (false, _) => {
            let text = format!(
                "The cost grows faster than the input in {}; in {flat} others it does not",
                steep.join(", ")
            );
            Headline::new("open", text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_goes_by_its_last_name_and_a_method_by_its_type() {
        let names =
            ["shop::buggy::import", "shop::Store::put", "serde_json::from_str"].map(plain_name);
        assert_eq!(names, ["import", "Store::put", "serde_json::from_str"]);
    }
}
