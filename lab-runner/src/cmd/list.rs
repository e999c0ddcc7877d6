//! `lab list`: scenarios and their variants, a line each.

use crate::cli::ListArgs;
use crate::engine::plan;
use crate::exit::Exit;
use lab_kit::Scenario;
use std::io::{self, Write};

pub(crate) fn run(args: &ListArgs, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    let chosen = match &args.scenario {
        Some(name) => vec![plan::scenario(scenarios, name)?],
        None => scenarios.to_vec(),
    };
    let mut stdout = io::stdout().lock();
    for scenario in chosen {
        writeln!(stdout, "{:<17} {}", scenario.name, scenario.summary)?;
        for variant in scenario.variants {
            let line = format!("  {:<15} {:<6} {}", variant.name, variant.kind, variant.about);
            writeln!(stdout, "{}", line.trim_end())?;
        }
    }
    Ok(Exit::Done)
}
