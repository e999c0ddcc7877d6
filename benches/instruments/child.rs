//! One measurement in a process of its own: what the parent starts, and what the child answers.
//!
//! The answer is a line on stdout; what went wrong is the end of stderr. An instrument may print what it likes besides.

use crate::each::{AddedUp, INSTRUMENTS, RECORDERS, Recorded, add_up};
use crate::program::Job;
use crate::say;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What the line of the answer begins with.
const ANSWER: &str = "measured: ";
/// What a child is asked for: the cost of an instrument, or what a recorder keeps.
const COST: &str = "--child";
const RECORD: &str = "--record";
/// When a child is given up: the slowest instrument needs seconds.
const DEADLINE: Duration = Duration::from_secs(120);
/// How often the parent looks, which is seldom enough to cost the child nothing.
const LOOK: Duration = Duration::from_millis(10);
/// Files of the child in its folder, which instruments must not see.
const STREAMS: [&str; 2] = ["stdout", "stderr"];

/// The child: measures an instrument and answers with nanoseconds a poll.
pub fn answer_cost(name: &str, job: &Job) -> Result<(), String> {
    let known = INSTRUMENTS.iter().find(|instrument| instrument.name == name);
    let instrument = known.ok_or_else(|| format!("there is no instrument called {name}"))?;
    answer(&format!("{}", (instrument.measure)(job)?))
}

/// The child: lets a recorder record, and answers with nanoseconds a poll, events kept and dropped, bytes, and what adding them up takes.
pub fn answer_record(name: &str, job: &Job) -> Result<(), String> {
    let known = RECORDERS.iter().find(|recorder| recorder.name == name);
    let recorder = known.ok_or_else(|| format!("there is no recorder called {name}"))?;
    let Recorded { ns, counts } = (recorder.record)(job)?;
    let AddedUp { reads, adds_up, megabytes } = add_up(&job.folder)?;
    answer(&format!("{ns} {} {} {} {reads} {adds_up} {megabytes}", counts.events, counts.dropped, counts.bytes))
}

fn answer(numbers: &str) -> Result<(), String> {
    writeln!(io::stdout(), "{ANSWER}{numbers}").map_err(|error| format!("cannot answer: {error}"))
}

/// The parent: measures an instrument in a new process.
pub fn measure(name: &str, polls: u64) -> Result<f64, String> {
    ask(COST, name, polls)?.first().copied().ok_or_else(|| "it gave no number".to_owned())
}

/// The parent: lets a recorder record in a new process.
pub fn record(name: &str, polls: u64) -> Result<Vec<f64>, String> {
    ask(RECORD, name, polls)
}

fn ask(what: &str, name: &str, polls: u64) -> Result<Vec<f64>, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no folder for the child: {error}"))?;
    let streams = STREAMS.map(|stream| folder.path().join(stream));
    let work = folder.path().join("work");
    fs::create_dir(&work).map_err(|error| format!("no folder for the child: {error}"))?;
    let mut child = start(&[what, name, "--polls", &polls.to_string(), "--folder"], &work, &streams)?;
    let status = wait(&mut child)?;
    let [said, complained] = streams.map(|stream| fs::read_to_string(stream).unwrap_or_default());
    read(status, &said, &complained)
}

fn start(args: &[&str], work: &Path, streams: &[impl AsRef<Path>; 2]) -> Result<Child, String> {
    let failed = |error: io::Error| format!("no child: {error}");
    let [out, err] = streams;
    Command::new(std::env::current_exe().map_err(failed)?)
        .args(args)
        .arg(work)
        .stdin(Stdio::null())
        .stdout(File::create(out).map_err(failed)?)
        .stderr(File::create(err).map_err(failed)?)
        .spawn()
        .map_err(failed)
}

fn wait(child: &mut Child) -> Result<ExitStatus, String> {
    let begin = Instant::now();
    while begin.elapsed() < DEADLINE {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status);
        }
        thread::sleep(LOOK);
    }
    let ended = child.kill().and_then(|()| child.wait());
    ended.unwrap_or_else(|error| {
        say(&format_args!("a child could not be ended: {error}"));
        ExitStatus::default()
    });
    Err(format!("it took more than {} s", DEADLINE.as_secs()))
}

fn read(status: ExitStatus, said: &str, complained: &str) -> Result<Vec<f64>, String> {
    if !status.success() {
        let why = complained.lines().rfind(|line| !line.trim().is_empty()).map_or("it said nothing", str::trim);
        return Err(format!("{why} ({status})"));
    }
    let answer = said.lines().rev().find_map(|line| line.strip_prefix(ANSWER)).ok_or("it gave no answer")?;
    answer.split_whitespace().map(|number| number.parse().map_err(|_| format!("{number} is no number"))).collect()
}
