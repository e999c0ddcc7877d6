//! The recorder as a lens, with the stall sampler beside it: blame needs to know not only whose poll held a worker but where in
//! the code it was. Both see polls through the same hooks, the recorder nearest to the poll.

use super::recorder::{Recorder, add_hooks};
use crate::lens::Note;
use crate::lens::child::Instrument;
use crate::lens::hooks::{HOW_TO_SEE_POLLS, Hooks, SEES_POLLS};
use crate::lens::stall::lens::StallLens;
use crate::lens::threads::hand_offs::{self, Looking};
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
    /// Who hands work to the blocking pool, or why that is not looked at.
    hand_offs: Option<Result<Looking, String>>,
}

impl SchedLens {
    /// Neither has begun to look.
    pub fn new() -> SchedLens {
        SchedLens {
            recorder: Recorder::new(true),
            sampler: StallLens::default(),
            standing: None,
            no_stacks: None,
            hand_offs: None,
        }
    }
}

impl Instrument for SchedLens {
    fn hooks(&self, all: &mut Hooks) {
        self.sampler.hooks(all);
        hand_offs::add_hooks(all);
        add_hooks(all, true);
    }

    fn start(&mut self, folder: &Path) -> Result<(), String> {
        self.recorder.start(folder)?;
        self.no_stacks = self.sampler.start(folder).err();
        self.hand_offs = Some(hand_offs::start(folder));
        // Where threads cannot be asked the sampler has said so.
        self.standing = Watch::start(folder).ok();
        Ok(())
    }

    fn stop(&mut self, folder: &Path) -> anyhow::Result<Note> {
        let stood = self.standing.take().map_or(Ok(()), Watch::stop);
        let counts = self.recorder.stop();
        self.sampler.stop(folder)?;
        let no_hand_offs = match self.hand_offs.take() {
            Some(Ok(looking)) => looking.stop().err().map(|error| format!("{error:#}")),
            Some(Err(why)) => Some(why),
            None => None,
        };
        let no_hand_offs = no_hand_offs.map(|why| format!("who hands work to the blocking pool is not known: {why}"));
        let stacks = self.no_stacks.take().map(|why| match SEES_POLLS {
            true => format!("where the code was that held workers is not known: {why}"),
            false => format!("workers and queues alone are seen: {HOW_TO_SEE_POLLS}"),
        });
        let ended = counts.trouble.map(|why| format!("the recording ends before the run: {why}"));
        let stood = stood.err().map(|why| format!("where threads stood outside of polls is lost: {why:#}"));
        let named = [("events", counts.events), ("events_dropped", counts.dropped), ("bytes", counts.bytes)];
        Ok(Note {
            counts: named.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
            notes: stacks.into_iter().chain(ended).chain(stood).chain(no_hand_offs).collect(),
            ..Note::default()
        })
    }
}
