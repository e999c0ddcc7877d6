//! `info.toml`, the manifest of a pack, as it is written. An unknown key is an error, because a
//! goal that is misspelt would otherwise be a goal that everything meets.

use anyhow::{anyhow, bail, ensure};
use lab_kit::{Bound, Claim, Domain, Measure};
use lab_recording::profiler::Profiler;
use lab_recording::{Arrivals, Cause, Ending, Load};
use serde::Deserialize;

/// The version of the manifest that this lab reads.
pub(crate) const VERSION: u32 = 1;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub format_version: u32,
    /// What a learner reads first.
    pub welcome: String,
    /// In the order of the workshop.
    #[serde(rename = "exercise")]
    pub exercises: Vec<Entry>,
}

/// One exercise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The stable name: of the file, of the page, and in `.lab-progress`.
    pub slug: String,
    pub title: String,
    /// The chapter of the book, if there is one.
    pub chapter: Option<String>,
    pub minutes: u32,
    /// What an on-call engineer would see, in one line.
    pub symptom: String,
    pub load: LoadEntry,
    /// Cores that a verdict needs; with fewer it is inconclusive.
    #[serde(default = "one")]
    pub cores: usize,
    /// What is wrong with the starter.
    pub cause: Cause,
    /// The function to blame in the starter, as the end of a demangled name: `slow_quotes::import`.
    pub function: String,
    /// The profilers that show it.
    pub profilers: Vec<Profiler>,
    /// The claim of the goal that the starter misses.
    pub starter_breaks: String,
    /// Where to look, which signal, which mechanism, what to change.
    pub hints: [String; 4],
    pub predict: Option<Predict>,
    /// The sizes at which goals about growth are judged.
    pub sweep: Option<Sweep>,
    #[serde(rename = "goal")]
    pub goals: Vec<GoalEntry>,
    #[serde(rename = "trap")]
    pub traps: Vec<Trap>,
    /// Earlier slugs: progress made under them counts.
    #[serde(default)]
    pub formerly: Vec<String>,
    /// Metrics of the before/after table, each with its unit; the waits of requests if absent.
    #[serde(default)]
    pub shows: Vec<Shown>,
    /// For an exercise whose program a seed puts together.
    pub mystery: Option<Mystery>,
}

/// The parts of a program, of which a seed chooses two with their fault.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mystery {
    #[serde(rename = "part")]
    pub parts: Vec<Part>,
    /// The parts with a fault: seed modulo the number of pairs chooses.
    pub pairs: Vec<[String; 2]>,
}

/// A part of a mystery's program.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// Of its files, `src/mystery/NAME_faulty.rs` and `NAME_sound.rs`.
    pub name: String,
    /// What is wrong with it where it has its fault.
    pub cause: Cause,
    pub function: String,
    /// The claim that its fault misses.
    pub breaks: String,
}

fn one() -> usize {
    1
}

/// A prediction to make before the first run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Predict {
    pub question: String,
    /// The metric of the starter's run that answers it.
    pub metric: String,
    /// `ms`, `us`, `s`, `MB`, or a noun for a count.
    pub unit: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sweep {
    pub smallest: usize,
    /// Number of sizes, each twice the one before.
    pub count: u32,
    pub repetitions: usize,
}

/// A tempting fix that does not fix.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trap {
    pub name: String,
    /// The claim of the goal that it misses.
    pub breaks: String,
    /// What was tried, and why it does not help.
    pub says: String,
    /// The numbers of workers at which it misses; every number if absent.
    pub at_workers: Option<Vec<usize>>,
}

/// A row of the before/after table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shown {
    pub metric: String,
    pub label: String,
}

/// What a goal rests on, from the strongest evidence to the weakest that is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rung {
    /// It ends, nothing is left running, nothing is lost.
    Liveness,
    /// A count, which the host does not change.
    Count,
    /// How a count or a time grows with the load.
    Slope,
    /// A time divided by another of the same run or of the starter's.
    Ratio,
}

/// The keys of a load that differ from the lab's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadEntry {
    #[serde(default)]
    batch: bool,
    seed: Option<u64>,
    rate: Option<f64>,
    arrivals: Option<Arrivals>,
    warmup_ms: Option<u64>,
    duration_ms: Option<u64>,
    drain_ms: Option<u64>,
    workers: Option<usize>,
    size: Option<usize>,
    stall_ms: Option<u64>,
    patience_ms: Option<u64>,
}

impl LoadEntry {
    /// The load, checked.
    pub fn load(&self) -> anyhow::Result<Load> {
        let own = if self.batch { Load::BATCH } else { Load::DEFAULT };
        let load = Load {
            seed: self.seed.unwrap_or(own.seed),
            rate: self.rate.unwrap_or(own.rate),
            arrivals: self.arrivals.unwrap_or(own.arrivals),
            warmup_ms: self.warmup_ms.unwrap_or(own.warmup_ms),
            duration_ms: self.duration_ms.unwrap_or(own.duration_ms),
            drain_ms: self.drain_ms.unwrap_or(own.drain_ms),
            workers: self.workers.unwrap_or(own.workers),
            size: self.size.unwrap_or(own.size),
            stall_ms: self.stall_ms,
            patience_ms: self.patience_ms.unwrap_or(own.patience_ms),
            messages: None,
            files: None,
        };
        load.check().map_err(|error| anyhow!(error))?;
        Ok(load)
    }
}

/// A goal: a claim with one measure and one bound.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoalEntry {
    pub claim: String,
    pub rung: Rung,
    ending: Option<Ending>,
    metric: Option<String>,
    share: Option<Share>,
    ratio: Option<Ratio>,
    exponent: Option<String>,
    at_most: Option<f64>,
    at_least: Option<f64>,
    equal: Option<f64>,
    /// It counts what is done before a deadline: a busy host may break it.
    #[serde(default)]
    before_deadline: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Share {
    metric: String,
    of: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ratio {
    metric: String,
    over: String,
}

impl GoalEntry {
    /// The count of what is done before a deadline, if this goal is about one.
    pub fn counted_before_deadline(&self) -> Option<&str> {
        let of_share = self.share.as_ref().map(|share| share.metric.as_str());
        self.metric.as_deref().or(of_share).filter(|_| self.before_deadline)
    }

    /// The claim, which is judged at every load: the load of an exercise is pinned.
    ///
    /// # Errors
    /// If it has not exactly one measure, or not exactly one bound.
    pub fn claim(&self) -> anyhow::Result<Claim> {
        let measures = [
            self.ending.map(Measure::Ending),
            self.metric.as_deref().map(|name| Measure::Metric(kept(name))),
            self.share
                .as_ref()
                .map(|share| Measure::Share { metric: kept(&share.metric), of: kept(&share.of) }),
            self.ratio.as_ref().map(|ratio| Measure::Ratio {
                metric: kept(&ratio.metric),
                over: kept(&ratio.over),
            }),
            self.exponent.as_deref().map(|name| Measure::Exponent(kept(name))),
        ];
        let mut measures = measures.into_iter().flatten();
        let (Some(measure), None) = (measures.next(), measures.next()) else {
            bail!("a goal has one of ending, metric, share, ratio, exponent");
        };
        let bounds = [
            self.at_most.map(Bound::AtMost),
            self.at_least.map(Bound::AtLeast),
            self.equal.map(Bound::Equal),
        ];
        let mut bounds = bounds.into_iter().flatten();
        let bound = match (measure, bounds.next(), bounds.next()) {
            (Measure::Ending(_), None, None) => Bound::Equal(1.0),
            (Measure::Ending(_), ..) => bail!("a goal about an ending has no bound"),
            (_, Some(bound), None) => bound,
            _ => bail!("a goal has one of at_most, at_least, equal"),
        };
        let is_growth = matches!(measure, Measure::Exponent(_));
        ensure!(
            is_growth == (self.rung == Rung::Slope),
            "a goal with an exponent, and no other, is on the rung slope"
        );
        Ok(Claim { says: kept(&self.claim), measure, bound, domain: Domain::Everywhere })
    }
}

/// A text for as long as the process lives, which is what claims and scenarios are made of. A
/// manifest is read once a command.
pub(crate) fn kept(text: &str) -> &'static str {
    Box::leak(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(text: &str) -> anyhow::Result<Claim> {
        toml::from_str::<GoalEntry>(text)?.claim()
    }

    #[test]
    fn a_goal_is_a_claim_with_one_measure_and_one_bound() {
        let share = goal(
            "claim = 'few wait'\nrung = 'ratio'\n\
             share = { metric = 'wait_p99_us', of = 'import_us' }\nat_most = 0.1",
        );
        assert_eq!(share.unwrap().to_string(), "wait_p99_us / import_us ≤ 0.1");
        let ending = goal("claim = 'ends'\nrung = 'liveness'\nending = 'finished'").unwrap();
        assert_eq!(ending.measure, Measure::Ending(Ending::Finished));
        let exponent = "claim = 'grows'\nrung = 'slope'\nexponent = 'child_polls'\nat_most = 1.3";
        assert!(goal(exponent).is_ok());
    }

    #[test]
    fn a_goal_that_says_too_little_too_much_or_something_else_is_refused() {
        let begin = "claim = 'c'\nrung = 'count'\n";
        for (rest, why) in [
            ("at_most = 1", "one of ending, metric"),
            ("metric = 'lost'", "one of at_most"),
            ("metric = 'lost'\nequal = 0\nat_most = 1", "one of at_most"),
            ("metric = 'lost'\nexponent = 'polls'\nequal = 0", "one of ending, metric"),
            ("exponent = 'polls'\nat_most = 1.3", "rung slope"),
            ("ending = 'finished'\nequal = 1", "no bound"),
            ("metrics = 'lost'\nequal = 0", "unknown field"),
        ] {
            let error = format!("{:#}", goal(&format!("{begin}{rest}")).unwrap_err());
            assert!(error.contains(why), "{rest}: {error}");
        }
    }

    #[test]
    fn a_load_is_the_labs_own_but_for_what_is_written() {
        let entry: LoadEntry = toml::from_str("rate = 500\nworkers = 2").unwrap();
        let load = entry.load().unwrap();
        assert_eq!(load, Load { rate: 500.0, workers: 2, ..Load::DEFAULT });
        let batch: LoadEntry = toml::from_str("batch = true\nsize = 400").unwrap();
        assert_eq!(batch.load().unwrap(), Load { size: 400, ..Load::BATCH });
        let wrong: LoadEntry = toml::from_str("workers = 0").unwrap();
        assert!(wrong.load().is_err());
    }
}
