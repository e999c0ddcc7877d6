//! Checks of a load that scenarios share: inputs that only some take, and what fits into memory.

use crate::Load;

/// A part of a load that only some scenarios know what to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// [`Load::messages`].
    Messages,
    /// [`Load::stall_ms`].
    Stall,
    /// [`Load::files`].
    Files,
}

/// The check of a scenario that takes no input of its own: refuses `--messages`, `--stall` and
/// `--files`.
///
/// # Errors
/// If the load has one of them.
pub fn no_input(load: &Load) -> anyhow::Result<()> {
    only_input(load, &[])
}

/// The check of a scenario that takes some input: refuses the rest.
///
/// # Errors
/// If the load has an input that is not among `takes`.
pub fn only_input(load: &Load, takes: &[Input]) -> anyhow::Result<()> {
    let given = [
        (Input::Messages, load.messages.is_some(), "reads no messages: leave --messages away"),
        (Input::Stall, load.stall_ms.is_some(), "has nothing that stalls: leave --stall away"),
        (Input::Files, load.files.is_some(), "reads no files: leave --files away"),
    ];
    for (input, given, refusal) in given {
        anyhow::ensure!(!given || takes.contains(&input), "this scenario {refusal}");
    }
    Ok(())
}

/// Refuses work that needs more than half of the machine's memory, where that is known.
///
/// # Errors
/// If it does: with the estimate and what there is.
pub fn fits_memory(what: &str, bytes: u64) -> anyhow::Result<()> {
    let Some(all) = machine_memory() else { return Ok(()) };
    let gib = |bytes: u64| bytes as f64 / (1u64 << 30) as f64;
    anyhow::ensure!(
        bytes <= all / 2,
        "{what} would need about {:.1} GiB and half of this machine's memory is {:.1} GiB: try a smaller --size",
        gib(bytes),
        gib(all / 2)
    );
    Ok(())
}

fn machine_memory() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_refused_where_nobody_takes_it() {
        let stalls = Load { stall_ms: Some(1), ..Load::DEFAULT };
        assert!(no_input(&Load::DEFAULT).is_ok());
        assert!(no_input(&stalls).unwrap_err().to_string().contains("--stall"));
        assert!(only_input(&stalls, &[Input::Files]).is_err());
        assert!(only_input(&stalls, &[Input::Stall]).is_ok());
    }

    #[test]
    fn what_does_not_fit_into_memory_is_refused_with_the_estimate() {
        assert!(fits_memory("this", 1).is_ok());
        let refusal = fits_memory("this", 1 << 60).unwrap_err().to_string();
        assert!(refusal.contains("1073741824.0 GiB") && refusal.contains("--size"), "{refusal}");
    }
}
