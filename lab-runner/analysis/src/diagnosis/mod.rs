//! What is wrong with a run: from what was measured and what profilers saw to findings, each with
//! cause, place, evidence, cost and remedy. Pure.

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
use lab_recording::threads::Panic;
use rules::{Limit, RULES, Rule};
use serde::Serialize;
use suspect::Suspect;

/// All that is known of one run: the same variant under the same load, measured, and looked into by
/// profilers in runs of their own.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The run that was measured; none where only profilers looked.
    pub measured: Option<&'a Analysis>,
    /// What profilers saw of it.
    pub profiles: &'a [Profile],
    /// What the measured run was at when it was killed at its deadline.
    pub post_mortem: Option<&'a PostMortem>,
    /// The panics of the measured run.
    pub panics: &'a [Panic],
    /// The crate whose code is the scenario's own, if that is known; else all code that is surely
    /// nobody else's.
    pub own_crate: Option<&'a str>,
}

impl<'a> Case<'a> {
    /// The post-mortem that knows most: one with tasks before one without.
    pub fn fullest_post_mortem(&self) -> Option<&'a PostMortem> {
        let of_profilers = self.profiles.iter().filter_map(|profile| profile.post_mortem.as_ref());
        of_profilers
            .chain(self.post_mortem)
            .max_by_key(|dead| (dead.tasks.is_some(), dead.threads.len()))
    }
}

/// What a diagnosis comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diagnosis {
    /// What was found, the costliest first.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub examined: Vec<String>,
    /// What was not, and why: `long polls: the profiler stall did not run`.
    pub not_examined: Vec<String>,
    /// What would have been found, and is smaller than the profiling overhead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub below_overhead: Vec<BelowOverhead>,
    /// Whether anybody saw polls: else nothing found is no news.
    pub polls_recorded: bool,
    /// Whether it was killed at its deadline: that is not healthy, whatever is not found.
    pub hung: bool,
    /// Symptoms that keep a run without a finding from being called healthy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unexplained: Vec<String>,
}

/// A cause that is not named, for its cost is smaller than the profiling overhead. It accuses nobody.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BelowOverhead {
    /// The cause.
    pub cause: Cause,
    /// The function that would have been blamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// By how much it is too small.
    pub reason: String,
}

/// A cause that is named.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// The function to blame, its crate first, closures left out; none where there is no one place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The source file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What it cost.
    #[serde(flatten)]
    pub cost: Cost,
    /// What shows it, each a clause with its numbers.
    pub evidence: Vec<String>,
    /// What would show that it is something else.
    pub refuted_by: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// The chapter of the book.
    pub chapter: &'static str,
}

/// What a cause cost. What is not known is absent, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Milliseconds of waiting, of all who waited together.
    #[serde(rename = "cost_ms", skip_serializing_if = "Option::is_none")]
    pub ms: Option<f64>,
    /// Requests that it hit.
    #[serde(rename = "requests_hit", skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
}

impl Finding {
    /// Whether another finding is a symptom of this one, and not told beside it: another cause at
    /// the same place, work that is cut off because its runtime cannot end, an overload that code
    /// brings about.
    fn explains(&self, other: &Finding) -> bool {
        match self.cause {
            _ if self.cause == other.cause => false,
            Cause::SelfShutdown | Cause::NeverYields | Cause::Deadlock => {
                let follows = matches!(other.cause, Cause::AbortedWork | Cause::Panic);
                follows || other.cause.accuses() && other.function == self.function
            }
            // The requests whose tasks panic have no answer.
            Cause::Panic => other.cause == Cause::AbortedWork,
            Cause::BlockingCall
            | Cause::LongPoll
            | Cause::LockAcrossStall
            | Cause::QuadraticCombinator => other.cause == Cause::Overload,
            _ => false,
        }
    }
}

impl Diagnosis {
    /// The conclusion: the cause of the first finding, or that the run is healthy, or that the
    /// evidence is not enough for either.
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
    Diagnosis {
        findings,
        examined,
        not_examined,
        below_overhead: too_small,
        polls_recorded: looks::polls_recorded(case),
        hung: looks::hung(case),
        unexplained: symptoms::unexplained(case),
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
    let evidence = shown.chain(suspect.told).collect();
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
    let mut told: Vec<(Cause, Option<String>)> = Vec::new();
    findings.retain(|finding| {
        let this = (finding.cause, finding.function.clone());
        let new = !told.contains(&this);
        told.push(this);
        new
    });
}

#[cfg(test)]
mod tests;
