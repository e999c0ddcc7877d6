//! Checks of a load that scenarios share: inputs that only some scenarios take, and memory.

use crate::{Load, limits};
use lab_recording::plain_file;
use std::fs::File;
use std::io;
use std::path::Path;

/// A part of a load that only some scenarios use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// [`Load::messages`].
    Messages,
    /// [`Load::stall_ms`].
    Stall,
    /// [`Load::files`].
    Files,
}

/// The check of a scenario without input: rejects `--messages`, `--stall` and `--files`.
///
/// # Errors
/// If the load has one of them.
pub fn no_input(load: &Load) -> anyhow::Result<()> {
    only_input(load, &[])
}

/// The check of a scenario that takes some inputs: rejects all others.
///
/// # Errors
/// If the load has an input that is not among `takes`.
pub fn only_input(load: &Load, takes: &[Input]) -> anyhow::Result<()> {
    let given = [
        (Input::Messages, load.messages.is_some(), "reads no messages: leave --messages away"),
        (Input::Stall, load.stall_ms.is_some(), "has no slow storage: leave --stall away"),
        (Input::Files, load.files.is_some(), "reads no files: leave --files away"),
    ];
    for (input, given, reason) in given {
        anyhow::ensure!(!given || takes.contains(&input), "this scenario {reason}");
    }
    Ok(())
}

/// Opens a file that the command line names, a file of messages for example.
///
/// # Errors
/// If it cannot be opened, is not a plain file, or is larger than a GiB. A pipe is refused, because
/// such a file is read twice: checked before anything is made, and used in the run.
pub fn open_input(path: &Path) -> io::Result<File> {
    plain_file::open(path, 1 << 30)
}

/// Rejects work that needs more than half of the memory: that of the host, or the limit of the
/// control group where that is smaller. Accepts all work where neither is known. `what` is the
/// subject of the error.
///
/// # Errors
/// If the estimate `bytes` is too large.
pub fn fits_memory(what: &str, bytes: u64) -> anyhow::Result<()> {
    fits_memory_or(what, bytes, "try a smaller --size")
}

/// As [`fits_memory`], for work that is made smaller by another option, which `next` names.
///
/// # Errors
/// If the estimate `bytes` is too large.
pub fn fits_memory_or(what: &str, bytes: u64, next: &str) -> anyhow::Result<()> {
    let Some(all) = limits::memory() else { return Ok(()) };
    let gib = |bytes: u64| bytes as f64 / (1u64 << 30) as f64;
    anyhow::ensure!(
        bytes <= all / 2,
        "{what} needs about {:.1} GiB, and half of the memory here is {:.1} GiB: \
         {next}",
        gib(bytes),
        gib(all / 2)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_that_the_scenario_does_not_take_is_rejected() {
        let stalls = Load { stall_ms: Some(1), ..Load::DEFAULT };
        assert!(no_input(&Load::DEFAULT).is_ok());
        assert!(no_input(&stalls).unwrap_err().to_string().contains("--stall"));
        assert!(only_input(&stalls, &[Input::Files]).is_err());
        assert!(only_input(&stalls, &[Input::Stall]).is_ok());
    }

    #[test]
    fn work_that_does_not_fit_into_memory_is_rejected_with_the_estimate() {
        assert!(fits_memory("this", 1).is_ok());
        let error = fits_memory("this", 1 << 60).unwrap_err().to_string();
        assert!(error.contains("1073741824.0 GiB") && error.contains("--size"), "{error}");
    }
}
