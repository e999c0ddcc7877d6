//! Whether a fix removed the cause found before it, and which causes are new. Pure.

use crate::diagnosis::{Diagnosis, Finding};
use lab_recording::Cause;
use serde::Serialize;

/// The effect of a fix on the cause found before it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FixOutcome {
    /// The cause found before; none if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The function of that cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Whether the cause is gone.
    pub gone: Gone,
    /// The reason, a clause.
    pub reason: String,
    /// The findings after the fix whose cause was not found before.
    pub moved_to: Vec<String>,
}

/// Whether a cause is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Gone {
    /// The same examination does not find it.
    #[serde(rename = "yes")]
    Yes,
    /// It is still found.
    #[serde(rename = "no")]
    No,
    /// Too little was examined, before or after.
    #[serde(rename = "undecided")]
    Undecided,
}

impl Gone {
    /// The value in reports and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Gone::Yes => "yes",
            Gone::No => "no",
            Gone::Undecided => "undecided",
        }
    }
}

/// Compares the diagnosis after a fix with the one before.
pub fn fix_outcome(before: &Diagnosis, after: &Diagnosis) -> FixOutcome {
    let accused = |diagnosis: &Diagnosis| -> Vec<Finding> {
        diagnosis.findings.iter().filter(|finding| finding.cause.accuses()).cloned().collect()
    };
    let (was, is) = (accused(before), accused(after));
    let moved_to = is
        .iter()
        .filter(|finding| was.iter().all(|before| before.cause != finding.cause))
        .map(words)
        .collect();
    let Some(named) = was.first() else {
        let reason = if before.polls_recorded {
            "no cause was found before"
        } else {
            "no polls were recorded before"
        };
        return FixOutcome {
            cause: None,
            function: None,
            gone: Gone::Undecided,
            reason: reason.into(),
            moved_to,
        };
    };
    let (gone, reason) = match is.iter().find(|finding| finding.cause == named.cause) {
        Some(still) => (Gone::No, format!("still found after: {}", words(still))),
        None if !after.polls_recorded => {
            (Gone::Undecided, "no polls were recorded after".to_owned())
        }
        None => match too_small(named.cause, after).or_else(|| missed(before, after)) {
            Some(reason) => (Gone::Undecided, reason),
            None => (Gone::Yes, "the same examination does not find it after".to_owned()),
        },
    };
    FixOutcome {
        cause: Some(named.cause),
        function: named.function.clone(),
        gone,
        reason,
        moved_to,
    }
}

/// Why the cause is undecided if it is found after with a cost below the profiling overhead.
fn too_small(cause: Cause, after: &Diagnosis) -> Option<String> {
    let small = after.below_overhead.iter().find(|small| small.cause == cause)?;
    Some(format!(
        "the rest of it after {}",
        small.reason.replacen(" is smaller", ", is smaller", 1)
    ))
}

/// A kind of faults that was examined before but not after.
fn missed(before: &Diagnosis, after: &Diagnosis) -> Option<String> {
    let missed = before.examined.iter().find(|what| !after.examined.contains(what))?;
    Some(format!("not examined after: {missed}"))
}

fn words(finding: &Finding) -> String {
    let place = finding.function.as_ref().map_or_else(String::new, |at| format!(" in {at}"));
    format!("{}{place}", finding.cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{BelowOverhead, Cost};

    fn found(causes: &[Cause]) -> Diagnosis {
        let finding = |cause: &Cause| Finding {
            cause: *cause,
            function: Some("shop::import".into()),
            file: None,
            line: None,
            cost: Cost::default(),
            evidence: Vec::new(),
            refuted_by: "",
            remedy: "",
            chapter: "",
        };
        Diagnosis {
            findings: causes.iter().map(finding).collect(),
            examined: vec!["long polls".into()],
            not_examined: Vec::new(),
            below_overhead: Vec::new(),
            polls_recorded: true,
            hung: false,
            unexplained: Vec::new(),
            waits_outside: Vec::new(),
            memory_kept: false,
            without_symptoms: Vec::new(),
        }
    }

    #[test]
    fn a_cause_is_gone_if_the_same_look_does_not_find_it() {
        let faulty = found(&[Cause::LongPoll]);
        assert_eq!(fix_outcome(&faulty, &found(&[])).gone, Gone::Yes);
        assert_eq!(fix_outcome(&faulty, &found(&[Cause::HostNoise])).gone, Gone::Yes);
        let still = fix_outcome(&faulty, &found(&[Cause::LongPoll]));
        assert_eq!((still.gone, still.moved_to.is_empty()), (Gone::No, true));
    }

    #[test]
    fn what_is_new_is_where_the_cost_went() {
        let moved = fix_outcome(&found(&[Cause::BlockingCall]), &found(&[Cause::PoolExhausted]));
        assert_eq!(
            (moved.gone, &moved.moved_to[..]),
            (Gone::Yes, &["pool exhausted in shop::import".to_owned()][..])
        );
    }

    #[test]
    fn a_cause_that_shrank_below_what_overhead_cost_is_not_known_to_be_gone() {
        let small = BelowOverhead {
            cause: Cause::LongPoll,
            function: None,
            reason: "2.00 % is smaller than the profiling overhead, 3.00 %".into(),
        };
        let after = Diagnosis { below_overhead: vec![small], ..found(&[]) };
        let cured = fix_outcome(&found(&[Cause::LongPoll]), &after);
        assert_eq!(cured.gone, Gone::Undecided);
        assert!(
            cured.reason.contains("2.00 %, is smaller than the profiling overhead"),
            "{}",
            cured.reason
        );
        assert_eq!(
            crate::diagnosis::fix_outcome::fix_outcome(&found(&[Cause::Leak]), &after).gone,
            Gone::Yes,
            "of another cause it says nothing"
        );
    }

    #[test]
    fn who_did_not_look_cannot_tell() {
        let faulty = found(&[Cause::LongPoll]);
        assert_eq!(fix_outcome(&found(&[]), &found(&[])).gone, Gone::Undecided);
        assert_eq!(
            fix_outcome(&faulty, &Diagnosis { polls_recorded: false, ..found(&[]) }).gone,
            Gone::Undecided
        );
        let looked_less = Diagnosis { examined: Vec::new(), ..found(&[]) };
        assert!(fix_outcome(&faulty, &looked_less).reason.contains("long polls"));
    }
}
