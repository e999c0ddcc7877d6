//! Negative controls: a claim that the default fix keeps and a trap must break. They expose a
//! comparison that accepts every variant, and a claim that no variant can break.

use crate::claims::{Judged, Verdict, is_about_a_sweep, judge_one, judge_one_swept};
use crate::growth::sweep::Sweep;
use crate::requests::Analysis;
use lab_kit::{Claim, Control, Scenario};
use lab_recording::Kind;

/// A judged negative control.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedControl {
    /// The trap.
    pub trap: &'static str,
    /// The claim on the trap, which must be broken.
    pub on_trap: Judged,
    /// The same claim on the default fix, which must hold.
    pub on_fix: Judged,
}

impl JudgedControl {
    /// Held if the trap breaks the claim and the fix keeps it, broken if the trap passes as
    /// a fix or the fix fails.
    pub fn verdict(&self) -> Verdict {
        match (self.on_trap.verdict, self.on_fix.verdict) {
            (Verdict::Held, _) | (_, Verdict::Broken) => Verdict::Broken,
            (Verdict::Broken, Verdict::Held) => Verdict::Held,
            _ => Verdict::NotMeasured,
        }
    }
}

/// Judges each control whose trap and fix are among these runs.
pub fn controls(
    scenario: &'static Scenario,
    runs: &[Analysis],
    sweep: Option<&Sweep>,
) -> Vec<JudgedControl> {
    let Some(fix) = scenario.first(Kind::Fixed) else { return Vec::new() };
    let on = |variant: &str, claim: Claim| match is_about_a_sweep(&claim) {
        true => on_swept(variant, claim, sweep?, scenario),
        false => on_run(variant, claim, runs, scenario),
    };
    let tried = |control: &Control| {
        let (on_trap, on_fix) =
            (on(control.trap, control.pretends)?, on(fix.name, control.pretends)?);
        (on_trap.applicable && on_fix.applicable).then_some(JudgedControl {
            trap: control.trap,
            on_trap,
            on_fix,
        })
    };
    scenario.controls.iter().filter_map(tried).collect()
}

/// The claim of a negative control, judged on side B of each pair.
#[derive(Clone, Debug, PartialEq)]
pub struct PairedControl {
    /// The claim.
    pub claim: Claim,
    /// Pairs in which it held.
    pub held: usize,
    /// Pairs in which it was broken.
    pub broken: usize,
    /// Undecided pairs.
    pub undecided: usize,
}

/// Judges side B of each pair by the claims of the negative controls, as far as one pair
/// allows.
pub fn paired_controls(
    scenario: &Scenario,
    pairs: &[(&Analysis, &Analysis)],
) -> Vec<PairedControl> {
    let mut claims: Vec<Claim> = Vec::new();
    for control in scenario.controls {
        if !claims.contains(&control.pretends) {
            claims.push(control.pretends);
        }
    }
    claims.into_iter().filter_map(|claim| kept_in(claim, pairs, scenario)).collect()
}

fn kept_in(
    claim: Claim,
    pairs: &[(&Analysis, &Analysis)],
    scenario: &Scenario,
) -> Option<PairedControl> {
    let judge = |pair: &(&Analysis, &Analysis)| {
        judge_one(claim, pair.1, &[pair.0.clone(), pair.1.clone()], scenario)
    };
    let judged: Vec<Judged> = pairs.iter().map(judge).collect();
    let count = |verdict| judged.iter().filter(|judged| judged.verdict == verdict).count();
    let applicable = judged.iter().any(|judged| judged.applicable);
    let (held, broken, undecided) =
        (count(Verdict::Held), count(Verdict::Broken), count(Verdict::NotMeasured));
    applicable.then_some(PairedControl { claim, held, broken, undecided })
}

fn on_run(variant: &str, claim: Claim, runs: &[Analysis], scenario: &Scenario) -> Option<Judged> {
    let plain = |run: &&Analysis| {
        run.recording.spec.variant == variant && run.recording.spec.purpose.ratio() == 1
    };
    runs.iter().find(plain).map(|run| judge_one(claim, run, runs, scenario))
}

fn on_swept(variant: &str, claim: Claim, sweep: &Sweep, scenario: &Scenario) -> Option<Judged> {
    Some(judge_one_swept(claim, sweep.variant(variant)?, sweep, scenario))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(on_trap: Verdict, on_fix: Verdict) -> Verdict {
        let claim = Claim::metric("", "lost").equal(0.0);
        let judged =
            |verdict| Judged { claim, verdict, value: None, reason: None, applicable: true };
        JudgedControl { trap: "trap", on_trap: judged(on_trap), on_fix: judged(on_fix) }.verdict()
    }

    #[test]
    fn a_control_holds_only_if_the_fix_keeps_what_the_trap_breaks() {
        use Verdict::{Broken, Held, NotMeasured};
        assert_eq!(tried(Broken, Held), Held);
        assert_eq!(
            [tried(Held, Held), tried(Held, NotMeasured)],
            [Broken; 2],
            "the trap passes as a fix"
        );
        assert_eq!(
            [tried(Broken, Broken), tried(NotMeasured, Broken)],
            [Broken; 2],
            "no variant would keep it"
        );
        assert_eq!([tried(NotMeasured, Held), tried(Broken, NotMeasured)], [NotMeasured; 2]);
    }
}
