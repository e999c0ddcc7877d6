//! The confusion matrix: true causes against found ones.

use crate::score::judge::{CRASHED, Judged, Judgement, name};
use lab_recording::Cause;
use std::collections::BTreeMap;

/// A column of the matrix: the cause of the costliest finding, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// This cause.
    Found(Cause),
    /// No finding.
    Nothing,
    /// Undecided.
    Undecided,
    /// The scanner failed.
    Crashed,
}

impl Column {
    /// The heading of the column.
    pub fn name(self) -> String {
        match self {
            Column::Found(cause) => name(cause),
            Column::Nothing => "nothing".into(),
            Column::Undecided => "undecided".into(),
            Column::Crashed => CRASHED.into(),
        }
    }
}

/// Rows are true causes, columns are found ones. Only those that occur, and always `nothing` and
/// `undecided`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// The found causes.
    pub columns: Vec<Column>,
    /// The true causes with the count of each column. The last one is `healthy`.
    pub rows: Vec<(String, Vec<u64>)>,
}

impl Matrix {
    /// Counts runs.
    pub fn from_runs<'a>(runs: impl Iterator<Item = &'a Judged>) -> Matrix {
        let mut counts: BTreeMap<(Cause, Column), u64> = BTreeMap::new();
        for judged in runs {
            let column = match judged.found {
                Some(cause) => Column::Found(cause),
                None if judged.is_undecided() => Column::Undecided,
                None if judged.judgement == Judgement::Crashed => Column::Crashed,
                None => Column::Nothing,
            };
            *counts.entry((judged.truth.unwrap_or(Cause::Healthy), column)).or_default() += 1;
        }
        let mut columns: Vec<Column> = counts.keys().map(|(_, column)| *column).collect();
        columns.extend([Column::Nothing, Column::Undecided]);
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
        let of = |truth: Option<Cause>, findings: &[Cause]| {
            let answer = |cause: &Cause| Answer { cause: *cause, function: None };
            Judged::new(
                truth.as_ref().map(answer).as_ref(),
                &findings.iter().map(answer).collect::<Vec<_>>(),
            )
        };
        let runs = [
            of(Some(Cause::LongPoll), &[Cause::LongPoll, Cause::Leak]),
            of(Some(Cause::LongPoll), &[Cause::BlockingCall]),
            of(Some(Cause::LongPoll), &[Cause::Overload]),
            of(None, &[]),
            of(None, &[Cause::Healthy]),
        ];
        let matrix = Matrix::from_runs(runs.iter());
        let heads: Vec<String> = matrix.columns.iter().map(|column| column.name()).collect();
        assert_eq!(heads, ["long-poll", "blocking-call", "nothing", "undecided"]);
        assert_eq!(
            matrix.rows,
            [("long-poll".into(), vec![1, 1, 0, 1]), ("healthy".into(), vec![0, 0, 2, 0])]
        );
    }

    #[test]
    fn a_crash_has_a_column_of_its_own() {
        let runs = ["crashed", "nothing", "unclear", "crashed"].map(|l| Judged::from_line(None, l));
        let matrix = Matrix::from_runs(runs.iter());
        let heads: Vec<String> = matrix.columns.iter().map(|column| column.name()).collect();
        assert_eq!(heads, ["nothing", "undecided", "crashed"]);
        assert_eq!(matrix.rows, [("healthy".into(), vec![1, 1, 2])]);
    }
}
