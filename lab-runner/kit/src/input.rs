//! Checks of a load that scenarios share: inputs that only some scenarios take, and memory.

use crate::Load;

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

/// Rejects work that needs more than half of the host's memory. Accepts all work where the size of
/// the memory is unknown. `what` is the subject of the error.
///
/// # Errors
/// If the estimate `bytes` is too large.
pub fn fits_memory(what: &str, bytes: u64) -> anyhow::Result<()> {
    let Some(all) = host_memory() else { return Ok(()) };
    let gib = |bytes: u64| bytes as f64 / (1u64 << 30) as f64;
    anyhow::ensure!(
        bytes <= all / 2,
        "{what} needs about {:.1} GiB, and half of this host's memory is {:.1} GiB: \
         try a smaller --size",
        gib(bytes),
        gib(all / 2)
    );
    Ok(())
}

/// Memory of the host in bytes.
fn host_memory() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
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
