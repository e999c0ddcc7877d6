//! A lens that this build does not have: said, and never shown as having seen nothing.

use super::child::Instrument;
use super::{Lens, Note};
use std::path::Path;

/// Stands where a lens is not built in.
#[derive(Debug)]
pub(crate) struct Missing(pub Lens);

impl Instrument for Missing {
    fn start(&mut self, _folder: &Path) -> Result<(), String> {
        Err(format!("this build has no {} lens", self.0))
    }

    fn stop(&mut self, _folder: &Path) -> anyhow::Result<Note> {
        Ok(Note::default())
    }
}
