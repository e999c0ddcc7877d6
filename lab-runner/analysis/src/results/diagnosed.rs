//! The diagnoses of an invocation, and the effect of a fix.

use crate::diagnosis::fix_outcome::{FixOutcome, fix_outcome};
use crate::diagnosis::{Case, Diagnosis, diagnose};
use crate::evidence::{label, own_crate};
use crate::profile::{self, Profile};
use crate::results::Results;
use lab_recording::post_mortem::PostMortem;
use lab_recording::spec::{Side, Spec};

/// The diagnosis of a run, or of one side of a comparison.
#[derive(Clone, Debug)]
pub struct Diagnosed {
    /// The name beside other runs.
    pub label: String,
    /// The variant.
    pub variant: String,
    /// The side, in a comparison.
    pub side: Option<Side>,
    /// The diagnosis.
    pub diagnosis: Diagnosis,
    /// The post-mortem, if the run was killed at its deadline.
    pub post_mortem: Option<PostMortem>,
}

/// Diagnoses each variant of a report, in a comparison each side: its first run with its
/// profiles.
pub fn all(report: &Results) -> Vec<Diagnosed> {
    let key = |spec: &Spec| (spec.variant.clone(), spec.side(), spec.purpose.ratio());
    let mut done: Vec<(String, Option<Side>, usize)> = Vec::new();
    let mut all = Vec::new();
    for (run, _) in &report.runs {
        let spec = &run.recording.spec;
        let key = key(spec);
        if spec.purpose.ratio() > 1 || done.contains(&key) {
            continue;
        }
        let side = key.1;
        let ended = run.recording.outcome.ending;
        let is_its = |profile: &&Profile| {
            (&profile.spec.variant, profile.side()) == (&spec.variant, side)
                && !profile.was_killed_beside(ended)
        };
        let profiles: Vec<Profile> = report.profiles.iter().filter(is_its).cloned().collect();
        let (post_mortem, panics) = profile::last_words(&run.recording.folder);
        let case = Case {
            measured: Some(run),
            profiles: &profiles,
            post_mortem: post_mortem.as_ref(),
            panics: &panics,
            own_crate: own_crate(report.scenario),
        };
        let (diagnosis, post_mortem) = (diagnose(&case), case.fullest_post_mortem().cloned());
        all.push(Diagnosed {
            label: label(spec),
            variant: spec.variant.clone(),
            side,
            diagnosis,
            post_mortem,
        });
        done.push(key);
    }
    all
}

/// Notes on profiled runs that were killed although the measured run ended.
pub fn killed_profiles(report: &Results) -> Vec<String> {
    let measured = |profile: &Profile| {
        let runs = report.runs.iter().map(|(run, _)| &run.recording);
        let same =
            |spec: &Spec| (&spec.variant, spec.side()) == (&profile.spec.variant, profile.side());
        runs.into_iter()
            .find(|recording| same(&recording.spec))
            .map(|recording| recording.outcome.ending)
    };
    let killed = |profile: &&Profile| {
        measured(profile).is_some_and(|ending| profile.was_killed_beside(ending))
    };
    let sentence = |profile: &Profile| {
        let (variant, seconds) = (&profile.spec.variant, profile.spec.timeout_ms as f64 / 1e3);
        format!(
            "the {} run of {variant} was killed after {seconds} s, and is not used",
            profile.profiler
        )
    };
    report.profiles.iter().filter(killed).map(sentence).collect()
}

/// The effect of the fix, in a comparison.
pub fn fix(report: &Results) -> Option<FixOutcome> {
    let side = |side: Side| {
        report.diagnoses.iter().find(move |of| of.side == Some(side)).map(|of| &of.diagnosis)
    };
    Some(fix_outcome(side(Side::A)?, side(Side::B)?))
}
