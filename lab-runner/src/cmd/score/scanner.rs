//! An external scanner: a program that takes a recording and prints one line, the cause it finds.

use crate::engine::supervise::Interrupts;
use crate::exit::{self, UsageError};
use anyhow::{Context, bail, ensure};
use lab_analysis::profile::FOLDER;
use lab_analysis::score::CRASHED;
use rustix::process::{Pid, Signal, kill_process_group};
use std::cell::RefCell;
use std::collections::HashSet;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a scanner may take for a run.
const LIMIT: Duration = Duration::from_secs(30);
/// The most that a scanner may print for a run, in bytes.
const MOST: u64 = 64 << 10;
/// The interval between two checks whether somebody interrupted the lab.
const LOOK: Duration = Duration::from_millis(50);
/// How long a scanner may take to exit after its output has ended.
const SOON: Duration = Duration::from_secs(1);
/// The exit code of a scanner that cannot scan any run.
const UNUSABLE: i32 = 2;
/// The beginning of the line in which a scanner reports versions, its own and those of what it uses.
const VERSIONS: &str = "versions ";

/// A scanner.
#[derive(Debug)]
pub(crate) struct Scanner {
    program: PathBuf,
    /// Warnings that were printed: a scanner that fails on every run says so once.
    warned: RefCell<HashSet<String>>,
}

/// What a scanner printed for a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its first line; empty if there is none.
    pub line: String,
    /// The rest of its line of versions.
    pub versions: Option<String>,
}

/// Why a scanner has no answer.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// It cannot scan any run, for this reason.
    Unusable(String),
    /// It failed on this run.
    Crashed(String),
}

impl Scanner {
    /// Checks before the first run that a program exists.
    pub fn find(program: &Path) -> anyhow::Result<Scanner> {
        // A bare name is looked for as a shell would.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let bare = program.components().count() == 1 && program.parent() == Some(Path::new(""));
        let found = if bare {
            std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
        } else {
            program.is_file()
        };
        if found {
            return Ok(Scanner { program: program.to_owned(), warned: RefCell::default() });
        }
        let shown = program.display();
        Err(UsageError::error(format!("there is no program '{shown}': try --scanner ./scan")))
    }

    /// The command, as it was given.
    pub fn command(&self) -> String {
        self.program.display().to_string()
    }

    /// The answer for a run. A scanner that fails, takes too long or prints too much has crashed on
    /// this run, and a warning has the reason.
    ///
    /// # Errors
    /// If the scanner reports that it cannot scan any run, by exit code 2.
    pub fn answer(&self, cell: &Path, interrupts: &Interrupts) -> anyhow::Result<Answer> {
        let is_interrupted = || interrupts.signal().is_some();
        match answer_within(LIMIT, &self.program, cell, &is_interrupted) {
            _ if is_interrupted() => Ok(Answer::default()),
            Ok((answer, said)) => {
                if answer.line == CRASHED && !said.is_empty() {
                    self.warn(&said);
                }
                Ok(answer)
            }
            Err(Failure::Unusable(why)) => {
                Err(UsageError::error(format!("{}: {why}", self.program.display())))
            }
            Err(Failure::Crashed(why)) => {
                self.warn(&why);
                Ok(Answer { line: CRASHED.to_owned(), versions: None })
            }
        }
    }

    fn warn(&self, why: &str) {
        if self.warned.borrow_mut().insert(why.to_owned()) {
            exit::say(&format!("warning: {}: {why}", self.program.display()));
        }
    }
}

/// The answer of a scanner, and the last line that it printed to stderr.
fn answer_within(
    limit: Duration,
    scanner: &Path,
    cell: &Path,
    is_interrupted: &dyn Fn() -> bool,
) -> Result<(Answer, String), Failure> {
    let crashed = |error: anyhow::Error| Failure::Crashed(format!("{error:#}"));
    let (status, stdout, stderr) = run(limit, scanner, cell, is_interrupted).map_err(crashed)?;
    let said = stderr.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    let because = |what: &str| match said {
        "" => what.to_owned(),
        said => said.to_owned(),
    };
    match status.map(|status| (status.success(), status.code())) {
        // One that goes on after its output has ended is killed, and its answer is whole.
        None | Some((true, _)) => {}
        Some((_, Some(UNUSABLE))) => {
            return Err(Failure::Unusable(because("it cannot scan any run: exit code 2")));
        }
        Some((_, Some(code))) => {
            return Err(Failure::Crashed(because(&format!("it failed with exit code {code}"))));
        }
        Some((_, None)) => return Err(Failure::Crashed(because("it was killed by a signal"))),
    }
    let line = stdout.lines().next().unwrap_or_default().to_owned();
    let versions = stdout.lines().find_map(|line| line.strip_prefix(VERSIONS)).map(str::to_owned);
    Ok((Answer { line, versions }, said.to_owned()))
}

/// Runs a scanner: its exit status, if it exited by itself, and what it printed.
fn run(
    limit: Duration,
    scanner: &Path,
    cell: &Path,
    is_interrupted: &dyn Fn() -> bool,
) -> anyhow::Result<(Option<ExitStatus>, String, String)> {
    let mut command = Command::new(scanner);
    command.arg(recording(cell)).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // In a group of its own, so that it ends with everything it started.
    let mut child = command.process_group(0).spawn().context("cannot start it")?;
    let deadline = Instant::now() + limit;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let output = stdout.map(read).transpose().and_then(|stdout| {
        let stderr = stderr.map(read).transpose()?;
        Ok((stdout.context("it has no output")?, stderr.context("it has no output")?))
    });
    let printed = output.and_then(|(stdout, stderr)| {
        loop {
            match stdout.recv_timeout(LOOK) {
                Ok(bytes) => return Ok((bytes?, stderr)),
                Err(_) if is_interrupted() => bail!("interrupted"),
                Err(_) if Instant::now() < deadline => {}
                Err(_) => bail!("it took longer than {} s and was killed", limit.as_secs()),
            }
        }
    });
    let is_whole = printed.as_ref().is_ok_and(|(printed, _)| printed.len() as u64 <= MOST);
    let status =
        if is_whole { exit_of(&mut child, deadline.min(Instant::now() + SOON)) } else { None };
    // Whatever it still does is of no use: its output has ended, or nobody waits for it any longer.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let _ = child.wait();
    let (printed, stderr) = printed?;
    ensure!(is_whole, "it printed more than {} KiB and was killed", MOST >> 10);
    let said = stderr.recv_timeout(SOON).ok().and_then(Result::ok).unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((status, text(&printed), text(&said)))
}

/// Reads what is printed, to its end or to the limit, on a thread of its own.
fn read(from: impl Read + Send + 'static) -> anyhow::Result<Receiver<std::io::Result<Vec<u8>>>> {
    let (sender, printed) = channel();
    thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let read = from.take(MOST + 1).read_to_end(&mut bytes);
        let _ = sender.send(read.map(|_| bytes));
    })?;
    Ok(printed)
}

/// The exit status of a child, if it exits in time.
fn exit_of(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(1)),
            Ok(status) => return status,
            Err(_) => return None,
        }
    }
}

/// The recording of a run under the scheduler profiler, which records most.
fn recording(cell: &Path) -> PathBuf {
    let entries = std::fs::read_dir(cell.join(FOLDER)).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path());
    let sched = folders.into_iter().find(|folder| folder.to_string_lossy().ends_with("-sched"));
    sched.unwrap_or_else(|| cell.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn asked(
        script: &str,
        limit: Duration,
        is_interrupted: &dyn Fn() -> bool,
    ) -> (String, Duration) {
        let folder = tempfile::tempdir().unwrap();
        let scanner = folder.path().join("scan");
        std::fs::write(&scanner, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&scanner, std::fs::Permissions::from_mode(0o755)).unwrap();
        let begin = Instant::now();
        let answer = match answer_within(limit, &scanner, folder.path(), is_interrupted) {
            Ok((answer, _)) => answer.line,
            Err(Failure::Unusable(why)) => format!("unusable: {why}"),
            Err(Failure::Crashed(why)) => why,
        };
        (answer, begin.elapsed())
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn the_first_line_is_the_answer() {
        assert_eq!(asked("echo long-poll; echo more", LONG, &|| false).0, "long-poll");
        assert_eq!(asked("echo nothing", LONG, &|| false).0, "nothing");
        assert_eq!(asked("exit 0", LONG, &|| false).0, "");
        // What it does after its output is of no interest.
        let slow = "echo leak; exec >&- 2>&-; sleep 600";
        assert_eq!(asked(slow, LONG, &|| false).0, "leak");
    }

    #[test]
    fn a_scanner_that_fails_has_crashed_whatever_it_printed() {
        let asked = |script| asked(script, LONG, &|| false).0;
        assert_eq!(asked("echo leak; exit 3"), "it failed with exit code 3");
        assert_eq!(asked("echo first >&2; echo TypeError >&2; exit 1"), "TypeError");
        assert_eq!(asked("kill -9 $$"), "it was killed by a signal");
        assert_eq!(asked("echo install node >&2; exit 2"), "unusable: install node");
        assert_eq!(asked("exit 2"), "unusable: it cannot scan any run: exit code 2");
    }

    #[test]
    fn versions_are_on_a_line_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let scanner = folder.path().join("scan");
        let script = "#!/bin/sh\necho crashed; echo versions a 1, b 2; echo why >&2\n";
        std::fs::write(&scanner, script).unwrap();
        std::fs::set_permissions(&scanner, std::fs::Permissions::from_mode(0o755)).unwrap();
        let (answer, said) = answer_within(LONG, &scanner, folder.path(), &|| false).unwrap();
        let versions = Some("a 1, b 2".to_owned());
        assert_eq!((answer, said), (Answer { line: CRASHED.into(), versions }, "why".into()));
    }

    #[test]
    fn a_scanner_that_does_not_end_is_killed_with_all_it_started() {
        let (answer, _) = asked("yes", LONG, &|| false);
        assert_eq!(answer, "it printed more than 64 KiB and was killed");
        let stubborn = "trap '' TERM INT; sleep 600 & wait; sleep 600";
        let (answer, _) = asked(stubborn, Duration::from_secs(1), &|| false);
        assert_eq!(answer, "it took longer than 1 s and was killed");
        let (answer, took) = asked(stubborn, LONG, &|| true);
        assert_eq!(answer, "interrupted");
        assert!(took < LONG, "{took:?}");
    }
}
