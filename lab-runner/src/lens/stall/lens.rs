//! The stall sampler as a lens: in the child it leaves addresses, in the parent these become names.

use super::{Counts, FILE, HZ, LONG_POLL_NS, Recording, Sampler, Symbols, hooks};
use crate::diagnose::doing::{IN_POLLS, in_polls};
use crate::lens::child::Instrument;
use crate::lens::hooks::{HOW_TO_SEE_POLLS, Hooks, SEES_POLLS, Task};
use crate::lens::price::{Priced, price};
use crate::lens::threads::tasks;
use crate::lens::watching::Price;
use crate::lens::{Note, ViewNote};
use std::collections::BTreeMap;
use std::path::Path;

/// The polls that took longer than their budget.
pub(crate) const POLLS: &str = "stall-polls.json";
/// What is done on the threads of the program, at each poll and for each sample.
pub(crate) const POLL: &str = "poll";
pub(crate) const SAMPLE: &str = "sample";
/// Polls of a block whose price is taken: a hundredth of a millisecond.
const POLLS_A_BLOCK: u32 = 250;

/// The sampler, in the child.
#[derive(Default)]
pub(crate) struct StallLens {
    sampler: Option<Sampler>,
    /// Asked of threads, once it has stopped.
    asked: Option<u64>,
}

impl StallLens {
    /// How many samples it has asked threads for, once it has stopped.
    pub fn asked(&self) -> Option<u64> {
        self.asked
    }
}

impl Instrument for StallLens {
    fn hooks(&self, all: &mut Hooks) {
        hooks::prepare();
        all.before_poll.push(|task| hooks::enter_poll(task.number));
        all.after_poll.push(hooks::leave_poll);
        all.thread_stops.push(hooks::thread_stops);
        tasks::add_hooks(all);
    }

    fn start(&mut self, folder: &Path) -> Result<(), String> {
        if !SEES_POLLS {
            return Err(HOW_TO_SEE_POLLS.into());
        }
        self.sampler = Some(Sampler::start(folder, HZ)?);
        Ok(())
    }

    fn threads(&self) -> Vec<&'static str> {
        self.sampler.iter().map(|_| "lab-stall").collect()
    }

    fn prices(&mut self, all: &Hooks, _folder: &Path) -> Vec<Priced> {
        vec![(POLL, of_a_poll(all)), (SAMPLE, hooks::price_of_a_sample())]
    }

    fn counted(&self) -> Vec<(&'static str, u64)> {
        [(POLL, Some(hooks::polls())), (SAMPLE, self.asked)]
            .into_iter()
            .filter_map(|(what, count)| Some((what, count?)))
            .collect()
    }

    fn stop(&mut self, _folder: &Path) -> anyhow::Result<Note> {
        // The counts are in its file, and the parent reads that.
        self.asked = Some(self.sampler.take().map_or(0, |sampler| sampler.stop().sent));
        Ok(Note::default())
    }
}

/// What is done at each poll: the callbacks of all who have some.
///
/// # Errors
/// If this build does not see polls.
pub(crate) fn of_a_poll(hooks: &Hooks) -> Result<Price, String> {
    if !SEES_POLLS {
        return Err(HOW_TO_SEE_POLLS.into());
    }
    let task = Task::made_up(u64::MAX);
    let price = price(POLLS_A_BLOCK, || (), |_| (0..POLLS_A_BLOCK).for_each(|_| hooks.poll(&task)));
    hooks.thread_stops.iter().for_each(|hook| hook());
    Ok(price)
}

/// Names what the child saw: folded stacks on and off the CPU, and the polls that took too long.
///
/// # Errors
/// If the child left nothing that can be read, or if there is no room for the names.
pub(crate) fn resolve(folder: &Path) -> anyhow::Result<Note> {
    let recording = super::read(&folder.join(FILE))?;
    let mut symbols = Symbols::of(&recording);
    let folded = super::folded(&recording, &mut symbols);
    write_polls(folder, &recording, &mut symbols)?;
    let views = [
        ("off-CPU", &folded.off_cpu, "where polls wait in the kernel, while their worker can run nothing else"),
        ("on-CPU", &folded.on_cpu, "where polls compute; what runs outside of polls is not looked at"),
        (
            "runnable",
            &folded.runnable,
            "where polls could go on and no core was free, or a page of memory was fetched: the machine's doing, wherever \
             it meets the code",
        ),
    ];
    let views =
        views.into_iter().map(|(name, stacks, shows)| view(folder, name, stacks, shows)).collect::<Result<_, _>>()?;
    Ok(Note { views, counts: counts(&recording), notes: notes(&recording, &symbols), unavailable: None })
}

/// Writes down the polls that took too long, and what all polls that were sampled did.
///
/// # Errors
/// If there is no room for them.
pub(crate) fn write_polls(folder: &Path, recording: &Recording, symbols: &mut Symbols) -> anyhow::Result<()> {
    let polls = super::long_polls(recording, symbols, LONG_POLL_NS);
    std::fs::write(folder.join(POLLS), serde_json::to_vec_pretty(&polls)?)?;
    Ok(std::fs::write(folder.join(IN_POLLS), serde_json::to_vec_pretty(&in_polls(recording, symbols))?)?)
}

fn view(folder: &Path, name: &str, stacks: &BTreeMap<String, f64>, shows: &str) -> anyhow::Result<ViewNote> {
    let file = format!("stall-{}.folded", name.to_lowercase());
    std::fs::write(folder.join(&file), super::Folded::lines(stacks))?;
    // A sample stands for a millisecond, so the weights are samples too.
    Ok(ViewNote { name: format!("stall {name}"), file, unit: "ms".into(), samples: None, shows: shows.into() })
}

fn counts(recording: &Recording) -> BTreeMap<String, u64> {
    let Some(Counts { ticks, in_poll, sent, delivered, covered, late, lost, unwatched, .. }) = &recording.counts else {
        return BTreeMap::new();
    };
    let named = [
        ("hz", &recording.hz),
        ("ticks", ticks),
        ("ticks_in_polls", in_poll),
        ("signals_sent", sent),
        ("samples_delivered", delivered),
        ("ticks_covered", covered),
        ("ticks_late", late),
        ("samples_lost", lost),
        ("threads_unwatched", unwatched),
    ];
    named.into_iter().map(|(name, count)| (name.to_owned(), *count)).collect()
}

fn notes(recording: &Recording, symbols: &Symbols) -> Vec<String> {
    let mut notes = Vec::new();
    if recording.counts.is_none() {
        notes.push("the sampler was not stopped: the run was killed while it looked".into());
    }
    if recording.cut {
        notes.push("its file is cut off: what is before is shown".into());
    }
    if symbols.executable_has_changed() {
        notes.push("the binary has changed since: its functions have no names any more".into());
    }
    notes
}
