//! The profiler as a lens: in the child it leaves addresses, in the parent these become names.

use super::HZ;
use super::sampler::Sampler;
use crate::lens::Note;
use crate::lens::child::Instrument;
use std::path::Path;

/// The profiler, in the child.
#[derive(Default)]
pub(crate) struct CpuLens(Option<Sampler>);

impl Instrument for CpuLens {
    fn start(&mut self, folder: &Path) -> Result<(), String> {
        self.0 = Some(Sampler::start(folder, HZ)?);
        Ok(())
    }

    fn stop(&mut self, _folder: &Path) -> anyhow::Result<Note> {
        if let Some(sampler) = self.0.take() {
            sampler.stop()?;
        }
        // What it counted is in its file, and the parent reads that.
        Ok(Note::default())
    }
}
