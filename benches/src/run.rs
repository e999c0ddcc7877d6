//! One run of a variant in this process: it is recorded, timed and removed.

use crate::place::RunFolders;
use crate::timed::{Measured, Timed};
use crate::{threads, warn};
use anyhow::Context;
use lab_kit::{Cx, Load, Variant};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::time::Duration;

/// Runs the variants of a scenario.
#[derive(Debug)]
pub struct Runner {
    scenario: &'static str,
    folders: RunFolders,
    timed: Timed,
}

impl Runner {
    /// A runner for the variants of a scenario.
    pub fn new(scenario: &'static str, folders: RunFolders, timed: Timed) -> Runner {
        // pprof-rs leaves temporary files behind, which are removed with this folder.
        let _ = tempfile::env::override_temp_dir(folders.path());
        Runner { scenario, folders, timed }
    }

    /// Runs a variant once. Afterwards its threads have ended and its folder is removed.
    ///
    /// # Errors
    /// If the variant fails, if some of its threads stay, or if the recording has no time.
    pub fn run(&self, variant: &Variant, load: &Load) -> anyhow::Result<Measured> {
        let measure = || {
            let folder = self.folders.folder()?;
            let before = threads::count();
            call(variant, load, folder.path())?;
            threads::wait_for(before)?;
            self.timed.read(folder.path())
        };
        measure().with_context(|| format!("{}/{} cannot be timed", self.scenario, variant.name))
    }

    /// Like [`Runner::run`], for criterion, whose routines cannot fail: an error ends the process.
    #[expect(
        clippy::disallowed_methods,
        reason = "a panic would unwind through criterion; the folder is removed first"
    )]
    pub fn time_or_exit(&self, variant: &Variant, load: &Load) -> Duration {
        match self.run(variant, load) {
            Ok(measured) => measured.time,
            Err(error) => {
                warn(&format!("\n{error:#}"));
                let _ = std::fs::remove_dir_all(self.folders.path());
                std::process::exit(1)
            }
        }
    }
}

fn call(variant: &Variant, load: &Load, folder: &Path) -> anyhow::Result<()> {
    let cx = Cx::create(load.clone(), folder)?.quiet();
    let called = panic::catch_unwind(AssertUnwindSafe(|| (variant.run)(&cx)));
    called.unwrap_or_else(|_| anyhow::bail!("the variant panicked: see the message above"))
}

/// Installs a panic hook that prints one line without a stack.
pub fn print_panics_in_one_line() {
    panic::set_hook(Box::new(|info| {
        let text = info.payload_as_str().unwrap_or("the panic has no text");
        match info.location() {
            Some(at) => warn(&format!("panicked at {at}: {text}")),
            None => warn(&format!("panicked: {text}")),
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_kit::Kind;

    fn error_of(run: fn(&Cx) -> anyhow::Result<()>) -> String {
        let variant = Variant::new("made", Kind::Trap, run);
        let folder = tempfile::tempdir().unwrap();
        let error = call(&variant, &Load::DEFAULT, folder.path()).unwrap_err();
        format!("{error:#}")
    }

    #[test]
    fn an_error_and_a_panic_are_errors() {
        assert_eq!(error_of(|_| anyhow::bail!("the disk is full")), "the disk is full");
        let panic = error_of(|_| panic!("on purpose"));
        assert_eq!(panic, "the variant panicked: see the message above");
    }
}
