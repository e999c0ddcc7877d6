//! The half of the lenses that works in the child: started when the warm-up is over, stopped when the variant has
//! returned. Whatever goes wrong with a lens is said in its note and never ends the run.

use super::hooks::Hooks;
use super::{Lens, Note};
use lab_kit::Watch;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Builder;

/// A lens at work.
pub(crate) trait Instrument: Send {
    /// Adds the callbacks that it needs, before any runtime is built.
    fn hooks(&self, _hooks: &mut Hooks) {}

    /// Starts looking.
    ///
    /// # Errors
    /// Why it is not available here, and how to mend that.
    fn start(&mut self, folder: &Path) -> Result<(), String>;

    /// Stops, and leaves what it saw in the folder.
    ///
    /// # Errors
    /// If that could not be written.
    fn stop(&mut self, folder: &Path) -> anyhow::Result<Note>;
}

/// A lens that watches a run.
pub(crate) struct Watcher {
    folder: PathBuf,
    hooks: Hooks,
    state: Mutex<State>,
}

struct State {
    instrument: Box<dyn Instrument>,
    started: Option<Result<(), String>>,
}

impl Watcher {
    /// A watcher that has not begun to look.
    pub fn new(lens: Lens, folder: &Path) -> Arc<Watcher> {
        let instrument = super::instrument(lens);
        let mut hooks = Hooks::default();
        instrument.hooks(&mut hooks);
        let state = Mutex::new(State { instrument, started: None });
        Arc::new(Watcher { folder: folder.to_owned(), hooks, state })
    }

    /// Stops it and writes its note.
    pub fn finish(&self) -> anyhow::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let note = match state.started.take() {
            Some(Ok(())) => {
                let stopped = state.instrument.stop(&self.folder);
                stopped.unwrap_or_else(|error| Note::unavailable(format!("what it saw is lost: {error:#}")))
            }
            Some(Err(why)) => Note::unavailable(why),
            None => Note::unavailable("the run put no load on anything, so there was nothing to look at"),
        };
        note.write(&self.folder)
    }
}

impl Watch for Watcher {
    fn runtime(&self, builder: &mut Builder) {
        self.hooks.install(builder);
    }

    fn begin(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.started.is_none() {
            state.started = Some(state.instrument.start(&self.folder));
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").field("folder", &self.folder).finish_non_exhaustive()
    }
}
