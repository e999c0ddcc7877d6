//! The planned runs of a score.

use crate::engine::plan::{ScoreCell, ScorePlan};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    cell: &'a lab_analysis::score::Cell,
    asked: &'a lab_recording::Load,
    takes_ms: u64,
}

/// Prints a plan, a line a run, and what is left out; or an array of JSON.
pub(crate) fn print_plan(plan: &ScorePlan, json: bool, to: &mut dyn Write) -> io::Result<()> {
    if json {
        let shown = |cell: &'_ ScoreCell| cell.takes.as_millis() as u64;
        let all = plan.cells.iter().map(|cell| Shown {
            cell: &cell.cell,
            asked: &cell.run.load,
            takes_ms: shown(cell),
        });
        serde_json::to_writer_pretty(&mut *to, &all.collect::<Vec<_>>())
            .map_err(io::Error::from)?;
        return writeln!(to);
    }
    for cell in &plan.cells {
        let of = &cell.cell;
        let neighbour = if of.neighbour { " neighbour" } else { "" };
        let takes = cell.takes.as_secs_f64();
        let (folder, seed, load, workers) = (&of.folder, of.seed, &of.load, of.workers);
        writeln!(
            to,
            "{folder:<34} seed {seed:<3} {load:<4} load, workers {workers}, about {takes:.1} s{neighbour}"
        )?;
    }
    let left = plan.left_out;
    let (cells, all, seconds) =
        (plan.cells.len(), plan.cells.len() + left.no_time, plan.takes().as_secs());
    writeln!(
        to,
        "{cells} of {all} planned runs, about {seconds} s; not planned: {} in which the fault does not occur, {} with a load that is refused",
        left.label_does_not_hold, left.refused
    )
}
