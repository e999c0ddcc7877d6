//! A score as one JSON document, `lab.score.v2`.

use crate::cmd::score::text::measures;
use lab_analysis::score::{DetectionTime, LeftOut, Matrix, Run, Score, Share, Tally};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The document of `lab score --format json`.
#[derive(Debug, Serialize)]
pub(crate) struct ScoreDocument<'a> {
    schema: &'static str,
    thorough: bool,
    planned: usize,
    left_out: LeftOut,
    unread: usize,
    overall: Measures,
    groups: Vec<Group>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scanner: Option<Scanner<'a>>,
    matrix: Counts,
    runs: &'a [Run],
    recording: PathBuf,
}

#[derive(Debug, Serialize)]
struct Group {
    name: String,
    #[serde(flatten)]
    measures: Measures,
}

#[derive(Debug, Serialize)]
struct Scanner<'a> {
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<&'a str>,
    crashed: ByKind,
    matrix: Counts,
    #[serde(flatten)]
    measures: Measures,
}

/// The measures, by name.
#[derive(Debug, Serialize)]
struct Measures {
    #[serde(flatten)]
    shares: BTreeMap<String, OneShare>,
    false_positives: u64,
    undecided: ByKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    detection_time: Option<DetectionTime>,
}

#[derive(Debug, Serialize)]
struct ByKind {
    faulty: u64,
    healthy: u64,
}

#[derive(Debug, Serialize)]
struct OneShare {
    hits: u64,
    of: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    ci: [f64; 2],
}

#[derive(Debug, Serialize)]
struct Counts {
    columns: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    truth: String,
    counts: Vec<u64>,
}

/// The document of a score.
pub(crate) fn document<'a>(score: &'a Score, folder: &Path) -> ScoreDocument<'a> {
    let scanner = score.recorded.scanner.as_deref().zip(score.other());
    ScoreDocument {
        schema: "lab.score.v2",
        thorough: score.recorded.thorough,
        planned: score.recorded.planned(),
        left_out: score.recorded.left_out,
        unread: score.unread(),
        overall: measures_of(&score.overall()),
        groups: score
            .groups()
            .into_iter()
            .map(|(name, tally)| Group { name, measures: measures_of(&tally) })
            .collect(),
        scanner: scanner.map(|(command, tally)| Scanner {
            command,
            versions: score.recorded.scanner_versions.as_deref(),
            crashed: by_kind(tally.crashed),
            matrix: counts(score.other_matrix()),
            measures: measures_of(&tally),
        }),
        matrix: counts(score.matrix()),
        runs: &score.runs,
        recording: folder.to_owned(),
    }
}

fn counts(matrix: Matrix) -> Counts {
    Counts {
        columns: matrix.columns.iter().map(|column| column.name()).collect(),
        rows: matrix.rows.into_iter().map(|(truth, counts)| Row { truth, counts }).collect(),
    }
}

fn by_kind([faulty, healthy]: [u64; 2]) -> ByKind {
    ByKind { faulty, healthy }
}

fn measures_of(tally: &Tally) -> Measures {
    let share = |share: Share| {
        let (low, high) = share.interval();
        OneShare { hits: share.hits, of: share.of, share: share.value(), ci: [low, high] }
    };
    Measures {
        shares: measures(tally)
            .into_iter()
            .map(|(name, of)| (name.replace(' ', "_"), share(of)))
            .collect(),
        false_positives: tally.false_positives,
        undecided: by_kind(tally.undecided),
        detection_time: tally.detection_time,
    }
}
