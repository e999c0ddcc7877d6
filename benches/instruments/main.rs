//! What instruments cost per poll, each beside the plain runtime: in one run, paired round by round, with intervals.
//!
//! ```console
//! $ cargo bench -p lab-benches --bench instruments > benches/instruments.txt
//! $ cargo bench -p lab-benches --bench instruments -- --test      # each once and briefly; judges nothing
//! ```
//!
//! An instrument is measured in a process of its own, which is this binary started again, because a subscriber is for good
//! once it is set. Judges nothing by exit code: it shows.

mod child;
mod each;
mod facts;
mod program;
mod rounds;
mod sustained;
mod table;

use clap::Parser;
use each::{INSTRUMENTS, RECORDERS};
use program::Job;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Enough for what every instrument does at all, and too little for a number.
const POLLS_OF_A_TRY: u64 = 10_000;

/// How often each recorder records for long.
const SUSTAINED: usize = 5;

/// What cargo and the user say.
#[derive(Debug, Parser)]
struct Args {
    /// How often each instrument is measured, six times at least for an interval
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Polls of each measurement, after a fifth of them to warm up
    #[arg(long, default_value_t = 1_000_000)]
    polls: u64,
    /// Measures only what has one of these words in its name, and the plain runtime
    #[arg(long)]
    only: Vec<String>,
    /// Runs each instrument once with few polls and judges nothing
    #[arg(long)]
    test: bool,
    /// What `cargo bench` says, and `cargo test` does not
    #[arg(long, hide = true)]
    bench: bool,
    /// Measures this instrument here, for the process that started this one
    #[arg(long, hide = true, requires = "folder")]
    child: Option<String>,
    /// Lets this recorder record here, for the process that started this one
    #[arg(long, hide = true, requires = "folder")]
    record: Option<String>,
    /// Where the child leaves its files
    #[arg(long, hide = true)]
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), String> {
    let job = |folder| Job { polls: args.polls, folder };
    match (args.child, args.record, args.folder) {
        (Some(name), None, Some(folder)) => child::answer_cost(&name, &job(folder)),
        (None, Some(name), Some(folder)) => child::answer_record(&name, &job(folder)),
        _ if args.test || !args.bench => print(&attempt(&args.only)),
        _ => print(&measure(&args.only, args.rounds, args.polls)),
    }
}

/// What `cargo test` does with a benchmark, and `--test` with this one.
fn attempt(only: &[String]) -> String {
    let rows = rounds::measure(&each::chosen(&INSTRUMENTS, only), 1, POLLS_OF_A_TRY);
    table::tries(&rows)
}

fn measure(only: &[String], count: usize, polls: u64) -> String {
    let rows = rounds::measure(&each::chosen(&INSTRUMENTS, only), count, polls);
    let costs = format!("{}\n{}", table::header(count, polls), table::costs(&rows));
    if !only.is_empty() {
        return costs;
    }
    let recorders = sustained::record(&RECORDERS, SUSTAINED, polls);
    format!("{costs}\n{}\n{}", table::sustained(&recorders), table::added_up(&recorders))
}

fn print(text: &str) -> Result<(), String> {
    io::stdout().write_all(text.as_bytes()).map_err(|error| format!("cannot print: {error}"))
}

/// To stderr, for stdout is the recording; whoever closed it wants to hear nothing.
fn say(text: &dyn Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
