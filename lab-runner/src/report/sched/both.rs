//! Two sides of a comparison beside each other: the same waiting before and after, by how much it
//! shrank.

use crate::report::Style;
use crate::report::sched::words::{LISTED, Run};
use crate::report::units::three_digits;
use lab_analysis::scheduler::{Culprit, Edge};

/// Factors nearer to one than this are no change worth words.
const SAME: f64 = 1.05;

/// The key of an edge that finds it in another run: where the culprits were
/// spawned, and who waited. Functions differ between variants, and places of spawn do not.
type Key = (Option<String>, String);

fn key(run: &Run<'_>, edge: &Edge) -> Key {
    let culprit = match edge.culprit {
        Culprit::TaskKind(number) => {
            run.task_kind(number).map(|task_kind| task_kind.spawned_at.clone())
        }
        _ => None,
    };
    (culprit, run.task_kind_name(edge.victim))
}

/// Waiting that the same culprits inflict on the same tasks.
fn waited(run: &Run<'_>, wanted: &Key) -> f64 {
    let edges = run.sched.blame.iter().flat_map(|blame| &blame.edges);
    let same =
        |edge: &&Edge| matches!(edge.culprit, Culprit::TaskKind(_)) && key(run, edge) == *wanted;
    edges.filter(same).map(|edge| edge.ms).sum()
}

/// The culprits of either side, and the sides without one.
pub(crate) fn blames(before: &Run<'_>, after: &Run<'_>, style: Style) -> Vec<String> {
    let sides = [before, after];
    let all =
        sides.into_iter().flat_map(|run| run.blamed().into_iter().map(move |edge| (run, edge)));
    let mut rows: Vec<(Key, String)> = Vec::new();
    for (run, edge) in all {
        let key = key(run, edge);
        if rows.len() < LISTED && !rows.iter().any(|(known, _)| *known == key) {
            let sentence =
                format!("{} waited for {}", run.task_kind_name(edge.victim), run.charged_to(edge));
            let times = sides.map(|side| waited(side, &key));
            rows.push((key, format!("{sentence}: {}", beside(sides, times, style))));
        }
    }
    let no_culprit = sides
        .into_iter()
        .filter(|run| run.blamed().is_empty())
        .map(|run| run.named(&run.no_culprit(style)));
    rows.into_iter().map(|(_, text)| text).chain(no_culprit).collect()
}

/// `612 ms per request buggy, 31.0 µs fixed, 19 700 times less`
fn beside([before, after]: [&Run<'_>; 2], [was, is]: [f64; 2], style: Style) -> String {
    let known = |run: &Run<'_>| run.sched.blame.is_some();
    if !known(before) || !known(after) {
        let run = if known(before) { before } else { after };
        return format!(
            "{} {}, not recorded in the other run",
            run.amount(was + is, style),
            run.label
        );
    }
    let amount =
        |run: &Run<'_>, ms: f64| if ms > 0.0 { run.per_op(ms, style) } else { "none".into() };
    let per = if before.profile.ops.is_some() {
        format!(" per {}", before.op)
    } else {
        " in total".into()
    };
    let ratio = ratio_in_words(before.per_op_ms(was), after.per_op_ms(is));
    format!(
        "{}{per} {}, {} {}{ratio}",
        amount(before, was),
        before.label,
        amount(after, is),
        after.label
    )
}

fn ratio_in_words(was: f64, is: f64) -> String {
    match (was / is, is / was) {
        _ if was <= 0.0 || is <= 0.0 => String::new(),
        (less, _) if less >= SAME => format!(", {} times less", three_digits(less)),
        (_, more) if more >= SAME => format!(", {} times as much", three_digits(more)),
        _ => ", as much".into(),
    }
}
