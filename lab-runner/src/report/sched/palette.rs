//! Colours of task kinds: the same in all pictures of a page, however each run orders its
//! task kinds.

use crate::report::sched::words::{Run, named_at};
use lab_analysis::scheduler::TaskKind;

/// Colours that the style sheet has; more task kinds than that begin anew.
const COLOURS: usize = 6;

/// Which task kind has which colour.
#[derive(Clone, Debug, Default)]
pub(crate) struct Palette(Vec<String>);

impl Palette {
    /// Of all task kinds that these runs tell of, first come, first served.
    pub fn new(runs: &[Run<'_>]) -> Palette {
        let mut known: Vec<String> = Vec::new();
        let listed = runs.iter().flat_map(|run| {
            run.shown_task_kinds(COLOURS).into_iter().filter_map(|number| run.task_kind(number))
        });
        let rest = runs.iter().flat_map(|run| &run.sched.task_kinds);
        for name in listed.chain(rest).map(named_at) {
            if !known.contains(&name) {
                known.push(name);
            }
        }
        Palette(known)
    }

    /// The task kind's class in the style sheet.
    pub fn class(&self, task_kind: Option<&TaskKind>) -> String {
        let place = task_kind
            .and_then(|task_kind| self.0.iter().position(|known| *known == named_at(task_kind)));
        format!("g{}", place.unwrap_or(COLOURS - 1) % COLOURS)
    }
}
