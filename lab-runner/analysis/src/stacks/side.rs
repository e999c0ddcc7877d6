//! One side of a difference: a profile with what it was measured in, and how two of them come to
//! one scale.

use crate::stacks::Folded;
use anyhow::{Result, ensure};

/// A profile and what its numbers mean.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The name of the side, as it follows a number: `before`, `in fixed`.
    pub label: &'a str,
    /// The weights, in `unit`, of the whole profile.
    pub folded: &'a Folded,
    /// The unit: `samples`, `ns`, `us`, `bytes`.
    pub unit: &'a str,
    /// How many samples each weight comes from; none if the weights are the samples.
    pub samples: Option<&'a Folded>,
    /// Operations completed during the recording; none if not counted.
    pub ops: Option<u64>,
    /// The name of one operation: `request`, `item`.
    pub op: &'a str,
}

impl Side<'_> {
    /// The number of samples behind each stack.
    pub fn counts(&self) -> &Folded {
        self.samples.unwrap_or(self.folded)
    }

    /// Operations, where there were any.
    pub fn some_ops(&self) -> Option<f64> {
        self.ops.filter(|ops| *ops > 0).map(|ops| ops as f64)
    }
}

/// The divisors of both sides' weights, and the resulting unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    pub before: f64,
    pub after: f64,
    /// Of an amount: `us`, or `%`.
    pub unit: String,
    /// The reference of an amount: `per request`, or `of all us`.
    pub per: String,
    /// A note on the comparison.
    pub note: Option<String>,
}

impl Scale {
    /// The scale that both sides can be read in: one operation, or else each side's own total.
    pub fn new(before: &Side, after: &Side) -> Result<Scale> {
        let Side { unit, op, .. } = *before;
        ensure!(unit == after.unit, "{unit} and {} cannot be compared", after.unit);
        ensure!(op == after.op, "one {op} and one {} cannot be compared", after.op);
        Ok(match (before.some_ops(), after.some_ops()) {
            (Some(b), Some(a)) => Scale {
                before: b,
                after: a,
                unit: unit.into(),
                per: format!("per {op}"),
                note: None,
            },
            _ => Scale::by_totals(before, after),
        })
    }

    fn by_totals(before: &Side, after: &Side) -> Scale {
        // Of nothing, nothing has a share: 0/1.
        let percent =
            |side: &Side| if side.folded.is_empty() { 1.0 } else { side.folded.total() / 100.0 };
        let unknown: Vec<&str> = [before, after]
            .into_iter()
            .filter(|side| side.some_ops().is_none())
            .map(|side| side.label)
            .collect();
        let note = format!(
            "the number of {}s {} is unknown: shares of each side's own total, where one function \
             grows when another shrinks",
            before.op,
            unknown.join(" or ")
        );
        let (before, after, per) =
            (percent(before), percent(after), format!("of all {}", before.unit));
        Scale { before, after, unit: "%".into(), per, note: Some(note) }
    }
}
