//! `lab overhead`: what each instrument of the lab costs on this machine.

use crate::cli::{OverheadArgs, OverheadFormat};
use crate::cmd::overhead::text;
use crate::cmd::overhead::{Measurement, Table, measure, own};
use crate::engine::supervise::Interrupts;
use crate::exit;
use crate::exit::{Exit, UsageError};
use crate::report::Style;
use std::io::{self, IsTerminal, Write};

pub(crate) fn run(args: &OverheadArgs, plain: bool) -> anyhow::Result<Exit> {
    let measurement = chosen(&args.only)?;
    if args.dry_run {
        return print_plan(&measurement, args.rounds);
    }
    let interrupts = Interrupts::catch()?;
    exit::say(&format!(
        "measuring {} instruments, each {} times in a process of its own",
        measurement.len(),
        args.rounds
    ));
    let terminal = io::stderr().is_terminal();
    let rows = measure(&measurement, args.rounds, |round, measurement| {
        if terminal {
            progress(round, args.rounds, &measurement.name);
        }
        interrupts.signal().is_none()
    });
    if terminal {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    if let Some(signal) = interrupts.signal() {
        exit::say("interrupted before all instruments were measured: there is no result");
        return Ok(Exit::Interrupted(signal));
    }
    show(&Table::new(&rows, args.rounds), args.format, plain)
}

fn chosen(only: &[String]) -> anyhow::Result<Vec<Measurement>> {
    let all = own()?;
    let named =
        |word: &String| all.iter().any(|measurement| measurement.name.contains(word.as_str()));
    if let Some(word) = only.iter().find(|word| !named(word)) {
        let text =
            format!("no instrument has '{word}' in its name: lab overhead --dry-run lists them");
        return Err(UsageError::error(text));
    }
    let wanted =
        |name: &str| only.is_empty() || only.iter().any(|word| name.contains(word.as_str()));
    Ok(all.into_iter().filter(|measurement| wanted(&measurement.name)).collect())
}

fn print_plan(chosen: &[Measurement], rounds: usize) -> anyhow::Result<Exit> {
    exit::print(|to| {
        for Measurement { name, group, amount, .. } in chosen {
            writeln!(to, "{name:<32} {rounds} times {amount} {}", text::amounts(*group))?;
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

fn progress(round: usize, of: usize, name: &str) {
    let _ = write!(io::stderr(), "\r\x1b[Kround {round} of {of}  {name}");
}

/// Prints the tables. Where nothing at all could be measured that is the exit code's to say.
fn show(table: &Table, format: OverheadFormat, plain: bool) -> anyhow::Result<Exit> {
    if format == OverheadFormat::Json {
        exit::print_json(table)?;
    } else {
        exit::print(|to| text::print(table, Style::new(plain), to))?;
    }
    let measured = table.readings.iter().any(|reading| reading.estimate.is_some());
    Ok(if measured { Exit::Done } else { Exit::NotMeasured })
}
