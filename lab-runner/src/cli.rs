//! The command line: clap's derive and the parsing of single values, nothing else.

pub(crate) mod book;
mod clean;
mod doctor;
pub(crate) mod exercise;
mod export;
mod help;
mod load;
mod new;
mod overhead;
mod pack;
mod score;
mod values;
use book::BookArgs;
pub(crate) use clean::CleanArgs;
pub(crate) use doctor::DoctorArgs;
use exercise::ExerciseArgs;
pub(crate) use export::{ExportArgs, ExportTo};
use load::own_load;
pub(crate) use load::{LoadArgs, OwnLoad};
pub(crate) use new::NewArgs;
pub(crate) use overhead::{OverheadArgs, OverheadFormat};
pub(crate) use pack::PackArgs;
pub(crate) use score::{ScoreArgs, ScoreFormat};
pub(crate) use values::Profilers;
use values::{count, duration, number, pairs, profilers, repetitions, size, sizes};

use crate::engine::plan::Sizes;
use crate::engine::raw::RawLogs;
use crate::exit;
use crate::exit::Exit;
use crate::report::{Style, Verbosity};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

/// Reproduces faults of async Rust services on tokio, measures and diagnoses them, and compares
/// fixes.
#[derive(Debug, Parser)]
#[command(name = "lab", bin_name = "lab", version, arg_required_else_help = true, about = help::ABOUT)]
#[command(after_help = help::AFTER)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Print ASCII without colour
    #[arg(long, global = true)]
    pub plain: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Colour::Auto)]
    pub color: Colour,
    /// Print more: percentiles, histogram, all checks, one line per profiler; twice prints all that is
    /// known
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Print one line
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List scenarios and their variants, or the metrics that can be compared
    List(ListArgs),
    /// Run variants of a scenario under load, profile them and report
    #[command(after_help = help::RUN)]
    Run(RunArgs),
    /// Compare two variants in pairs of runs: the ratio of each metric, with its interval
    #[command(after_help = help::COMPARE)]
    Compare(Box<CompareArgs>),
    /// Run a batch at many sizes and report how its cost grows
    #[command(after_help = help::SWEEP)]
    Sweep(SweepArgs),
    /// Check every claim of every variant with reduced loads
    #[command(after_help = help::VERIFY)]
    Verify(VerifyArgs),
    /// Measure how often the diagnosis is right, over all variants whose fault is known
    #[command(after_help = help::SCORE)]
    Score(ScoreArgs),
    /// Examine this machine: what can be measured on it, and its noise
    #[command(after_help = help::DOCTOR)]
    Doctor(DoctorArgs),
    /// Measure the overhead of each profiler and instrument of the lab on this machine
    #[command(after_help = help::OVERHEAD)]
    Overhead(OverheadArgs),
    /// Work on the exercises: services that misbehave under load
    #[command(after_help = help::EXERCISE)]
    Exercise(ExerciseArgs),
    /// Show a recording, as text, JSON or a page for the browser
    Report(ReportArgs),
    /// Convert a recording to the format of another tool
    Export(ExportArgs),
    /// Make one file of a recording, which every command reads like its folder
    Pack(PackArgs),
    /// Write a crate with a scenario of your own to start from
    New(NewArgs),
    /// Remove old recordings
    #[command(after_help = help::CLEAN)]
    Clean(CleanArgs),
    /// Fill in what the repository's documents take from recordings
    #[command(hide = true)]
    Book(BookArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the version
    Version,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only this scenario
    pub scenario: Option<String>,
    /// List the metrics that lab compare --metric accepts, with unit and meaning
    #[arg(long, conflicts_with = "scenario")]
    pub metrics: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Name of the scenario: see lab list
    pub scenario: String,
    /// Run the default fix instead of the faulty variant
    #[arg(long, group = "which")]
    pub fixed: bool,
    /// Run this variant instead of the faulty one
    #[arg(long, group = "which", value_name = "NAME")]
    pub variant: Option<String>,
    /// Run every variant, one after another, and report them in one table
    #[arg(long, group = "which")]
    pub all: bool,
    #[command(flatten)]
    pub load: LoadArgs,
    /// Also print what a closed-loop benchmark, which waits for each answer, would report
    #[arg(long)]
    pub naive: bool,
    /// Profilers to run after the measurement, each in a run of its own: cpu, alloc, stall, sched,
    /// spans, all, none [default: cpu,alloc,stall,sched; none with --all and --trials]
    #[arg(long, value_name = "PROFILERS", value_parser = profilers)]
    pub profile: Option<Profilers>,
    /// Repeat the run under tokio-console: waits up to 60 s until a client is attached, or for
    /// Enter
    #[arg(long, conflicts_with_all = ["all", "trials"])]
    pub console: bool,
    /// Repeat the run this many times with other seeds and report how often each outcome occurs
    #[arg(long, value_name = "N", value_parser = count, allow_hyphen_values = true)]
    pub trials: Option<usize>,
    /// Kill a run that takes longer [default: the time of its load and some seconds]
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    pub timeout: Option<Duration>,
    /// Exit with code 4 if a check is undecided
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub record: RecordArgs,
}

/// The options of every command that makes a recording.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// Format of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Print the planned runs without running them
    #[arg(long)]
    pub dry_run: bool,
    /// Folder for recordings
    #[arg(long, value_name = "DIR", default_value = "lab-runs")]
    pub out: PathBuf,
    /// Keep the raw logs of profilers, which are removed once their results are computed
    #[arg(long)]
    pub keep_raw: bool,
}

impl RecordArgs {
    /// What becomes of the raw logs of profilers.
    pub fn raw_logs(&self) -> RawLogs {
        if self.keep_raw { RawLogs::Keep } else { RawLogs::Remove }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Name of the scenario: see lab list; or the folder of a recording as side A
    pub scenario: String,
    /// Variant of side A, or a recording of it [default: the faulty one]
    pub before: Option<String>,
    /// Variant of side B, or a recording of it [default: fixed]
    pub after: Option<String>,
    /// Number of pairs [default: 8]
    #[arg(long, value_name = "N", value_parser = pairs, allow_hyphen_values = true)]
    pub pairs: Option<usize>,
    /// Take interim looks after 8, 12 and 16 pairs, and stop once the primary metric is decided
    #[arg(long, conflicts_with = "pairs")]
    pub looks: bool,
    /// Compare only these metrics, the first of which decides: see lab list --metrics
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub metric: Vec<String>,
    /// A/A comparison of one variant with itself: this machine's false-positive rate
    #[arg(long)]
    pub null: bool,
    /// Load of side A, if different: rate=100,duration=1s
    #[arg(long, value_name = "LOAD", value_parser = own_load)]
    pub load_a: Option<OwnLoad>,
    /// Load of side B, if different
    #[arg(long, value_name = "LOAD", value_parser = own_load)]
    pub load_b: Option<OwnLoad>,
    #[command(flatten)]
    pub load: LoadArgs,
    /// Profilers to run on both sides after the pairs: cpu, alloc, stall, sched, spans, all, none
    /// [default: cpu,alloc,stall,sched; none where that takes more than half as long as the pairs]
    #[arg(long, value_name = "PROFILERS", value_parser = profilers)]
    pub profile: Option<Profilers>,
    /// Kill a run that takes longer [default: the time of its load and some seconds]
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    pub timeout: Option<Duration>,
    /// Exit with code 4 if a check is undecided
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub record: RecordArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// Name of the scenario: see lab list
    pub scenario: String,
    /// Smallest number of items: 5000, 5k [default: half of the scenario's own]
    #[arg(long, value_name = "N", value_parser = size, allow_hyphen_values = true)]
    pub size: Option<usize>,
    /// Number of sizes, each twice the one before
    #[arg(long, value_name = "N", value_parser = sizes, allow_hyphen_values = true)]
    #[arg(default_value_t = Sizes::COUNT)]
    pub sizes: u32,
    /// Number of runs at each size
    #[arg(long, value_name = "N", value_parser = repetitions, allow_hyphen_values = true)]
    #[arg(default_value_t = Sizes::REPETITIONS)]
    pub repetitions: usize,
    /// Worker threads of the runtime
    #[arg(long, value_name = "N", value_parser = number::<usize>, allow_hyphen_values = true)]
    pub workers: Option<usize>,
    /// Seed of the data and of the order of runs
    #[arg(long, value_name = "N", value_parser = number::<u64>, allow_hyphen_values = true)]
    pub seed: Option<u64>,
    /// Kill a run that takes longer [default: a minute]
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    pub timeout: Option<Duration>,
    /// Exit with code 4 if a check is undecided
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub record: RecordArgs,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Only these scenarios
    pub scenarios: Vec<String>,
    /// Exit with code 4 if a check is undecided
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub record: RecordArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Recording of a run, or of everything that one command recorded: a folder or a packed file
    /// [default: the newest in --out]
    pub run: Option<PathBuf>,
    /// Also write a page, one file that works offline [default: report.html in a recording below
    /// --out; for any other recording NAME.html in --out, so that its folder is left as it is]
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub html: Option<Option<PathBuf>>,
    /// Write the page and open it in a browser; without a display, print its file:// address
    #[arg(long)]
    pub open: bool,
    /// Also print what a closed-loop benchmark, which waits for each answer, would report
    #[arg(long)]
    pub naive: bool,
    /// Exit with code 4 if a check is undecided
    #[arg(long)]
    pub strict: bool,
    /// Format of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Folder of recordings
    #[arg(long, value_name = "DIR", default_value = "lab-runs")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text for a terminal
    Text,
    /// One JSON document, `lab.result.v2`
    Json,
    /// Common claims about the fault, checked against these recordings: a Markdown table
    Ledger,
}

impl Cli {
    /// Chooses colour for everything that prints through `anstream`, which honours `NO_COLOR` by
    /// itself.
    pub fn choose_colour(&self) {
        match self.color {
            _ if self.plain => anstream::ColorChoice::Never.write_global(),
            Colour::Auto => {}
            Colour::Always => anstream::ColorChoice::Always.write_global(),
            Colour::Never => anstream::ColorChoice::Never.write_global(),
        }
    }

    /// How text is printed.
    pub fn style(&self) -> Style {
        let verbosity = match self.verbose {
            _ if self.quiet => Verbosity::Quiet,
            0 => Verbosity::Screen,
            1 => Verbosity::Verbose,
            _ => Verbosity::Full,
        };
        Style::of_stdout(self.plain, verbosity)
    }
}

/// Help and version go to stdout; a usage error becomes one sentence that names the next step.
pub(crate) fn report(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        let _ = error.print();
        return Exit::Done;
    }
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return Exit::Usage;
    }
    exit::say(&match unexpected_word(error) {
        Some(word) => {
            format!(
                "lab run takes one scenario, and '{word}' is not an option: try --variant {word}"
            )
        }
        None => one_sentence(&error.to_string()),
    });
    Exit::Usage
}

/// The second word of `lab run greedy fixed`: `lab compare` takes variants by position, `lab run`
/// by an option.
fn unexpected_word(error: &clap::Error) -> Option<&str> {
    if error.kind() != clap::error::ErrorKind::UnknownArgument {
        return None;
    }
    let is_run = error.to_string().lines().any(|line| line.starts_with("Usage: lab run "));
    let context = error.get(clap::error::ContextKind::InvalidArg)?;
    let clap::error::ContextValue::String(word) = context else { return None };
    (is_run && !word.starts_with('-')).then_some(word)
}

/// clap prints the error, tips and the usage as paragraphs. The first says what is wrong, and a tip
/// or the help of the command what to do.
fn one_sentence(paragraphs: &str) -> String {
    let plain = anstream::adapter::strip_str(paragraphs).to_string();
    let error = plain.split("\n\n").next().unwrap_or_default();
    let error = error.trim_start_matches("error: ");
    let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
    let tip = plain.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    match tip {
        _ if error.contains("try ") => error,
        Some(tip) => format!("{error}: {tip}"),
        None => format!("{error}: see {} --help", command_of(&plain)),
    }
}

/// The command whose usage clap shows: `lab run`, or `lab` alone.
fn command_of(plain: &str) -> String {
    let usage = plain.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap_or("lab");
    // The binary of somebody's own scenarios has the name of its crate: `my-scenario`.
    let in_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    let is_word = |word: &&str| !word.starts_with('-') && word.chars().all(in_name);
    usage.split(' ').take_while(is_word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_mistake_names_the_help_of_its_command() {
        let after = |usage: &str| command_of(&format!("error: no\n\nUsage: {usage}\n"));
        assert_eq!(after("lab run [OPTIONS] <SCENARIO>"), "lab run");
        assert_eq!(after("lab [OPTIONS] <COMMAND>"), "lab");
        assert_eq!(after("my-scenario2 new --path <DIR> <NAME>"), "my-scenario2 new");
    }

    #[test]
    fn a_variant_without_its_option_gets_the_option() {
        let error = Cli::try_parse_from(["lab", "run", "greedy", "fixed"]).unwrap_err();
        assert_eq!(unexpected_word(&error), Some("fixed"));
        for other in [&["lab", "run", "greedy", "--fxied"][..], &["lab", "list", "a", "b"]] {
            assert_eq!(
                unexpected_word(&Cli::try_parse_from(other).unwrap_err()),
                None,
                "{other:?}"
            );
        }
    }

    #[test]
    fn verbosity_is_asked_for_before_or_after_the_command() {
        let verbosity = |args: &[&str]| Cli::try_parse_from(args).map(|cli| cli.style().verbosity);
        assert_eq!(verbosity(&["lab", "list"]).unwrap(), Verbosity::Screen);
        assert_eq!(verbosity(&["lab", "-v", "list"]).unwrap(), Verbosity::Verbose);
        assert_eq!(verbosity(&["lab", "list", "-vv"]).unwrap(), Verbosity::Full);
        assert_eq!(verbosity(&["lab", "list", "--quiet"]).unwrap(), Verbosity::Quiet);
        assert!(verbosity(&["lab", "list", "-q", "-v"]).is_err());
    }

    #[test]
    fn errors_and_help_name_only_commands_that_exist() {
        let command = Cli::command();
        let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        for text in help::ALL {
            for line in text.lines() {
                let Some(rest) = line.trim_start().strip_prefix("lab ") else { continue };
                let word = rest.split_whitespace().next().unwrap_or_default();
                assert!(
                    known.contains(&word) || word == "help",
                    "lab {word} is not a command: {line}"
                );
            }
        }
    }

    #[test]
    fn every_command_and_option_has_a_help_text_in_sentence_case() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let about = command.get_about().unwrap_or_else(|| panic!("{name}")).to_string();
            assert!(about.starts_with(char::is_uppercase), "{name}: {about}");
            for option in command.get_arguments().filter(|option| option.get_id() != "help") {
                let text =
                    option.get_help().unwrap_or_else(|| panic!("{name} {option}")).to_string();
                assert!(text.starts_with(char::is_uppercase), "{name} {option}: {text}");
            }
        }
    }
}
