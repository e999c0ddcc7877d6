//! The command line: clap's derive and the parsing of single values, nothing else.

mod doctor;
mod export;
mod overhead;
mod score;
pub(crate) use doctor::DoctorArgs;
pub(crate) use export::{ExportArgs, ExportTo};
pub(crate) use overhead::{OverheadArgs, OverheadFormat};
pub(crate) use score::{ScoreArgs, ScoreFormat};

use crate::engine::plan::Sizes;
use crate::exit;
use crate::exit::Exit;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use lab_recording::Arrivals;
use lab_recording::profiler::Profiler;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Reproduces the ways async Rust misbehaves, measures them from outside, and proves the fix.
#[derive(Debug, Parser)]
#[command(name = "lab", version, disable_help_subcommand = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Only ASCII, no colour
    #[arg(long, global = true)]
    pub plain: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists scenarios and their variants
    List(ListArgs),
    /// Runs variants of a scenario under load, judges their claims and reports
    Run(RunArgs),
    /// Runs two variants as pairs and tells by how much each metric changed, with intervals
    Compare(Box<CompareArgs>),
    /// Runs a batch at many sizes and tells how its cost grows
    Sweep(SweepArgs),
    /// Puts every claim of every variant to the test, under short loads
    Verify(VerifyArgs),
    /// Tells how often the diagnosis is right, over all variants whose answer is known
    Score(ScoreArgs),
    /// Tells what this machine can measure, what it cannot, and how large its noise is
    Doctor(DoctorArgs),
    /// Tells what each instrument of the lab costs here, in under a minute
    Overhead(OverheadArgs),
    /// Reads a recording again
    Results(ReportArgs),
    /// Writes a recording in a format of other tools
    Export(ExportArgs),
    /// Writes a completion script for a shell
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only this scenario
    pub scenario: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The scenario, as `lab list` names it
    pub scenario: String,
    /// Runs the default fix instead of the buggy variant
    #[arg(long, group = "which")]
    pub fixed: bool,
    /// Runs this variant
    #[arg(long, group = "which", value_name = "NAME")]
    pub variant: Option<String>,
    /// Runs every variant, one after another, and compares them
    #[arg(long, group = "which")]
    pub all: bool,
    #[command(flatten)]
    pub load: LoadArgs,
    /// Prints beside the honest numbers what a closed-loop benchmark would have said
    #[arg(long)]
    pub naive: bool,
    /// What looks into it after it was measured: cpu, alloc, stall, sched, spans, all, none [default: cpu,alloc,stall,sched; none
    /// with --all and --trials]
    #[arg(long, value_name = "PROFILERS", value_parser = profilers)]
    pub profile: Option<Profilers>,
    /// Runs it once more, to be watched live with tokio-console, and tells what that cost
    #[arg(long, conflicts_with_all = ["all", "trials"])]
    pub console: bool,
    /// Runs it this many times, each with another seed, and tells how often it ends how
    #[arg(long, value_name = "N", value_parser = count, allow_hyphen_values = true)]
    pub trials: Option<usize>,
    /// Kills a run that takes longer than this [default: the load's own time and some seconds]
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    pub timeout: Option<Duration>,
    /// Exits with code 4 if a check is undecided
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub record: RecordArgs,
}

/// What every command has that runs something.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Prints what would be run and runs nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Where recordings go
    #[arg(long, value_name = "DIR", default_value = "lab-runs")]
    pub out: PathBuf,
}

/// What replaces parts of a scenario's own load.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct LoadArgs {
    /// Worker threads of the runtime
    #[arg(long, value_name = "N", value_parser = number::<usize>, allow_hyphen_values = true)]
    pub workers: Option<usize>,
    /// Mean requests per second
    #[arg(long, value_name = "N", value_parser = rate, allow_hyphen_values = true)]
    pub rate: Option<f64>,
    /// Measured time, with a unit: 3s, 500ms
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    pub duration: Option<Duration>,
    /// How requests are spread: constant, poisson, ramp:3, step:3
    #[arg(long, value_name = "MODEL", allow_hyphen_values = true)]
    pub arrivals: Option<Arrivals>,
    /// Bytes of one piece of work, plain or with a unit: 16000, 16kB, 1MiB. Of a batch, the pieces: 10000
    #[arg(long, value_name = "BYTES", value_parser = size, allow_hyphen_values = true)]
    pub size: Option<usize>,
    /// Seed of arrivals and generated data
    #[arg(long, value_name = "N", value_parser = number::<u64>, allow_hyphen_values = true)]
    pub seed: Option<u64>,
    /// Real messages instead of generated ones: one JSON document a line
    #[arg(long, value_name = "FILE")]
    pub messages: Option<PathBuf>,
    /// How long slow storage stalls: 250ms, 5s
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    pub stall: Option<Duration>,
    /// A folder of real text files instead of slow storage
    #[arg(long, value_name = "DIR")]
    pub files: Option<PathBuf>,
}

/// The load of one side of a comparison, as it was typed and what it says.
#[derive(Clone, Debug)]
pub(crate) struct OwnLoad {
    pub text: String,
    pub args: LoadArgs,
}

impl LoadArgs {
    /// These arguments, and where they say nothing those.
    pub fn over(&self, base: &LoadArgs) -> LoadArgs {
        LoadArgs {
            workers: self.workers.or(base.workers),
            rate: self.rate.or(base.rate),
            duration: self.duration.or(base.duration),
            arrivals: self.arrivals.or(base.arrivals),
            size: self.size.or(base.size),
            seed: self.seed.or(base.seed),
            messages: self.messages.clone().or_else(|| base.messages.clone()),
            stall: self.stall.or(base.stall),
            files: self.files.clone().or_else(|| base.files.clone()),
        }
    }
}

/// Reads `rate=100,duration=1s` as the options of the same names. The seed is both sides' own.
fn own_load(text: &str) -> Result<OwnLoad, String> {
    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        load: LoadArgs,
    }
    let unclear = |why: &str| format!("{why}: try rate=100,duration=1s");
    let option = |part: &str| match part.split_once('=') {
        Some(("seed", _)) => Err(unclear("both sides of a pair share one seed")),
        Some((name, value)) => Ok(format!("--{name}={value}")),
        None => Err(unclear("this is no list of name=value")),
    };
    let options = text.split(',').map(option).collect::<Result<Vec<_>, _>>()?;
    let parsed = Options::try_parse_from(std::iter::once("load".to_owned()).chain(options));
    let args = parsed.map_err(|error| unclear(&one_sentence(&error.to_string())))?.load;
    Ok(OwnLoad { text: text.to_owned(), args })
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The scenario, as `lab list` names it; or the folder of a recording to be the side before
    pub scenario: String,
    /// The variant before, or a recording of it [default: the buggy one]
    pub before: Option<String>,
    /// The variant after, or a recording of it [default: fixed]
    pub after: Option<String>,
    /// How many pairs are run [default: 8]
    #[arg(long, value_name = "N", value_parser = pairs, allow_hyphen_values = true)]
    pub pairs: Option<usize>,
    /// Looks at 8, 12 and 16 pairs, and stops as soon as the primary metric is decided
    #[arg(long, conflicts_with = "pairs")]
    pub looks: bool,
    /// Compares these metrics and no others; the first decides
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub metric: Vec<String>,
    /// Compares a variant with itself: what this machine calls a change though there is none
    #[arg(long)]
    pub null: bool,
    /// The load of the side before, where it differs: rate=100,duration=1s
    #[arg(long, value_name = "LOAD", value_parser = own_load)]
    pub load_a: Option<OwnLoad>,
    /// The load of the side after, where it differs: what grows that should not
    #[arg(long, value_name = "LOAD", value_parser = own_load)]
    pub load_b: Option<OwnLoad>,
    #[command(flatten)]
    pub load: LoadArgs,
    /// What looks into both sides after the pairs: cpu, alloc, stall, sched, spans, all, none [default: cpu,alloc,stall,sched, or
    /// none where that would take half as long as the pairs, or longer]
    #[arg(long, value_name = "PROFILERS", value_parser = profilers)]
    pub profile: Option<Profilers>,
    /// Kills a run that takes longer than this [default: the load's own time and some seconds]
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    pub timeout: Option<Duration>,
    /// Exits with code 4 if a check is undecided
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub record: RecordArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// The scenario, as `lab list` names it
    pub scenario: String,
    /// The smallest size [default: half of the scenario's own]
    #[arg(long, value_name = "N", value_parser = size, allow_hyphen_values = true)]
    pub size: Option<usize>,
    /// How many sizes, each twice the one before
    #[arg(long, value_name = "N", value_parser = sizes, allow_hyphen_values = true, default_value_t = Sizes::COUNT)]
    pub sizes: u32,
    /// How often each size is run
    #[arg(long, value_name = "N", value_parser = repetitions, allow_hyphen_values = true,
          default_value_t = Sizes::REPETITIONS)]
    pub repetitions: usize,
    /// Worker threads of the runtime
    #[arg(long, value_name = "N", value_parser = number::<usize>, allow_hyphen_values = true)]
    pub workers: Option<usize>,
    /// Seed of the data and of the order
    #[arg(long, value_name = "N", value_parser = number::<u64>, allow_hyphen_values = true)]
    pub seed: Option<u64>,
    /// Kills a run that takes longer than this [default: a minute]
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    pub timeout: Option<Duration>,
    /// Exits with code 4 if a check is undecided
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub record: RecordArgs,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Only these scenarios
    pub scenarios: Vec<String>,
    /// Exits with code 4 if a check is undecided
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub record: RecordArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The folder of a run or of an invocation, of a comparison too [default: the newest in --out]
    pub run: Option<PathBuf>,
    /// Writes it as a page too, one file that works offline [default: report.html in the recording]
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub html: Option<Option<PathBuf>>,
    /// Writes the page and opens it in a browser
    #[arg(long)]
    pub open: bool,
    /// Prints beside the honest numbers what a closed-loop benchmark would have said
    #[arg(long)]
    pub naive: bool,
    /// Exits with code 4 if a check is undecided
    #[arg(long)]
    pub strict: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Where recordings were put
    #[arg(long, value_name = "DIR", default_value = "lab-runs")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell to complete for
    pub shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One screen for people
    Text,
    /// One JSON document, `lab.result.v2`
    Json,
    /// What everybody repeats about it, held against these recordings: Markdown
    Ledger,
}

impl Cli {
    /// Turns colour off for everything that prints through `anstream`, which honours `NO_COLOR` by itself.
    pub fn choose_colour(&self) {
        if self.plain {
            anstream::ColorChoice::Never.write_global();
        }
    }
}

/// Help and version go to stdout; a mistake becomes one sentence that names the next step.
pub(crate) fn report(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        let _ = error.print();
        return Exit::Done;
    }
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return Exit::Usage;
    }
    exit::say(&one_sentence(&error.to_string()));
    Exit::Usage
}

/// clap tells a mistake in paragraphs: the mistake, tips, usage. The first tells what, a tip or the help of
/// the command tells what next.
fn one_sentence(paragraphs: &str) -> String {
    let plain = anstream::adapter::strip_str(paragraphs).to_string();
    let told = plain.split("\n\n").next().unwrap_or_default();
    let told = told.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ");
    let tip = plain.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    match tip {
        _ if told.contains("try ") => told,
        Some(tip) => format!("{told}: {tip}"),
        None => format!("{told}: see {} --help", command_of(&plain)),
    }
}

/// The command whose usage clap shows: `lab run`, or `lab` alone.
fn command_of(plain: &str) -> String {
    let usage = plain.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap_or("lab");
    let is_word = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase());
    usage.split(' ').take_while(is_word).collect::<Vec<_>>().join(" ")
}

/// Profilers by name, in the order in which they are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profilers(pub Vec<Profiler>);

fn profilers(text: &str) -> Result<Profilers, String> {
    match text {
        "all" => Ok(Profilers(Profiler::ALL.into())),
        "none" => Ok(Profilers(Vec::new())),
        named => {
            let mut profilers = named.split(',').map(Profiler::from_str).collect::<Result<Vec<_>, _>>()?;
            profilers.sort();
            profilers.dedup();
            Ok(Profilers(profilers))
        }
    }
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "this is no whole number that fits here: try 1".into())
}

fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=10_000).contains(count));
    count.ok_or_else(|| "this is no whole number from 1 to 10000: try 20".into())
}

fn pairs(text: &str) -> Result<usize, String> {
    let pairs = text.parse().ok().filter(|pairs| (6..=1_000).contains(pairs));
    pairs.ok_or_else(|| "fewer than 6 pairs cannot reach 95 %, and 1000 are enough: try 8".into())
}

fn sizes(text: &str) -> Result<u32, String> {
    let sizes = text.parse().ok().filter(|sizes| (Sizes::COUNT..=20).contains(sizes));
    sizes.ok_or_else(|| "an exponent needs 6 sizes at least, and 20 are enough: try 6".into())
}

fn repetitions(text: &str) -> Result<usize, String> {
    let repetitions = text.parse().ok().filter(|repetitions| (3..=100).contains(repetitions));
    repetitions.ok_or_else(|| "an interval needs 3 repetitions at least, and 100 are enough: try 5".into())
}

fn rate(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "this is no number: try --rate 2000".into())
}

fn duration(text: &str) -> Result<Duration, String> {
    let refused = |why: &str| format!("{why}: try 3s or 500ms");
    if text.trim_start().starts_with('-') {
        return Err(refused("a time cannot be negative"));
    }
    if text.parse::<f64>().is_ok() {
        return Err(refused("a time needs a unit"));
    }
    let duration = humantime::parse_duration(text).map_err(|_| refused("this is no time"))?;
    if duration.is_zero() {
        return Err(refused("a time must be above zero"));
    }
    if duration > Duration::from_secs(86_400) {
        return Err(refused("a time can be one day at most"));
    }
    Ok(duration)
}

fn size(text: &str) -> Result<usize, String> {
    const UNITS: [(&str, usize); 5] = [("kB", 1_000), ("MB", 1_000_000), ("KiB", 1 << 10), ("MiB", 1 << 20), ("B", 1)];
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?.trim_end(), *factor)))
        .unwrap_or((text, 1));
    let bytes = number.parse::<usize>().ok().and_then(|n| n.checked_mul(factor));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "this is no size in bytes: try 16000, 16kB or 1MiB".into())
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
    fn a_side_may_have_a_load_of_its_own() {
        let own = own_load("rate=100,duration=1s").unwrap();
        assert_eq!((own.args.rate, own.args.duration), (Some(100.0), Some(Duration::from_secs(1))));
        let base = LoadArgs { rate: Some(5.0), workers: Some(2), ..LoadArgs::default() };
        let merged = own.args.over(&base);
        assert_eq!((merged.rate, merged.workers), (Some(100.0), Some(2)));
        for bad in ["", "rate", "rate=many", "speed=7", "seed=3", "duration=3"] {
            assert!(own_load(bad).unwrap_err().contains("try rate=100"), "{bad}: {}", own_load(bad).unwrap_err());
        }
    }

    #[test]
    fn times_need_a_unit_and_sizes_may_have_one() {
        assert_eq!(duration("1s 500ms"), Ok(Duration::from_millis(1_500)));
        for bad in ["3", "-3s", "0s", "soon", "", "99999999999999999999s", "400d"] {
            assert!(duration(bad).unwrap_err().contains("try 3s"), "{bad}");
        }
        assert_eq!((size("16kB"), size("1 MiB"), size("512")), (Ok(16_000), Ok(1 << 20), Ok(512)));
        for bad in ["0", "-1", "1.5kB", "kB", "99999999999999999999", "9999999999999999MiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
