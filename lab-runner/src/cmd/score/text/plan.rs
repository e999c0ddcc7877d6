//! The planned runs of a score.

use crate::engine::plan::ScorePlan;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    cell: &'a lab_analysis::score::Cell,
    planned_load: &'a lab_recording::Load,
    takes_ms: u64,
}

/// Prints a plan, one line per run, and the number of runs left out; or a JSON array.
pub(crate) fn print_plan(plan: &ScorePlan, json: bool, to: &mut dyn Write) -> io::Result<()> {
    if json {
        let all = plan.cells.iter().map(|cell| Shown {
            cell: &cell.cell,
            planned_load: &cell.run.load,
            takes_ms: cell.takes.as_millis() as u64,
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
            "{folder:<34} seed {seed:<3} {load:<4} load, workers {workers}, about {takes:.1} \
             s{neighbour}"
        )?;
    }
    let left = plan.left_out;
    let (cells, all, seconds) =
        (plan.cells.len(), plan.cells.len().saturating_add(left.no_time), plan.takes().as_secs());
    writeln!(
        to,
        "{cells} of {all} planned runs, about {seconds} s; not planned: {} in which the fault does \
         not occur, {} whose load the scenario refuses",
        left.label_does_not_hold, left.refused
    )
}
