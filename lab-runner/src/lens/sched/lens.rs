//! The recorder as a lens, with the stall sampler beside it: blame needs to know not only whose poll held a worker but where in
//! the code it was. Both see polls through the same hooks, the recorder nearest to the poll.

use super::recorder::{Recorder, add_hooks};
use crate::lens::Note;
use crate::lens::child::Instrument;
use crate::lens::hooks::{HOW_TO_SEE_POLLS, Hooks, SEES_POLLS};
use crate::lens::stall::lens::StallLens;
use crate::lens::threads::standing::Watch;
use std::path::Path;

/// Recorder and sampler, in the child.
pub(crate) struct SchedLens {
    recorder: Recorder,
    sampler: StallLens,
    /// Looks at threads that are in no poll.
    standing: Option<Watch>,
    /// Why there are no stacks, if so.
    no_stacks: Option<String>,
}

impl SchedLens {
    /// Neither has begun to look.
    pub fn new() -> SchedLens {
        SchedLens { recorder: Recorder::new(true), sampler: StallLens::default(), standing: None, no_stacks: None }
    }
}

impl Instrument for SchedLens {
    fn hooks(&self, all: &mut Hooks) {
        self.sampler.hooks(all);
        add_hooks(all, true);
    }

    fn start(&mut self, folder: &Path) -> Result<(), String> {
        self.recorder.start(folder)?;
        self.no_stacks = self.sampler.start(folder).err();
        // Where threads cannot be asked the sampler has said so.
        self.standing = Watch::start(folder).ok();
        Ok(())
    }

    fn stop(&mut self, folder: &Path) -> anyhow::Result<Note> {
        let stood = self.standing.take().map_or(Ok(()), Watch::stop);
        let counts = self.recorder.stop();
        self.sampler.stop(folder)?;
        let stacks = self.no_stacks.take().map(|why| match SEES_POLLS {
            true => format!("where the code was that held workers is not known: {why}"),
            false => format!("workers and queues alone are seen: {HOW_TO_SEE_POLLS}"),
        });
        let ended = counts.trouble.map(|why| format!("the recording ends before the run: {why}"));
        let stood = stood.err().map(|why| format!("where threads stood outside of polls is lost: {why:#}"));
        let named = [("events", counts.events), ("events_dropped", counts.dropped), ("bytes", counts.bytes)];
        Ok(Note {
            counts: named.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
            notes: stacks.into_iter().chain(ended).chain(stood).collect(),
            ..Note::default()
        })
    }
}
