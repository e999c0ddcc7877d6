//! One run of a variant in this process: recorded, timed, and gone.

use crate::place::Place;
use crate::timed::{Measured, Timed};
use crate::{say, threads};
use anyhow::Context;
use lab_kit::{Cx, Load, Variant};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::time::Duration;

/// Runs variants.
#[derive(Debug)]
pub struct Runner {
    scenario: &'static str,
    place: Place,
    timed: Timed,
}

impl Runner {
    /// A runner of a scenario's variants that records in a place.
    pub fn new(scenario: &'static str, place: Place, timed: Timed) -> Runner {
        // The profiler has files of its own, and leaves them where temporary files lie.
        let _ = tempfile::env::override_temp_dir(place.path());
        Runner { scenario, place, timed }
    }

    /// Runs a variant once. Its threads and its folder are gone afterwards.
    ///
    /// # Errors
    /// If it fails, if threads of it stay, or if it leaves nothing that could be timed.
    pub fn run(&self, variant: &Variant, load: &Load) -> anyhow::Result<Measured> {
        let measure = || {
            let folder = self.place.folder()?;
            let before = threads::count();
            call(variant, load, folder.path())?;
            threads::wait_for(before)?;
            self.timed.read(folder.path())
        };
        measure().with_context(|| format!("{}/{} cannot be timed", self.scenario, variant.name))
    }

    /// As [`Runner::run`], for criterion, whose routines cannot fail: an error ends the process.
    #[expect(
        clippy::disallowed_methods,
        reason = "a panic would have to unwind through criterion's C code; what is to be cleaned up is"
    )]
    pub fn time_or_exit(&self, variant: &Variant, load: &Load) -> Duration {
        match self.run(variant, load) {
            Ok(measured) => measured.time,
            Err(error) => {
                say(&format!("\n{error:#}"));
                let _ = std::fs::remove_dir_all(self.place.path());
                std::process::exit(1)
            }
        }
    }
}

fn call(variant: &Variant, load: &Load, folder: &Path) -> anyhow::Result<()> {
    let cx = Cx::create(load.clone(), folder)?.quiet();
    let called = panic::catch_unwind(AssertUnwindSafe(|| (variant.run)(&cx)));
    called.unwrap_or_else(|_| anyhow::bail!("it panicked, as told above"))
}

/// A panic is told in a line, without a stack.
pub fn tell_panics_in_a_line() {
    panic::set_hook(Box::new(|info| {
        let text = info.payload_as_str().unwrap_or("something that is no text");
        match info.location() {
            Some(at) => say(&format!("panicked at {at}: {text}")),
            None => say(&format!("panicked: {text}")),
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
    fn an_error_and_a_panic_are_told_as_errors() {
        assert_eq!(error_of(|_| anyhow::bail!("the disk is full")), "the disk is full");
        assert_eq!(error_of(|_| panic!("on purpose")), "it panicked, as told above");
    }
}
