//! What was taken for what.

use crate::score::judge::{Judged, name};
use lab_recording::Cause;
use std::collections::BTreeMap;

/// What a run was taken for: the costliest accusation, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// This cause.
    Found(Cause),
    /// Nothing is wrong with it.
    Nothing,
    /// It cannot be told.
    CouldNotTell,
}

impl Column {
    /// What it is called.
    pub fn name(self) -> String {
        match self {
            Column::Found(cause) => name(cause),
            Column::Nothing => "nothing".into(),
            Column::CouldNotTell => "could not tell".into(),
        }
    }
}

/// Rows are the truth, columns what was found. Only those that occur, and always the last two
/// columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// What was found.
    pub columns: Vec<Column>,
    /// The truth, with how often each column was found. The last one is `healthy`.
    pub rows: Vec<(String, Vec<u64>)>,
}

impl Matrix {
    /// Counts runs.
    pub fn of<'a>(runs: impl Iterator<Item = &'a Judged>) -> Matrix {
        let mut counts: BTreeMap<(Cause, Column), u64> = BTreeMap::new();
        for judged in runs {
            let column = match judged.found {
                Some(cause) => Column::Found(cause),
                None if judged.is_doubtful() => Column::CouldNotTell,
                None => Column::Nothing,
            };
            *counts.entry((judged.truth.unwrap_or(Cause::Healthy), column)).or_default() += 1;
        }
        let mut columns: Vec<Column> = counts.keys().map(|(_, column)| *column).collect();
        columns.extend([Column::Nothing, Column::CouldNotTell]);
        columns.sort();
        columns.dedup();
        let mut truths: Vec<Cause> = counts.keys().map(|(truth, _)| *truth).collect();
        truths.dedup();
        let count = |truth, column: &Column| counts.get(&(truth, *column)).copied().unwrap_or(0);
        let row = |truth: &Cause| {
            (name(*truth), columns.iter().map(|column| count(*truth, column)).collect())
        };
        Matrix { rows: truths.iter().map(row).collect(), columns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Answer;

    #[test]
    fn each_run_is_in_one_place() {
        let of = |truth: Option<Cause>, said: &[Cause]| {
            let answer = |cause: &Cause| Answer { cause: *cause, at: None };
            Judged::of(
                truth.as_ref().map(answer).as_ref(),
                &said.iter().map(answer).collect::<Vec<_>>(),
            )
        };
        let runs = [
            of(Some(Cause::LongPoll), &[Cause::LongPoll, Cause::Leak]),
            of(Some(Cause::LongPoll), &[Cause::BlockingCall]),
            of(Some(Cause::LongPoll), &[Cause::Overload]),
            of(None, &[]),
            of(None, &[Cause::Healthy]),
        ];
        let matrix = Matrix::of(runs.iter());
        let heads: Vec<String> = matrix.columns.iter().map(|column| column.name()).collect();
        assert_eq!(heads, ["long-poll", "blocking-call", "nothing", "could not tell"]);
        assert_eq!(
            matrix.rows,
            [("long-poll".into(), vec![1, 1, 0, 1]), ("healthy".into(), vec![0, 0, 2, 0])]
        );
    }
}
