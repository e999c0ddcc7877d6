//! Views of recordings: one screen of text, or one JSON document. Pure but for reading the folders.

mod chart;
mod compare;
mod detail;
pub(crate) mod doctor;
mod findings;
mod flames;
mod html;
mod json;
pub(crate) mod latency;
pub(crate) mod ledger;
mod lenses;
pub(crate) mod live;
pub(crate) mod noise;
pub mod overhead;
pub mod plot;
mod sched;
pub(crate) mod score;
mod sweep;
mod table;
mod trials;
pub(crate) mod units;
pub(crate) mod verify;
mod watching;

use anyhow::{Context, ensure};
use lab_analysis::claims::control::{Kept, Tried, controls, kept};
use lab_analysis::claims::{self, Judged, Verdict};
use lab_analysis::comparison::comparison::{Comparison, Rule, counted};
use lab_analysis::comparison::metrics::{METRICS, chosen};
use lab_analysis::comparison::recorded::{Paired, pair_up};
use lab_analysis::comparison::verdict::{Change, POCOCK};
use lab_analysis::evidence::{Evidence, evidence};
use lab_analysis::growth::sweep::Sweep;
use lab_analysis::profile::{self, Profile};
use lab_analysis::requests::{self, Analysis};
use lab_analysis::stacks::Plumbing;
use lab_kit::{Column, Scenario};
use lab_recording::folder;
use lab_recording::spec::Spec;
use noise::Noise;
use plot::Plot;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use findings::Diagnosed;
pub use json::document;

/// The runs of one invocation, analysed and judged.
#[derive(Clone, Debug)]
pub struct Report {
    /// The folder that was asked for: a run's or an invocation's.
    pub folder: PathBuf,
    /// The spec of the first run: scenario, load and environment are those of all.
    pub spec: Spec,
    /// The runs in the order in which they were done, each with its judged claims. Those of a sweep are not here.
    pub runs: Vec<(Analysis, Vec<Judged>)>,
    /// The runs of a sweep.
    pub sweep: Option<Sweep>,
    /// The judged claims of each way of the sweep.
    pub ways: Vec<(String, Vec<Judged>)>,
    /// The traps of the scenario, held to what the default cure keeps.
    pub controls: Vec<Tried>,
    /// What the pairs of a comparison came to.
    pub comparison: Option<Comparison>,
    /// What lenses saw of its runs.
    pub profiles: Vec<Profile>,
    /// What lies where profiles do and cannot be read, and why.
    pub lost_profiles: Vec<String>,
    /// What is wrong with its runs.
    pub diagnoses: Vec<Diagnosed>,
    /// How far metrics of a comparison scatter on this machine though nothing changes, if that was measured.
    pub noise: Option<Noise>,
    /// What the side after keeps of what tells a cure from a trap.
    pub kept: Vec<Kept>,
    /// What the claims add up to, or what the comparison says: held if nothing got worse, broken if it did.
    pub verdict: Verdict,
    /// The HTML report, if it was written for this one.
    pub html: Option<PathBuf>,
    /// What the scenario shows in a table.
    columns: &'static [Column],
    /// The scenario, if this binary has it.
    scenario: Option<&'static Scenario>,
}

/// How text is printed.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Only ASCII.
    pub plain: bool,
    /// Beside the honest numbers of a run, those of a closed-loop benchmark.
    pub naive: bool,
}

impl Report {
    /// Reads and judges the run in a folder, or all runs in the folder of an invocation.
    ///
    /// # Errors
    /// If the folder holds no recording, or one that a newer lab wrote.
    pub fn read(folder: &Path, scenarios: &[&'static Scenario]) -> anyhow::Result<Report> {
        let analyses = analyses(folder)?;
        let spec = analyses[0].recording.spec.clone();
        let scenario = scenarios.iter().copied().find(|known| known.name == spec.scenario);
        let one_run = folder::is_recording(folder);
        let profiles = if one_run { profile::of_run(folder, &spec) } else { profile::read_all(folder) };
        let lost_profiles = profile::unreadable(folder);
        let noise = spec.pair.as_ref().and_then(|_| Noise::beside(folder, &spec.environment, scenarios));
        let read = match &spec.pair {
            Some(_) => Report { profiles, ..Report::of_pairs(folder, spec, analyses, scenario) },
            None => Report::of(folder, spec, analyses, profiles, scenario),
        };
        Ok(Report { noise, lost_profiles, ..read }.diagnosed())
    }

    /// Compares two recordings that were made earlier.
    ///
    /// # Errors
    /// If one of them cannot be read, or if they cannot be compared.
    pub fn of_two(folders: [&Path; 2], metrics: &[String], scenarios: &[&'static Scenario]) -> anyhow::Result<Report> {
        let [before, after] = [analyses(folders[0])?, analyses(folders[1])?];
        let Paired { runs, warnings } = pair_up(before, after, metrics).map_err(anyhow::Error::msg)?;
        let command = format!("compare {} {}", folders[0].display(), folders[1].display());
        let spec = Spec { command, ..runs[0].recording.spec.clone() };
        let scenario = scenarios.iter().copied().find(|known| known.name == spec.scenario);
        let mut report = Report::of_pairs(folders[1], spec, runs, scenario);
        report.comparison.iter_mut().for_each(|comparison| comparison.warnings.clone_from(&warnings));
        Ok(report.diagnosed())
    }

    /// Pairs are compared, and their claims left alone: `lab run --all` judges those.
    fn of_pairs(folder: &Path, spec: Spec, analyses: Vec<Analysis>, scenario: Option<&'static Scenario>) -> Report {
        let comparison = Comparison::of(&analyses, &rule(&spec, scenario));
        let verdict = match comparison.as_ref().map_or(Change::Inconclusive, Comparison::change) {
            Change::Improved | Change::Equivalent => Verdict::Held,
            Change::Regressed => Verdict::Broken,
            Change::Inconclusive => Verdict::NotMeasured,
        };
        let counted = comparison.as_ref().map(|comparison| counted(&analyses, comparison)).unwrap_or_default();
        let kept = scenario.map(|scenario| kept(scenario, &counted)).unwrap_or_default();
        let runs = analyses.into_iter().map(|run| (run, Vec::new())).collect();
        Report { runs, kept, comparison, verdict, ..Report::empty(folder, spec, scenario) }
    }

    /// The same with what is wrong with its runs.
    fn diagnosed(self) -> Report {
        Report { diagnoses: findings::all(&self), ..self }
    }

    /// Nothing but what was asked.
    fn empty(folder: &Path, spec: Spec, scenario: Option<&'static Scenario>) -> Report {
        Report {
            folder: folder.to_owned(),
            spec,
            runs: Vec::new(),
            sweep: None,
            ways: Vec::new(),
            controls: Vec::new(),
            profiles: Vec::new(),
            lost_profiles: Vec::new(),
            diagnoses: Vec::new(),
            noise: None,
            kept: Vec::new(),
            comparison: None,
            verdict: Verdict::NotMeasured,
            html: None,
            columns: scenario.map_or(Column::RESPONSES, |scenario| scenario.columns),
            scenario,
        }
    }

    fn of(
        folder: &Path,
        spec: Spec,
        analyses: Vec<Analysis>,
        profiles: Vec<Profile>,
        scenario: Option<&'static Scenario>,
    ) -> Report {
        let mut sweep = Sweep::of(&analyses);
        if let (Some(sweep), Some(scenario)) = (&mut sweep, scenario) {
            sweep.sort_by(|name| scenario.variants.iter().position(|variant| variant.name == name));
        }
        let (swept, analyses): (Vec<_>, Vec<_>) =
            analyses.into_iter().partition(|run| run.recording.spec.repetition.is_some());
        drop(swept);
        let told_by_the_sweep = |claim: &Judged| sweep.is_some() && claims::is_about_a_sweep(&claim.claim);
        let judge = |run: &Analysis| -> Vec<Judged> {
            let judged =
                scenario.map(|scenario| claims::judge(run, &analyses, &profiles, scenario)).unwrap_or_default();
            judged.into_iter().filter(|claim| !told_by_the_sweep(claim)).collect()
        };
        let judged: Vec<_> = analyses.iter().map(judge).collect();
        let ways: Vec<_> = sweep
            .iter()
            .flat_map(|sweep| sweep.ways.iter().map(move |way| (way, sweep)))
            .map(|(way, sweep)| {
                let claims = scenario.map(|scenario| claims::judge_way(way, sweep, scenario)).unwrap_or_default();
                (way.variant.clone(), claims)
            })
            .collect();
        let all = judged.iter().chain(ways.iter().map(|(_, claims)| claims));
        let stranger = all.clone().any(Vec::is_empty); // a scenario or variant that this binary does not have
        let verdict = if stranger { Verdict::NotMeasured } else { claims::overall(all.flatten()) };
        let controls = scenario.map(|scenario| controls(scenario, &analyses, sweep.as_ref())).unwrap_or_default();
        let runs = analyses.into_iter().zip(judged).collect();
        Report { runs, sweep, ways, controls, profiles, verdict, ..Report::empty(folder, spec, scenario) }
    }

    /// Every claim with the variant that makes it.
    pub fn claims(&self) -> impl Iterator<Item = (&str, &Judged)> {
        let of_runs = self.runs.iter().map(|(run, claims)| (run.recording.spec.variant.as_str(), claims));
        let of_ways = self.ways.iter().map(|(variant, claims)| (variant.as_str(), claims));
        of_runs.chain(of_ways).flat_map(|(variant, claims)| claims.iter().map(move |claim| (variant, claim)))
    }

    /// What lenses saw, view by view.
    pub fn evidence(&self, plumbing: Plumbing) -> Vec<Evidence> {
        evidence(&self.profiles, self.scenario, plumbing)
    }

    /// What lenses saw as pictures: file name and SVG.
    pub fn flames(&self) -> Vec<(String, String)> {
        flames::all(self)
    }

    /// The whole report as one page that loads nothing.
    ///
    /// # Errors
    /// If a drawing library refuses.
    pub fn page(&self) -> anyhow::Result<String> {
        html::page(self)
    }

    /// The pictures of its sweep or its comparison, if there is one: file name and plot.
    pub fn figures(&self) -> Vec<(&'static str, Plot)> {
        match (&self.comparison, &self.sweep) {
            (Some(comparison), _) => latency::figures(self, comparison),
            (None, Some(sweep)) => sweep::figures(sweep, &self.spec),
            (None, None) => Vec::new(),
        }
    }

    /// Prints the text report: one run in detail, several as a table, trials and sweeps summed up.
    ///
    /// # Errors
    /// If `to` cannot be written.
    pub fn print(&self, style: Style, to: &mut dyn Write) -> io::Result<()> {
        if let Some(comparison) = &self.comparison {
            return compare::print(self, comparison, style, to);
        }
        match &self.runs[..] {
            [] => {}
            [(run, _), ..] if run.recording.spec.trial.is_some() => trials::print(self, style, to)?,
            [(run, claims)] => detail::print(self, run, claims, style, to)?,
            _ => table::print(self, style, to)?,
        }
        match &self.sweep {
            Some(sweep) => sweep::print(self, sweep, style, to),
            None => Ok(()),
        }
    }
}

fn analyses(folder: &Path) -> anyhow::Result<Vec<Analysis>> {
    run_folders(folder)?.iter().map(|run| Ok(requests::analyse(folder::open(run)?))).collect()
}

/// What decides the comparison that a run belongs to.
fn rule(spec: &Spec, scenario: Option<&'static Scenario>) -> Rule<'static> {
    let named = spec.pair.as_ref().map_or(&[][..], |pair| &pair.metrics[..]);
    let shown: Vec<&str> = scenario.map_or(Column::RESPONSES, |s| s.columns).iter().map(|c| c.metric).collect();
    let metrics = chosen(named, &shown);
    let first = metrics.first().filter(|_| !named.is_empty()).map(|metric| metric.name);
    let primary = first.or(scenario.map(|scenario| scenario.primary)).unwrap_or(METRICS[0].name);
    Rule { primary, metrics, alpha: if spec.looks { POCOCK[0].alpha } else { 0.05 } }
}

/// The runs in a folder, by name: the folder itself if it is a run's. What a sweep added is in a folder below.
fn run_folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if folder::is_recording(folder) {
        return Ok(vec![folder.to_owned()]);
    }
    let runs = recordings_in(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let larger = recordings_in(&folder.join(LARGER)).unwrap_or_default();
    ensure!(!runs.is_empty(), "there is no recording in {}: lab run makes one", folder.display());
    Ok(runs.into_iter().chain(larger).collect())
}

/// Where a sweep puts the runs that it adds because its growth could not be told.
pub(crate) const LARGER: &str = "larger";

fn recordings_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let mut runs: Vec<PathBuf> = entries.filter(|path| folder::is_recording(path)).collect();
    runs.sort();
    Ok(runs)
}

/// The invocations in a folder: itself, or those that `lab verify` made in it, by name.
///
/// # Errors
/// If there is no recording.
pub fn invocations(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let none = match run_folders(folder) {
        Ok(_) => return Ok(vec![folder.to_owned()]),
        Err(error) => error,
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut invocations: Vec<PathBuf> = entries.filter(|path| run_folders(path).is_ok()).collect();
    invocations.sort();
    if invocations.is_empty() { Err(none) } else { Ok(invocations) }
}

/// The newest invocation in the folder that recordings go to.
pub(crate) fn newest(out: &Path) -> anyhow::Result<PathBuf> {
    let nothing = || format!("there is no recording in {}: lab run makes one", out.display());
    let made =
        std::fs::read_dir(out).into_iter().flatten().flatten().filter(|entry| invocations(&entry.path()).is_ok());
    let newest = made.max_by_key(|entry| entry.metadata().and_then(|m| m.modified()).ok());
    Ok(newest.with_context(nothing)?.path())
}
