//! The recordings of a folder, each read once.

use anyhow::Context;
use lab_analysis::results::Results;
use lab_kit::Scenario;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The recordings of a folder, by their names without the extension.
pub(super) struct Recordings<'a> {
    folder: PathBuf,
    scenarios: &'a [&'static Scenario],
    read: BTreeMap<String, Results>,
}

impl<'a> Recordings<'a> {
    pub fn of(folder: &Path, scenarios: &'a [&'static Scenario]) -> Recordings<'a> {
        Recordings { folder: folder.to_owned(), scenarios, read: BTreeMap::new() }
    }

    /// What is known of a recording.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn get(&mut self, name: &str) -> anyhow::Result<&Results> {
        if !self.read.contains_key(name) {
            let path = self.folder.join(format!("{name}.lab"));
            let read = Results::read(&path, self.scenarios)
                .with_context(|| format!("cannot read {}", path.display()))?;
            self.read.insert(name.to_owned(), read);
        }
        Ok(&self.read[name])
    }
}
