//! Builds the programs of an exercise with cargo, whose own words are printed as they come.

use crate::engine::supervise::Interrupts;
use anyhow::Context;
use serde::Deserialize;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What became of a build.
#[derive(Debug)]
pub(crate) enum Built {
    /// The folder of the programs.
    In(PathBuf),
    /// They do not build. What cargo printed, if it was not shown as it came.
    No(String),
    /// A signal interrupted it.
    Interrupted(i32),
}

/// Where the words of the compiler go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// To stderr, as they come.
    AsTheyCome,
    /// Nowhere: the caller shows them.
    Kept,
}

/// Between two looks at cargo.
const EVERY: Duration = Duration::from_millis(20);

/// The part of a message of `cargo build --message-format json` that is needed.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

/// Builds these programs of the package in `folder`.
///
/// # Errors
/// If cargo cannot be started.
pub(crate) fn build(
    folder: &Path,
    programs: &[String],
    shown: Shown,
    interrupts: &Interrupts,
) -> anyhow::Result<Built> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(folder).args(["build", "--message-format", "json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release"); // as the lab itself, with which it shares what was built
    }
    for program in programs {
        cargo.args(["--bin", program]);
    }
    let stderr = if shown == Shown::Kept { Stdio::piped() } else { Stdio::inherit() };
    cargo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
    let mut child =
        cargo.spawn().context("cannot start cargo: is it in the PATH of this shell?")?;
    // Both pipes are emptied beside the wait: a full one would stop cargo.
    let stdout = beside("cargo-stdout", child.stdout.take(), executables)?;
    let stderr = beside("cargo-stderr", child.stderr.take(), text_of)?;
    let success = wait(&mut child, interrupts)?;
    let executables = stdout.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let text = stderr.and_then(|thread| thread.join().ok()).unwrap_or_default();
    Ok(match (success, executables.first().and_then(|first| first.parent())) {
        (None, _) => Built::Interrupted(interrupts.signal().unwrap_or_default()),
        (Some(true), Some(folder)) => Built::In(folder.to_owned()),
        _ => Built::No(text),
    })
}

/// Reads a pipe in a thread of its own; none if there is no pipe.
fn beside<P: Send + 'static, T: Send + 'static>(
    name: &str,
    pipe: Option<P>,
    read: fn(P) -> T,
) -> anyhow::Result<Option<JoinHandle<T>>> {
    let Some(pipe) = pipe else { return Ok(None) };
    let thread = thread::Builder::new().name(name.into()).spawn(move || read(pipe));
    Ok(Some(thread.context("cannot start a thread")?))
}

fn text_of(mut pipe: impl Read) -> String {
    let mut text = Vec::new();
    // What was read before an error is worth showing.
    let _ = pipe.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The programs that a build reports.
fn executables(stdout: impl Read) -> Vec<PathBuf> {
    let lines = BufReader::new(stdout).lines().map_while(Result::ok);
    lines.filter_map(|line| serde_json::from_str::<Message>(&line).ok()?.executable).collect()
}

/// Whether cargo succeeded; none if the lab was interrupted, and then cargo is ended too.
fn wait(child: &mut Child, interrupts: &Interrupts) -> anyhow::Result<Option<bool>> {
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for cargo")? {
            return Ok(interrupts.signal().is_none().then_some(status.success()));
        }
        if interrupts.signal().is_some() {
            let _ = child.kill();
            let _ = child.wait();
            return Ok(None);
        }
        thread::sleep(EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_among_other_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\nnot json\n\
                        {\"reason\":\"compiler-artifact\",\"executable\":\"/t/release/quotes\"}\n\
                        {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executables(messages.as_bytes()), [Path::new("/t/release/quotes")]);
    }
}
