//! The child process of a run: reads its spec, calls the code under test, and records how that
//! ended. The parent may be another program: all that they share is the folder.

use crate::attach;
use crate::session::Session;
use crate::threads::{panics, post_mortem};
use lab_kit::{Cx, ProfilerHooks, limits, process};
use lab_recording::folder;
use lab_recording::outcome::{End, Usage};
use lab_recording::profiler::Profiler;
use lab_recording::spec::Spec;
use nix::sys::resource::{UsageWho, getrusage};
use std::ffi::{CString, OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The hidden command of a child: `PROGRAM __child FOLDER`.
pub const SUBCOMMAND: &str = "__child";

/// The code under test.
pub type Run<'a> = &'a dyn Fn(&Cx) -> anyhow::Result<()>;

/// The folder of a run, if the arguments of this process are those of a child.
pub fn folder(args: &[OsString]) -> Option<&Path> {
    match args {
        [_, word, folder] if word == OsStr::new(SUBCOMMAND) => Some(Path::new(folder)),
        _ => None,
    }
}

/// Runs the code that `find` chooses by the spec in the folder. The parent reads the results from
/// the folder and the exit status.
pub fn main<'a>(folder: &Path, find: impl FnOnce(&Spec) -> anyhow::Result<Run<'a>>) -> ExitCode {
    run(folder, None, find)
}

/// The same for a measuring run with a recorder that is none of the lab's.
pub fn main_beside<'a>(
    folder: &Path,
    recorder: Arc<dyn ProfilerHooks>,
    find: impl FnOnce(&Spec) -> anyhow::Result<Run<'a>>,
) -> ExitCode {
    run(folder, Some(recorder), find)
}

fn run<'a>(
    folder: &Path,
    other: Option<Arc<dyn ProfilerHooks>>,
    find: impl FnOnce(&Spec) -> anyhow::Result<Run<'a>>,
) -> ExitCode {
    process::die_with_the_parent();
    name_after_binary();
    let failed = record(folder, other, find).err().map(|error| format!("{error:#}"));
    let code = if failed.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    match folder::write_end(folder, &End { failed, usage: usage() }) {
        Ok(()) => code,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Gives this process the name of its binary, which was started by way of `/proc` and would be
/// called `exe` in every list of processes.
pub fn name_after_binary() {
    let binary = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&binary).file_name().unwrap_or_default();
    if let Ok(name) = CString::new(name.as_bytes()) {
        // A name is a convenience: without it the process works all the same.
        let _ = rustix::thread::set_name(&name);
    }
}

fn record<'a>(
    folder: &Path,
    other: Option<Arc<dyn ProfilerHooks>>,
    find: impl FnOnce(&Spec) -> anyhow::Result<Run<'a>>,
) -> anyhow::Result<()> {
    let spec = folder::read_spec(folder)?;
    // The parent may have ended before this process asked the kernel to end it with the parent.
    anyhow::ensure!(
        std::os::unix::process::parent_id() == spec.parent,
        "the lab ended before this run began"
    );
    let run = find(&spec)?;
    post_mortem::stand_by(folder);
    let cx = Cx::create(spec.load, folder)?;
    let Some(profiler) = spec.purpose.profiler() else {
        let cx = match other {
            Some(other) => cx.profiled(other),
            None => cx,
        };
        return call(run, &cx, folder);
    };
    let session = Session::new(profiler, folder);
    if profiler == Profiler::Console {
        attach::wait_for_start(folder);
    }
    let called = call(run, &cx.profiled(session.clone()), folder);
    if let Err(error) = session.finish() {
        say(&format!("cannot write the {profiler} profile: {error:#}"));
    }
    called
}

/// Writes one line to stderr, which the parent keeps in a file. Where the kernel refused something,
/// the line names the limit.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "lab: {}", limits::explained(text));
}

/// Calls the code under test and turns a panic of this thread into an error with the panic's text and
/// place. Panics of other threads go to stderr as ever: whether they matter is for that code to
/// say. All leave their stacks in the folder.
fn call(run: Run<'_>, cx: &Cx, folder: &Path) -> anyhow::Result<()> {
    static PANIC: Mutex<Option<String>> = Mutex::new(None);
    let (main_thread, folder) = (thread::current().id(), folder.to_owned());
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let text = describe(info);
        panics::note(&folder, &text);
        if thread::current().id() == main_thread {
            *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        }
        print(info);
    }));
    panic::catch_unwind(AssertUnwindSafe(|| run(cx))).unwrap_or_else(|_| {
        let text = PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(anyhow::Error::msg(text.unwrap_or_else(|| "panicked".into())))
    })
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let text = info.payload_as_str().unwrap_or("a payload that is not text");
    match info.location() {
        Some(at) => format!("panicked at {at}: {text}"),
        None => format!("panicked: {text}"),
    }
}

/// What this process has used so far.
fn usage() -> Option<Usage> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    let switches = usage.voluntary_context_switches() + usage.involuntary_context_switches();
    // Linux counts kilobytes here; so does everybody but macOS, which counts bytes.
    let unit = if cfg!(target_os = "macos") { 1_024 } else { 1 };
    Some(Usage {
        peak_memory_kb: usage.max_rss() as u64 / unit,
        peak_live_bytes: lab_kit::alloc::peak_bytes(),
        switches: switches as u64,
    })
}
