//! The result of `lab verify`: a line a scenario, and every claim that failed.

use crate::report::Style;
use crate::report::detail::{colour, environment, print_claim};
use crate::report::json::{Document, document};
use crate::report::table::{BOLD, DIM};
use crate::report::units::ascii;
use lab_analysis::claims::control::JudgedControl;
use lab_analysis::claims::{Judged, Verdict, is_about_a_profiler, is_about_a_sweep};
use lab_analysis::host::disturbed;
use lab_analysis::results::{Results, invocations};
use lab_kit::{Claim, Scenario};
use lab_recording::Kind;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A scenario's runs, and those that were done once more because a claim broke.
#[derive(Debug)]
pub(crate) struct Verified {
    pub report: Results,
    pub again: Option<Results>,
}

/// The machine-readable result of `lab verify`.
#[derive(Debug, Serialize)]
pub(crate) struct VerifyResult<'a> {
    schema: &'static str,
    pub verdict: Verdict,
    held: usize,
    broken: usize,
    pub not_measured: usize,
    /// The traps, checked against the claims that the default fix keeps; those that passed for a
    /// fix were repeated.
    controls: Vec<OneControl>,
    scenarios: Vec<Document<'a>>,
}

#[derive(Debug, Serialize)]
struct OneControl {
    scenario: String,
    trap: &'static str,
    pretends: &'static str,
    verdict: Verdict,
    /// The measured values of the trap and of the default fix.
    values: [Option<f64>; 2],
}

/// Reads what `lab verify` recorded, or whatever invocations there are in a folder; nothing if it
/// is an invocation itself.
///
/// # Errors
/// If it holds a recording that a newer lab wrote.
pub(crate) fn read(
    folder: &Path,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Option<Vec<Verified>>> {
    let Ok(invocations) = invocations(folder) else { return Ok(None) };
    if invocations == [folder] {
        return Ok(None);
    }
    let again = |path: &Path| path.to_string_lossy().ends_with(AGAIN);
    let one = |path: &PathBuf| {
        let confirmed = PathBuf::from(format!("{}{AGAIN}", path.display()));
        let again = invocations.contains(&confirmed).then(|| Results::read(&confirmed, scenarios));
        Ok(Verified { report: Results::read(path, scenarios)?, again: again.transpose()? })
    };
    invocations.iter().filter(|path| !again(path)).map(one).collect::<anyhow::Result<_>>().map(Some)
}

/// Whether `lab verify` made a folder, by its name.
pub(crate) fn made(folder: &Path) -> bool {
    let name =
        folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.starts_with("verify-")
}

/// What the folder of runs that were done once more ends with.
pub(crate) const AGAIN: &str = "-again";

/// A claim with its final verdict.
struct Final<'a> {
    variant: &'a str,
    kind: Option<Kind>,
    claim: &'a Judged,
    /// The verdict when repeated, if it failed at first and was repeated.
    again: Option<Verdict>,
    /// What others took from the host meanwhile.
    disturbance: Option<String>,
}

impl Verified {
    /// All its reports, the confirming one last.
    pub fn reports(&self) -> impl Iterator<Item = &Results> {
        std::iter::once(&self.report).chain(&self.again)
    }

    /// Every claim that this could judge. One that broke counts as broken if it broke again.
    fn claims(&self) -> Vec<Final<'_>> {
        let applicable = self.report.claims().filter(|(_, claim)| claim.applicable);
        applicable.map(|(variant, claim)| self.settle(variant, claim)).collect()
    }

    fn settle<'a>(&'a self, variant: &'a str, first: &'a Judged) -> Final<'a> {
        let kind = self.kind(variant);
        let again = self
            .again
            .iter()
            .filter(|_| first.verdict == Verdict::Broken)
            .flat_map(Results::claims);
        let same =
            |(other, claim): &(&str, &Judged)| *other == variant && claim.claim == first.claim;
        // A variant has a claim on its ending once for each size: the worst of them counts.
        let worst = again
            .filter(same)
            .map(|(_, claim)| claim)
            .max_by_key(|claim| claim.verdict == Verdict::Broken);
        let runs = self.reports().flat_map(|report| &report.runs).map(|(run, _)| run);
        let disturbance =
            runs.filter(|run| run.recording.spec.variant == variant).find_map(disturbed);
        Final {
            variant,
            kind,
            claim: worst.unwrap_or(first),
            again: worst.map(|claim| claim.verdict),
            disturbance,
        }
    }

    /// The traps in the end: one that passed for a fix counts as that if it did so again.
    fn controls(&self) -> impl Iterator<Item = &JudgedControl> {
        let again = |first: &JudgedControl| {
            let again = self.again.iter().flat_map(|report| &report.controls);
            again.into_iter().find(|again| {
                again.trap == first.trap && again.on_trap.claim == first.on_trap.claim
            })
        };
        let broke = |control: &JudgedControl| control.verdict() == Verdict::Broken;
        self.report
            .controls
            .iter()
            .map(move |first| Some(first).filter(|c| broke(c)).and_then(again).unwrap_or(first))
    }

    fn kind(&self, variant: &str) -> Option<Kind> {
        let of_runs = self.report.runs.iter().map(|(run, _)| &run.recording.spec);
        of_runs.into_iter().find(|spec| spec.variant == variant).map(|spec| spec.kind)
    }
}

/// Sums everything up.
pub(crate) fn result(verified: &[Verified]) -> VerifyResult<'_> {
    let count = |verdict| {
        verified.iter().flat_map(Verified::claims).filter(|c| c.claim.verdict == verdict).count()
    };
    let (held, broken, not_measured) =
        (count(Verdict::Held), count(Verdict::Broken), count(Verdict::NotMeasured));
    let controls: Vec<OneControl> = verified.iter().flat_map(one_scenarios_controls).collect();
    let passed_for_a_fix =
        controls.iter().filter(|control| control.verdict == Verdict::Broken).count();
    let verdict = match (held, broken + passed_for_a_fix) {
        (_, 1..) => Verdict::Broken,
        (0, _) => Verdict::NotMeasured,
        _ => Verdict::Held,
    };
    let scenarios = verified.iter().map(|verified| document(&verified.report)).collect();
    VerifyResult {
        schema: "lab.verify.v2",
        verdict,
        held,
        broken,
        not_measured,
        controls,
        scenarios,
    }
}

fn one_scenarios_controls(verified: &Verified) -> Vec<OneControl> {
    let one = |tried: &JudgedControl| OneControl {
        scenario: verified.report.spec.scenario.clone(),
        trap: tried.trap,
        pretends: tried.on_trap.claim.says,
        verdict: tried.verdict(),
        values: [&tried.on_trap, &tried.on_fix]
            .map(|judged| judged.value.filter(|value| value.is_finite())),
    };
    verified.controls().map(one).collect()
}

/// Prints the result.
pub(crate) fn print(
    verified: &[Verified],
    folder: &Path,
    took: Option<Duration>,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    for one in verified {
        print_scenario(one, style, to)?;
    }
    let VerifyResult { held, broken, not_measured, verdict, controls, .. } = result(verified);
    let colour = colour(verdict);
    write!(to, "\n{colour}{held} claims hold, {broken} failed{colour:#}")?;
    match not_measured {
        0 => {}
        n => write!(to, ", {n} undecided on this machine, which is no failure")?,
    }
    let left = |is: fn(&Claim) -> bool| {
        let claims = verified.iter().flat_map(|verified| verified.report.claims());
        claims.filter(|(_, claim)| !claim.applicable && is(&claim.claim)).count()
    };
    for (count, what) in [
        (left(is_about_a_sweep), "larger sizes (lab sweep)"),
        (left(is_about_a_profiler), "a profiler (lab run)"),
    ] {
        if count > 0 {
            write!(to, ", {count} need {what}")?;
        }
    }
    let recognized = controls.iter().filter(|control| control.verdict == Verdict::Held).count();
    if !controls.is_empty() {
        write!(to, "; {recognized} of {} traps recognized as no fix", controls.len())?;
    }
    match took {
        Some(took) => writeln!(to, ", in {:.0} s", took.as_secs_f64())?,
        None => writeln!(to)?,
    }
    if let Some(first) = verified.first() {
        writeln!(to, "host       {}", ascii(&environment(&first.report.spec), style))?;
    }
    writeln!(to, "recording  {}", folder.display())
}

fn print_scenario(verified: &Verified, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let claims = verified.claims();
    let held = claims.iter().filter(|claim| claim.claim.verdict == Verdict::Held).count();
    let name = &verified.report.spec.scenario;
    writeln!(
        to,
        "{BOLD}{:<12}{BOLD:#} {held} of {} claims hold",
        ascii(name, style),
        claims.len()
    )?;
    for claim in
        claims.iter().filter(|claim| claim.claim.verdict != Verdict::Held || claim.again.is_some())
    {
        write!(to, "  {:<16}", ascii(claim.variant, style))?;
        print_claim(claim.claim, style, to)?;
        if let Some(meaning) = meaning(claim) {
            writeln!(to, "{DIM}  {:<16}{meaning}{DIM:#}", "")?;
        }
    }
    verified
        .controls()
        .filter(|tried| tried.verdict() != Verdict::Held)
        .try_for_each(|tried| print_control(tried, to))
}

/// A trap that passed for a fix.
fn print_control(tried: &JudgedControl, to: &mut dyn Write) -> io::Result<()> {
    let (claim, fix) = (&tried.on_trap.claim, &tried.on_fix);
    let why = match (tried.on_trap.verdict, fix.verdict) {
        (Verdict::Held, _) => "passes as a fix: it keeps the claim that a trap must break",
        (_, Verdict::Broken) => "undecided: the default fix does not keep the claim either",
        _ => "undecided",
    };
    let colour = colour(tried.verdict());
    let value = |judged: &Judged| {
        judged.value.map_or_else(|| "not measured".into(), |value| format!("{value:.3}"))
    };
    writeln!(to, "  {:<16}{colour}{why}{colour:#}: {} ({claim})", tried.trap, claim.says)?;
    writeln!(
        to,
        "{DIM}  {:<16}{} of the trap, {} of the fix{DIM:#}",
        "",
        value(&tried.on_trap),
        value(fix)
    )
}

/// The possible meaning of a failed claim.
fn meaning(claim: &Final<'_>) -> Option<String> {
    let faulty = matches!(claim.kind, Some(Kind::Buggy | Kind::Trap));
    let may_mean = match (&claim.disturbance, faulty) {
        (Some(disturbance), _) => {
            &format!("{disturbance}: repeat it on a quiet host before blaming tokio")
        }
        (None, true) => {
            "the fault behaves differently; a new version of tokio or futures may have fixed or \
             moved it"
        }
        (None, false) => {
            "a variant that should be healthy is not; look at new versions of tokio or futures \
             first"
        }
    };
    match (claim.claim.verdict, claim.again) {
        (Verdict::Broken, Some(_)) => Some(format!("failed twice: {may_mean}")),
        (Verdict::Broken, None) => Some(format!("failed, and not repeated: {may_mean}")),
        (Verdict::Held, Some(_)) => {
            Some("failed once, and held when repeated in new processes".into())
        }
        (Verdict::NotMeasured, Some(_)) => Some("failed once, and undecided when repeated".into()),
        (_, None) => None,
    }
}
