//! Diagnosis: from a measured run and its profiles to findings, each with cause, function,
//! evidence, cost and remedy. Pure.

pub mod fix_outcome;
mod looks;
pub mod rules;
pub mod sign;
pub mod suspect;
mod suspects;
mod symptoms;

use crate::overhead::limits::{self, RestsOn};
use crate::profile::Profile;
use crate::requests::Analysis;
use lab_recording::Cause;
use lab_recording::post_mortem::PostMortem;
use lab_recording::profiler::Profiler;
use lab_recording::threads::Panic;
use rules::{Limit, RULES, Rule};
use serde::Serialize;
use suspect::Suspect;

/// The input of a diagnosis: one variant under one load, in a measured run and in profiled
/// runs.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The measured run; none if there are only profiled runs.
    pub measured: Option<&'a Analysis>,
    /// The profiles.
    pub profiles: &'a [Profile],
    /// The post-mortem of the measured run, if it was killed at its deadline.
    pub post_mortem: Option<&'a PostMortem>,
    /// The panics of the measured run.
    pub panics: &'a [Panic],
    /// The crate of the scenario, if known; otherwise user code is all code that no table
    /// assigns to a library.
    pub own_crate: Option<&'a str>,
}

impl<'a> Case<'a> {
    /// The most complete post-mortem: one with tasks before one without.
    pub fn fullest_post_mortem(&self) -> Option<&'a PostMortem> {
        let of_profilers = self.profiles.iter().filter_map(|profile| profile.post_mortem.as_ref());
        of_profilers
            .chain(self.post_mortem)
            .max_by_key(|dead| (dead.tasks.is_some(), dead.threads.len()))
    }
}

/// The result of a diagnosis.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diagnosis {
    /// The findings, the costliest first.
    pub findings: Vec<Finding>,
    /// The kinds of faults that were examined.
    pub examined: Vec<String>,
    /// The kinds that were not examined, with the reason: `long polls: the profiler stall
    /// did not run`.
    pub not_examined: Vec<String>,
    /// Possible causes whose cost is below the profiling overhead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub below_overhead: Vec<BelowOverhead>,
    /// Whether polls were recorded: without them, no finding does not mean healthy.
    pub polls_recorded: bool,
    /// Whether the run was killed at its deadline, which is never healthy.
    pub hung: bool,
    /// Symptoms that keep a run without a finding from being called healthy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unexplained: Vec<String>,
    /// Profilers under which the symptoms of the measured run did not show.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_symptoms: Vec<Profiler>,
    /// Whether memory grew with the requests, and the profiler `alloc`, which could tell a leak
    /// from a cache that filled up, did not run.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub memory_kept: bool,
    /// Waiting for what is outside of the program, by place: information, and no accusation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits_outside: Vec<String>,
}

/// A possible cause that is no finding, because its cost is below the profiling overhead.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BelowOverhead {
    /// The cause.
    pub cause: Cause,
    /// The function of the possible cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Its cost and the overhead.
    pub reason: String,
}

/// A cause with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// The function to blame, with its crate, without closures; none if there is no single
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The source file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in the source file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The cost of the fault.
    #[serde(flatten)]
    pub cost: Cost,
    /// The evidence, each a clause with its numbers.
    pub evidence: Vec<String>,
    /// The observation that would refute the finding.
    pub refuted_by: &'static str,
    /// The remedy, in the imperative.
    pub remedy: &'static str,
    /// The chapter of the book.
    pub chapter: &'static str,
}

/// The cost of a fault. Unknown values are absent, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Waiting of all tasks together, in milliseconds.
    #[serde(rename = "cost_ms", skip_serializing_if = "Option::is_none")]
    pub ms: Option<f64>,
    /// The number of affected requests.
    #[serde(rename = "requests_hit", skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
}

impl Finding {
    /// Whether another finding is a symptom of this one and is left out: another cause in
    /// the same function, work that is cut off because its runtime cannot shut down, an
    /// overload that code causes.
    fn explains(&self, other: &Finding) -> bool {
        match self.cause {
            _ if self.cause == other.cause => false,
            Cause::SelfShutdown | Cause::NeverYields | Cause::Deadlock => {
                let follows = matches!(other.cause, Cause::AbortedWork | Cause::Panic);
                let lock =
                    other.cause == Cause::LockAcrossStall || other.cause == Cause::StuckTasks;
                follows
                    || self.cause == Cause::Deadlock && lock
                    || other.cause == Cause::Overload
                    || other.cause.accuses() && other.function == self.function
            }
            // The requests whose tasks panic have no answer, and to print a panic takes long.
            Cause::Panic => {
                let prints = matches!(other.cause, Cause::LongPoll | Cause::BlockingCall);
                other.cause == Cause::AbortedWork || prints && other.function == self.function
            }
            // Requests that wait for ever are dropped when the runtime is shut down.
            Cause::StuckTasks | Cause::Futurelock => matches!(
                other.cause,
                Cause::AbortedWork | Cause::Leak | Cause::Overload | Cause::StarvedInTask
            ),
            // Who polls a whole set again and again takes long for each poll of its own.
            Cause::QuadraticCombinator if other.cause == Cause::LongPoll => {
                other.function == self.function
            }
            // What is awaited is the end of a job that has no thread yet.
            Cause::PoolExhausted | Cause::PoolDeadlock => matches!(
                other.cause,
                Cause::StuckTasks | Cause::Overload | Cause::AbortedWork | Cause::Leak
            ),
            // Waiting for the wakes of others is waiting for these polls.
            Cause::WakeStorm => matches!(other.cause, Cause::BusyLoop | Cause::Overload),
            Cause::BlockingCall
            | Cause::LongPoll
            | Cause::DriverStarvation
            | Cause::LockAcrossStall
            | Cause::BusyLoop
            | Cause::QuadraticCombinator => other.cause == Cause::Overload,
            _ => false,
        }
    }
}

impl Diagnosis {
    /// The conclusion: the cause of the first finding, else healthy, else not enough
    /// evidence.
    pub fn conclusion(&self) -> Cause {
        let first =
            self.findings.iter().find(|finding| finding.cause.accuses()).or(self.findings.first());
        match first {
            Some(finding) => finding.cause,
            None if self.polls_recorded && !self.hung && self.unexplained.is_empty() => {
                Cause::Healthy
            }
            None => Cause::NotEnoughEvidence,
        }
    }
}

/// Diagnoses a run.
pub fn diagnose(case: &Case<'_>) -> Diagnosis {
    let found =
        suspects::all(case).into_iter().filter_map(|suspect| Some((judge(&suspect)?, suspect)));
    let (mut findings, mut too_small) = (Vec::new(), Vec::new());
    for (rule, suspect) in found {
        match below_overhead(case, &suspect) {
            Some(reason) => too_small.push(BelowOverhead {
                cause: rule.cause,
                function: suspect.at.map(|at| at.function),
                reason,
            }),
            None => findings.push(finding(rule, suspect)),
        }
    }
    let all: Vec<Finding> = findings.clone();
    findings.retain(|finding| !all.iter().any(|other| other.explains(finding)));
    let cost = |finding: &Finding| finding.cost.ms.unwrap_or(0.0);
    // A panic is the program's own word that something is wrong, and comes before everything that
    // is inferred.
    let rank = |finding: &Finding| (finding.cause == Cause::Panic, finding.cause.accuses());
    findings.sort_by(|a, b| rank(b).cmp(&rank(a)).then(cost(b).total_cmp(&cost(a))));
    once_each(&mut findings);
    let (examined, not_examined) = looks::looks(case);
    let mut unexplained = symptoms::unexplained(case);
    // What a program does for want of a thread or of memory says nothing about its code.
    let refused = case.measured.and_then(|run| run.recording.outcome.refused.as_ref());
    if let Some(refused) = refused {
        findings.clear();
        unexplained.insert(0, format!("the host refused it: {refused}"));
    }
    Diagnosis {
        findings,
        examined,
        not_examined,
        below_overhead: too_small,
        polls_recorded: looks::polls_recorded(case),
        hung: looks::hung(case),
        unexplained,
        without_symptoms: symptoms::without_symptoms(case),
        memory_kept: symptoms::memory_kept(case).is_some(),
        waits_outside: symptoms::waits_outside(case),
    }
}

/// Why the cost of a suspect may be that of the profiler; none if it is larger, or if no profiler
/// measured it.
fn below_overhead(case: &Case<'_>, suspect: &Suspect) -> Option<String> {
    let RestsOn { profiler, size } = suspect.rests_on?;
    let profile = case.profiles.iter().find(|profile| profile.profiler == profiler)?;
    limits::below_overhead(size, &profile.overhead)
}

/// The first rule whose limits a suspect meets.
fn judge(suspect: &Suspect) -> Option<&'static Rule> {
    let meets =
        |limit: &Limit| suspect.signs.get(&limit.sign).is_some_and(|value| *value >= limit.least);
    RULES.iter().find(|rule| rule.of == suspect.of && rule.when.iter().all(meets))
}

fn finding(rule: &'static Rule, suspect: Suspect) -> Finding {
    let shown = rule
        .when
        .iter()
        .filter_map(|limit| Some(limit.sign.in_words(*suspect.signs.get(&limit.sign)?)));
    let evidence = shown.chain(suspect.evidence).collect();
    let (function, file, line) =
        suspect.at.map_or((None, None, None), |at| (Some(at.function), at.file, at.line));
    let Rule { cause, refuted_by, remedy, chapter, .. } = *rule;
    Finding {
        cause,
        function,
        file,
        line,
        cost: suspect.cost,
        evidence,
        refuted_by,
        remedy,
        chapter,
    }
}

/// One finding for each cause at each place, the costliest.
fn once_each(findings: &mut Vec<Finding>) {
    let mut named: Vec<(Cause, Option<String>)> = Vec::new();
    findings.retain(|finding| {
        let this = (finding.cause, finding.function.clone());
        let new = !named.contains(&this);
        named.push(this);
        new
    });
}

#[cfg(test)]
mod tests;
