//! The harness of the lab: `cli → plan → supervise → child → recording → analysis → verdict →
//! report`.
//!
//! A run is one variant under one load in one fresh child process, which is this same binary
//! started again. Parent and child share a folder, an exit status and a signal, nothing else. What
//! follows a run is pure: it reads the folder, and reads it again the same way next year.
//!
//! Scenarios from outside this repository get every command by a `main` of one line. `lab new NAME`
//! writes such a crate, `examples/quickstart.rs` is a whole scenario in one file.
//!
//! ```no_run
//! use lab_kit::{Cx, Kind, Scenario, Variant};
//! use std::process::ExitCode;
//!
//! /// The code to be measured: `cx` has the load, the runtime's builder and the requests.
//! fn serve(cx: &Cx) -> anyhow::Result<()> {
//!     let runtime = cx.runtime().build()?;
//!     cx.requests(runtime.handle(), |_request| async {})?.finish()
//! }
//!
//! static MINE: Scenario =
//!     Scenario::new("mine", "a service of my own", &[Variant::new("buggy", Kind::Buggy, serve)]);
//!
//! fn main() -> ExitCode {
//!     lab_runner::main(&[&MINE])
//! }
//! ```

// A module uses those of its own group and of groups above it.

mod exit;
#[cfg(test)]
mod made_up;
mod printable;

mod engine;

mod cli;
pub mod export;
pub mod report;

mod cmd;

pub use cmd::exercise::honest::{prove_pack, verdict_of};
pub use cmd::exercise::kept::verdict_on;
pub use cmd::overhead;
pub use engine::neighbour::Neighbours;
#[cfg(feature = "jemalloc")]
pub use lab_recorder::Jemalloc;

use anyhow::Context;
use clap::Parser;
use cli::{Cli, Command};
use exit::Exit;
use lab_kit::{Scenario, Variant, alloc, limits};
use lab_recorder::child;
use lab_recording::spec::Spec;
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

/// Runs the command line of a lab that has these scenarios.
pub fn main(scenarios: &[&'static Scenario]) -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    if let Some(code) = child_main(&args, scenarios) {
        return code;
    }
    // Not of a child: what a variant does without memory is its own, and is recorded.
    alloc::exit_without_memory(format!("lab: {}\n", limits::out_of_memory()));
    let exit = match Cli::try_parse_from(args) {
        Ok(cli) => command(cli, scenarios).unwrap_or_else(|error| exit::report(&error)),
        Err(error) => cli::report(&error),
    };
    exit.into()
}

/// Runs what the arguments of a child process name, and returns none for a command line. For a
/// binary that uses the lab without its command line: the lab starts that binary again for each
/// run.
pub fn child_main(args: &[OsString], scenarios: &[&'static Scenario]) -> Option<ExitCode> {
    if let Some(folder) = child::folder(args) {
        let all = [scenarios, &cmd::overhead::scenarios()].concat();
        return Some(child::main(folder, |spec| Ok(&find(spec, &all)?.run)));
    }
    match args {
        [_, word, parent] if word == OsStr::new(engine::neighbour::SUBCOMMAND) => {
            Some(engine::neighbour::main(&parent.to_string_lossy()))
        }
        _ => lab_kit::overhead::main(args, &cmd::overhead::instruments()),
    }
}

fn find(spec: &Spec, scenarios: &[&'static Scenario]) -> anyhow::Result<&'static Variant> {
    let scenario = scenarios.iter().find(|scenario| scenario.name == spec.scenario);
    let variant = scenario.and_then(|scenario| scenario.variant(&spec.variant));
    variant.with_context(|| {
        format!("this binary has no variant {} of {}", spec.variant, spec.scenario)
    })
}

fn command(cli: Cli, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    cli.choose_colour();
    let style = cli.style();
    match cli.command {
        Command::List(args) => cmd::list::run(&args, scenarios),
        Command::Run(args) => cmd::run::run(&args, style, scenarios),
        Command::Compare(args) => cmd::compare::run(&args, style, scenarios),
        Command::Sweep(args) => cmd::sweep::run(&args, style, scenarios),
        Command::Verify(args) => cmd::verify::run(&args, cli.plain, scenarios),
        Command::Score(args) => cmd::score::run(&args, cli.plain, scenarios),
        Command::Doctor(args) => cmd::doctor::command::run(&args, cli.plain, scenarios),
        Command::Overhead(args) => cmd::overhead::command::run(&args, cli.plain),
        Command::Report(args) => cmd::report::run(&args, style, scenarios),
        Command::Exercise(args) => cmd::exercise::run(&args, style),
        Command::Export(args) => cmd::export::run(&args, scenarios),
        Command::New(args) => cmd::new::run(&args),
        Command::Pack(args) => cmd::pack::run(&args),
        Command::Book(args) => cmd::book::run(&args, scenarios),
        Command::Clean(args) => cmd::clean::run(&args),
        Command::Completions(args) => cmd::completions::run(&args),
        Command::Version => cmd::version::run(),
    }
}
