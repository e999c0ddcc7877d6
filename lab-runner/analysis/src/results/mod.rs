//! The results of an invocation: its runs analysed, judged, compared and diagnosed, as plain data
//! that reports render.

pub mod diagnosed;
pub mod noise;

use crate::claims::control::{JudgedControl, PairedControl, controls, paired_controls};
use crate::claims::{self, Judged, Verdict};
use crate::comparison::metrics::{METRICS, chosen};
use crate::comparison::paired::{Comparison, Rule, counted};
use crate::comparison::recorded::{Paired, pair_up};
use crate::comparison::verdict::{Change, POCOCK};
use crate::evidence::{Evidence, evidence};
use crate::growth::sweep::Sweep;
use crate::profile::{self, Profile};
use crate::requests::{self, Analysis};
use crate::stacks::Plumbing;
use anyhow::{Context, ensure};
use diagnosed::Diagnosed;
use lab_kit::{Column, Scenario};
use lab_recording::folder;
use lab_recording::pack::{self, Opened};
use lab_recording::spec::Spec;
use noise::Noise;
use std::io;
use std::path::{Path, PathBuf};

/// The runs of one invocation, analysed and judged.
#[derive(Clone, Debug)]
pub struct Results {
    /// The folder of the run or of the invocation.
    pub folder: PathBuf,
    /// The spec of the first run: scenario, load and environment are those of all.
    pub spec: Spec,
    /// The runs in the order in which they were done, each with its judged claims. Those of a sweep
    /// are not here.
    pub runs: Vec<(Analysis, Vec<Judged>)>,
    /// The runs of a sweep.
    pub sweep: Option<Sweep>,
    /// The judged claims of each swept variant.
    pub swept_claims: Vec<(String, Vec<Judged>)>,
    /// The negative controls: traps judged by claims of the default fix.
    pub controls: Vec<JudgedControl>,
    /// The comparison.
    pub comparison: Option<Comparison>,
    /// The profiles of its runs.
    pub profiles: Vec<Profile>,
    /// The profiles that cannot be read, with the error.
    pub lost_profiles: Vec<String>,
    /// Notes on profiled runs that were killed although the measured one ended.
    pub killed_profiles: Vec<String>,
    /// The diagnoses of its runs.
    pub diagnoses: Vec<Diagnosed>,
    /// The noise of metrics in an A/A comparison on this host, if it was measured.
    pub noise: Option<Noise>,
    /// The negative controls, judged on side B.
    pub paired_controls: Vec<PairedControl>,
    /// The verdict of all claims, or of the comparison: held if nothing regressed, else
    /// broken.
    pub verdict: Verdict,
    /// The table columns of the scenario.
    pub columns: &'static [Column],
    /// The scenario, if this binary has it.
    pub scenario: Option<&'static Scenario>,
}

impl Results {
    /// Reads and judges a run, or all runs of an invocation, from a folder or packed.
    ///
    /// # Errors
    /// If there is no recording, one that a newer lab wrote, or a packed one that cannot be
    /// unpacked.
    pub fn read(recording: &Path, scenarios: &[&'static Scenario]) -> anyhow::Result<Results> {
        let opened = pack::open(recording)?;
        let mut read = Results::read_folder(opened.folder(), recording, scenarios)?;
        read.rename_folders(|folder| opened.shown(folder));
        Ok(read)
    }

    /// The results of a folder, which is shown as `shown`.
    fn read_folder(
        folder: &Path,
        shown: &Path,
        scenarios: &[&'static Scenario],
    ) -> anyhow::Result<Results> {
        let analyses = analyses(folder)?;
        let spec = analyses[0].recording.spec.clone();
        let scenario = scenarios.iter().copied().find(|known| known.name == spec.scenario);
        let one_run = folder::is_recording(folder);
        let profiles =
            if one_run { profile::of_run(folder, &spec) } else { profile::read_all(folder) };
        let lost_profiles = profile::unreadable(folder);
        let noise =
            spec.purpose.pair().and_then(|_| Noise::beside(shown, &spec.environment, scenarios));
        let read = match spec.purpose.pair() {
            Some(_) => Results { profiles, ..Results::of_pairs(folder, spec, analyses, scenario) },
            None => Results::of(folder, spec, analyses, profiles, scenario),
        };
        Ok(Results { noise, lost_profiles, ..read }.diagnosed())
    }

    /// Compares two recordings that were made earlier.
    ///
    /// # Errors
    /// If one of them cannot be read, or if they cannot be compared.
    pub fn of_two(
        folders: [&Path; 2],
        metrics: &[String],
        scenarios: &[&'static Scenario],
    ) -> anyhow::Result<Results> {
        let opened = [pack::open(folders[0])?, pack::open(folders[1])?];
        let [before, after] = [shown_analyses(&opened[0])?, shown_analyses(&opened[1])?];
        let Paired { runs, warnings } =
            pair_up(before, after, metrics).map_err(anyhow::Error::msg)?;
        let command = format!("compare {} {}", folders[0].display(), folders[1].display());
        let spec = Spec { command, ..runs[0].recording.spec.clone() };
        let scenario = scenarios.iter().copied().find(|known| known.name == spec.scenario);
        let mut report = Results::of_pairs(folders[1], spec, runs, scenario);
        report
            .comparison
            .iter_mut()
            .for_each(|comparison| comparison.warnings.clone_from(&warnings));
        // A diagnosis reads files of the runs; everything else calls them as they were named.
        report.rename_folders(|folder| opened[1].read_at(&opened[0].read_at(folder)));
        let mut report = report.diagnosed();
        report.rename_folders(|folder| opened[1].shown(&opened[0].shown(folder)));
        Ok(report)
    }

    /// Calls every folder of it something else: a temporary one by the file that was unpacked.
    pub fn rename_folders(&mut self, name: impl Fn(&Path) -> PathBuf) {
        self.folder = name(&self.folder);
        self.runs
            .iter_mut()
            .for_each(|(run, _)| run.recording.folder = name(&run.recording.folder));
        self.profiles.iter_mut().for_each(|profile| profile.folder = name(&profile.folder));
    }

    /// Pairs are compared, and their claims left alone: `lab run --all` judges those.
    fn of_pairs(
        folder: &Path,
        spec: Spec,
        analyses: Vec<Analysis>,
        scenario: Option<&'static Scenario>,
    ) -> Results {
        let comparison = Comparison::from_runs(&analyses, &rule(&spec, scenario));
        let verdict = match comparison.as_ref().map_or(Change::Inconclusive, Comparison::change) {
            Change::Improved | Change::Equivalent => Verdict::Held,
            Change::Regressed => Verdict::Broken,
            Change::Inconclusive => Verdict::NotMeasured,
        };
        let counted = comparison
            .as_ref()
            .map(|comparison| counted(&analyses, comparison))
            .unwrap_or_default();
        let paired_controls =
            scenario.map(|scenario| paired_controls(scenario, &counted)).unwrap_or_default();
        let runs = analyses.into_iter().map(|run| (run, Vec::new())).collect();
        let empty = Results::empty(folder, spec, scenario);
        Results { runs, paired_controls, comparison, verdict, ..empty }
    }

    /// The same with what is wrong with its runs.
    fn diagnosed(mut self) -> Results {
        self.killed_profiles = diagnosed::killed_profiles(&self);
        Results { diagnoses: diagnosed::all(&self), ..self }
    }

    /// Results without runs.
    pub fn empty(folder: &Path, spec: Spec, scenario: Option<&'static Scenario>) -> Results {
        Results {
            folder: folder.to_owned(),
            spec,
            runs: Vec::new(),
            sweep: None,
            swept_claims: Vec::new(),
            controls: Vec::new(),
            profiles: Vec::new(),
            lost_profiles: Vec::new(),
            killed_profiles: Vec::new(),
            diagnoses: Vec::new(),
            noise: None,
            paired_controls: Vec::new(),
            comparison: None,
            verdict: Verdict::NotMeasured,
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
    ) -> Results {
        let mut sweep = Sweep::from_runs(&analyses);
        if let (Some(sweep), Some(scenario)) = (&mut sweep, scenario) {
            sweep.sort_by(|name| scenario.variants.iter().position(|variant| variant.name == name));
        }
        let (swept, analyses): (Vec<_>, Vec<_>) =
            analyses.into_iter().partition(|run| run.recording.spec.purpose.is_sweep());
        drop(swept);
        let told_by_the_sweep =
            |claim: &Judged| sweep.is_some() && claims::is_about_a_sweep(&claim.claim);
        let judge = |run: &Analysis| -> Vec<Judged> {
            let judged = scenario
                .map(|scenario| claims::judge(run, &analyses, &profiles, scenario))
                .unwrap_or_default();
            judged.into_iter().filter(|claim| !told_by_the_sweep(claim)).collect()
        };
        let judged: Vec<_> = analyses.iter().map(judge).collect();
        let swept_claims: Vec<_> = sweep
            .iter()
            .flat_map(|sweep| sweep.variants.iter().map(move |swept| (swept, sweep)))
            .map(|(swept, sweep)| {
                let claims = scenario
                    .map(|scenario| claims::judge_swept(swept, sweep, scenario))
                    .unwrap_or_default();
                (swept.variant.clone(), claims)
            })
            .collect();
        let all = judged.iter().chain(swept_claims.iter().map(|(_, claims)| claims));
        let stranger = all.clone().any(Vec::is_empty); // a scenario or variant that this binary does not have
        let verdict = if stranger { Verdict::NotMeasured } else { claims::overall(all.flatten()) };
        let controls = scenario
            .map(|scenario| controls(scenario, &analyses, sweep.as_ref()))
            .unwrap_or_default();
        let runs = analyses.into_iter().zip(judged).collect();
        Results {
            runs,
            sweep,
            swept_claims,
            controls,
            profiles,
            verdict,
            ..Results::empty(folder, spec, scenario)
        }
    }

    /// Checks that these runs could have decided and did not; of a comparison, the comparison
    /// itself.
    pub fn undecided(&self) -> usize {
        match &self.comparison {
            Some(comparison) => usize::from(comparison.change() == Change::Inconclusive),
            None => self.claims().filter(|(_, claim)| claim.is_undecided()).count(),
        }
    }

    /// Whether nothing at all could be judged or compared.
    pub fn measured_nothing(&self) -> bool {
        match &self.comparison {
            Some(comparison) => comparison.metrics.iter().all(|metric| metric.estimate.is_err()),
            None => self.claims().all(|(_, claim)| claim.verdict == Verdict::NotMeasured),
        }
    }

    /// Every claim with the variant that makes it.
    pub fn claims(&self) -> impl Iterator<Item = (&str, &Judged)> {
        let of_runs =
            self.runs.iter().map(|(run, claims)| (run.recording.spec.variant.as_str(), claims));
        let of_swept = self.swept_claims.iter().map(|(variant, claims)| (variant.as_str(), claims));
        of_runs
            .chain(of_swept)
            .flat_map(|(variant, claims)| claims.iter().map(move |claim| (variant, claim)))
    }

    /// The evidence of the profiles, view by view.
    pub fn evidence(&self, plumbing: Plumbing) -> Vec<Evidence> {
        evidence(&self.profiles, self.scenario, plumbing)
    }
}

fn analyses(folder: &Path) -> anyhow::Result<Vec<Analysis>> {
    run_folders(folder)?.iter().map(|run| Ok(requests::analyse(folder::open(run)?))).collect()
}

/// The runs of an opened recording, their folders called as people call them.
fn shown_analyses(opened: &Opened) -> anyhow::Result<Vec<Analysis>> {
    let mut runs = analyses(opened.folder())?;
    runs.iter_mut().for_each(|run| run.recording.folder = opened.shown(&run.recording.folder));
    Ok(runs)
}

/// What decides the comparison that a run belongs to.
pub fn rule(spec: &Spec, scenario: Option<&'static Scenario>) -> Rule<'static> {
    let named = spec.purpose.pair().map_or(&[][..], |pair| &pair.metrics[..]);
    let metrics = chosen(named, scenario);
    let first = metrics.first().filter(|_| !named.is_empty()).map(|metric| metric.name);
    let primary = first.or(scenario.map(|scenario| scenario.primary)).unwrap_or(METRICS[0].name);
    Rule {
        primary,
        metrics,
        alpha: if spec.purpose.pair().is_some_and(|pair| pair.interim) {
            POCOCK[0].alpha
        } else {
            0.05
        },
    }
}

/// The runs in a folder, by name: the folder itself if it is a run's. What a sweep added is in a
/// folder below.
fn run_folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if folder::is_recording(folder) {
        return Ok(vec![folder.to_owned()]);
    }
    let runs =
        recordings_in(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let larger = recordings_in(&folder.join(LARGER)).unwrap_or_default();
    ensure!(!runs.is_empty(), "there is no recording in {}: lab run makes one", folder.display());
    Ok(runs.into_iter().chain(larger).collect())
}

/// The subfolder for runs that a sweep adds because an exponent was undecided.
pub const LARGER: &str = "larger";

fn recordings_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let mut runs: Vec<PathBuf> = entries.filter(|path| folder::is_recording(path)).collect();
    runs.sort();
    Ok(runs)
}

/// The invocations in a folder: itself, or those that `lab verify` made in it, by name, packed ones
/// too.
///
/// # Errors
/// If there is no recording.
pub fn invocations(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let none = match run_folders(folder) {
        Ok(_) => return Ok(vec![folder.to_owned()]),
        Err(error) => error,
    };
    let entries =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_packed =
        |path: &Path| path.extension().is_some_and(|extension| extension == pack::EXTENSION);
    let is_invocation = |path: &PathBuf| is_packed(path) || run_folders(path).is_ok();
    let mut invocations: Vec<PathBuf> = entries.filter(is_invocation).collect();
    invocations.sort();
    if invocations.is_empty() { Err(none) } else { Ok(invocations) }
}

/// The newest invocation in the folder that recordings go to.
pub fn newest(out: &Path) -> anyhow::Result<PathBuf> {
    let nothing = || format!("there is no recording in {}: lab run makes one", out.display());
    let made = std::fs::read_dir(out)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| invocations(&entry.path()).is_ok());
    let newest = made.max_by_key(|entry| entry.metadata().and_then(|m| m.modified()).ok());
    Ok(newest.with_context(nothing)?.path())
}
