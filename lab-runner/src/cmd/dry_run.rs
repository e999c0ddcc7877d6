//! `--dry-run`: the runs that a command would do.

use crate::cli::Format;
use crate::engine::execute::{run_name, spec};
use crate::engine::plan::Planned;
use crate::exit::Exit;
use lab_recording::spec::Spec;
use std::io::{self, Write};

/// Prints what would be run.
pub(crate) fn print_plan(runs: &[Planned], format: Format) -> anyhow::Result<Exit> {
    let mut stdout = io::stdout().lock();
    let specs: Vec<Spec> = runs.iter().map(spec).collect();
    if format == Format::Json {
        serde_json::to_writer_pretty(&mut stdout, &specs).map_err(io::Error::from)?;
        writeln!(stdout)?;
        return Ok(Exit::Done);
    }
    for (number, spec) in specs.iter().enumerate() {
        let load = serde_json::to_string(&spec.load)?;
        writeln!(stdout, "{:<24} killed after {} ms  {load}", run_name(number, specs.len(), spec), spec.timeout_ms)?;
    }
    Ok(Exit::Done)
}
