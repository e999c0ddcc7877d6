//! One measurement in a process of its own: what the parent starts, and what the child answers.
//!
//! The answer is a line on stdout; what went wrong is the end of stderr. An instrument may print what it likes besides.

use crate::each::{INSTRUMENTS, Instrument};
use crate::program::Job;
use crate::say;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What the line of the answer begins with.
const ANSWER: &str = "ns a poll: ";
/// When a child is given up: the slowest instrument needs seconds.
const DEADLINE: Duration = Duration::from_secs(120);
/// How often the parent looks, which is seldom enough to cost the child nothing.
const LOOK: Duration = Duration::from_millis(10);
/// Files of the child in its folder, which instruments must not see.
const STREAMS: [&str; 2] = ["stdout", "stderr"];

/// The child: measures and answers.
pub fn answer(name: &str, job: &Job) -> Result<(), String> {
    let known = INSTRUMENTS.iter().find(|instrument| instrument.name == name);
    let instrument = known.ok_or_else(|| format!("there is no instrument called {name}"))?;
    let ns = (instrument.measure)(job)?;
    writeln!(io::stdout(), "{ANSWER}{ns}").map_err(|error| format!("cannot answer: {error}"))
}

/// The parent: measures an instrument in a new process.
pub fn measure(instrument: &Instrument, polls: u64) -> Result<f64, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no folder for the child: {error}"))?;
    let streams = STREAMS.map(|stream| folder.path().join(stream));
    let work = folder.path().join("work");
    fs::create_dir(&work).map_err(|error| format!("no folder for the child: {error}"))?;
    let mut child = start(instrument.name, polls, &work, &streams)?;
    let status = wait(&mut child)?;
    let [said, complained] = streams.map(|stream| fs::read_to_string(stream).unwrap_or_default());
    read(status, &said, &complained)
}

fn start(name: &str, polls: u64, work: &Path, streams: &[impl AsRef<Path>; 2]) -> Result<Child, String> {
    let failed = |error: io::Error| format!("no child: {error}");
    let [out, err] = streams;
    Command::new(std::env::current_exe().map_err(failed)?)
        .args(["--child", name, "--polls", &polls.to_string(), "--folder"])
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

fn read(status: ExitStatus, said: &str, complained: &str) -> Result<f64, String> {
    if !status.success() {
        let why = complained.lines().rfind(|line| !line.trim().is_empty()).map_or("it said nothing", str::trim);
        return Err(format!("{why} ({status})"));
    }
    let answer = said.lines().rev().find_map(|line| line.strip_prefix(ANSWER));
    answer.and_then(|ns| ns.parse().ok()).ok_or_else(|| "it gave no number".to_owned())
}
