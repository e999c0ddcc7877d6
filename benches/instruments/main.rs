//! What the lab's instruments cost, for longer than `lab overhead` takes, and beside them in the
//! same rounds those of others.
//!
//! ```console
//! $ cargo bench --bench instruments > benches/instruments.txt
//! $ cargo bench --bench instruments -- --test      # each once and briefly; judges nothing
//! ```
//!
//! An instrument is measured in a process of its own: this binary started again, or that of the
//! peers, which is another one because what it compares with switches on features of tokio. Judges
//! nothing by exit code: it shows.

mod peers;
mod versions;

use clap::Parser;
// For its allocator, which the profiler `alloc` looks at: the one of the binary `lab`.
use lab_benches as _;
use lab_runner::overhead::text::text;
use lab_runner::overhead::{Group, Measurement, Table, measure, own};
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// By how much less is done where each instrument is only tried.
const A_TRY: u64 = 20;

/// What cargo and the user say.
#[derive(Debug, Parser)]
struct Args {
    /// How often each instrument is measured, six times at least for an interval
    #[arg(long, default_value_t = 12)]
    rounds: usize,
    /// Measures only what has one of these words in its name
    #[arg(long)]
    only: Vec<String>,
    /// Measures the lab's own instruments alone
    #[arg(long)]
    no_peers: bool,
    /// Measures each instrument once and briefly, and judges nothing
    #[arg(long)]
    test: bool,
    /// What `cargo bench` says, and `cargo test` does not
    #[arg(long, hide = true)]
    bench: bool,
    /// What `cargo bench` says to the benches of the fixes: there is nothing here that criterion
    /// could profile or compare
    #[arg(long, hide = true, num_args = 0..=1)]
    profile_time: Option<String>,
    /// See `profile_time`
    #[arg(long, hide = true)]
    save_baseline: Option<String>,
    /// See `profile_time`
    #[arg(long, hide = true)]
    baseline: Option<String>,
    /// Which benches of criterion are wanted: then none of these is
    #[arg(hide = true)]
    filter: Option<String>,
}

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    if let Some(code) = lab_runner::child_main(&args, &[]) {
        return code;
    }
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    if args.profile_time.is_some() || args.filter.is_some() {
        say(&"the instruments have no benchmarks of that kind: nothing is measured");
        return Ok(());
    }
    let brief = args.test || !args.bench;
    let measurements = chosen(args, brief)?;
    let rounds = if brief { 1 } else { args.rounds };
    let rows = measure(&measurements, rounds, |round, measurement| {
        say(&format_args!("round {round} of {rounds}: {}", measurement.name));
        true
    });
    let table = Table::new(&rows, rounds);
    print(&format!("{}versions   {}\n", text(&table), versions::of_peers()))
}

/// The lab's own and those of the peers, as far as they are wanted.
fn chosen(args: &Args, brief: bool) -> Result<Vec<Measurement>, String> {
    let mut all = own().map_err(|error| format!("this binary cannot be found: {error}"))?;
    if !args.no_peers {
        // Next to the lab's own on polls, for that is what all of them are about.
        let polls = all.iter().take_while(|measurement| measurement.group == Group::Polls).count();
        all.splice(polls..polls, peers::measurements()?);
    }
    let wanted = |name: &str| {
        args.only.is_empty() || args.only.iter().any(|word| name.contains(word.as_str()))
    };
    all.retain(|measurement| wanted(&measurement.name));
    if brief {
        all.iter_mut()
            .for_each(|measurement| measurement.amount = (measurement.amount / A_TRY).max(1));
    }
    Ok(all)
}

fn print(text: &str) -> Result<(), String> {
    io::stdout().write_all(text.as_bytes()).map_err(|error| format!("cannot print: {error}"))
}

/// To stderr, for stdout is the recording; whoever closed it wants to hear nothing.
fn say(text: &dyn Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
