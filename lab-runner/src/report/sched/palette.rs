//! Colours of groups of tasks: the same in all pictures of a page, however each run orders its
//! groups.

use crate::report::sched::words::{Run, named_at};
use lab_analysis::scheduler::Group;

/// Colours that the style sheet has; more groups than that begin anew.
const COLOURS: usize = 6;

/// Which group has which colour.
#[derive(Clone, Debug, Default)]
pub(crate) struct Palette(Vec<String>);

impl Palette {
    /// Of all groups that these runs tell of, first come, first served.
    pub fn new(runs: &[Run<'_>]) -> Palette {
        let mut known: Vec<String> = Vec::new();
        let told = runs.iter().flat_map(|run| {
            run.told_groups(COLOURS).into_iter().filter_map(|number| run.group(number))
        });
        let rest = runs.iter().flat_map(|run| &run.sched.groups);
        for name in told.chain(rest).map(named_at) {
            if !known.contains(&name) {
                known.push(name);
            }
        }
        Palette(known)
    }

    /// The group's class in the style sheet.
    pub fn class(&self, group: Option<&Group>) -> String {
        let place =
            group.and_then(|group| self.0.iter().position(|known| *known == named_at(group)));
        format!("g{}", place.unwrap_or(COLOURS - 1) % COLOURS)
    }
}
