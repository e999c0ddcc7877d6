//! The run of `lab run --console`: where to attach, the wait for a client, and the overhead of
//! being watched.

use crate::cmd::profile::profile;
use crate::engine::attach::{self, Started};
use crate::engine::execute::{run_name, spec};
use crate::engine::plan;
use crate::engine::plan::Planned;
use crate::engine::raw::RawLogs;
use crate::engine::supervise::Interrupts;
use crate::exit;
use crate::exit::UsageError;
use lab_analysis::profile::FOLDER;
use lab_analysis::requests::{Analysis, analyse};
use lab_analysis::results::Results;
use lab_recorder::attach::{LIMIT, start};
use lab_recorder::profilers::console::{CAN_BE_WATCHED, HOW_TO_BE_WATCHED, port};
use lab_recording::folder;
use lab_recording::profiler::Profiler;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// CPU time of an operation.
const COST: &str = "cpu_us_per_op";

/// Refuses what this build cannot do, before anything is made.
pub(crate) fn check() -> anyhow::Result<()> {
    if CAN_BE_WATCHED { Ok(()) } else { Err(UsageError::error(HOW_TO_BE_WATCHED)) }
}

/// Repeats a run under tokio-console, once a client is attached. Returns the signal that
/// interrupted.
pub(crate) fn watch(runs: &[Planned], folder: &Path, interrupts: &Interrupts) -> Option<i32> {
    let mut watched = plan::watched(runs);
    for run in &mut watched {
        run.timeout += LIMIT;
    }
    let run_folders: Vec<PathBuf> = watched
        .iter()
        .enumerate()
        .map(|(number, run)| folder.join(FOLDER).join(run_name(number, watched.len(), &spec(run))))
        .collect();
    let starter = thread::Builder::new().name("lab-console".into()).spawn(move || {
        run_folders.iter().for_each(|run| start_when_attached(run, port()));
    });
    if starter.is_err() {
        exit::say("warning: cannot wait for a console: no thread; the run starts without waiting");
    }
    profile(&watched, folder, interrupts, RawLogs::Keep)
}

/// Prints where to attach, and starts the run once a client is connected or Enter is pressed.
fn start_when_attached(run: &Path, port: u16) {
    if !attach::is_served(port) {
        let next = "stderr.txt in the run's folder may show the reason, or try again";
        exit::say(&format!("port {port} is not served: {next}"));
        return start(run);
    }
    let limit = LIMIT.as_secs();
    exit::say(&format!(
        "waiting for a console: run tokio-console http://127.0.0.1:{port} in another terminal; \
         the run starts when it is connected, on Enter, or after {limit} s"
    ));
    let started = attach::wait_for_client(port, &keys());
    exit::say(match started {
        Started::Attached => "a client is connected: the run starts",
        Started::Key => "the run starts without a client",
        Started::Limit => "no client was connected: the run starts",
    });
    start(run);
}

/// A message for each line on stdin. Its end is no key: a lab in a script has none.
fn keys() -> Receiver<()> {
    let (pressed, keys) = channel();
    // This thread is left to its read: nobody else reads stdin, and the process ends without it.
    let reader = thread::Builder::new().name("lab-keys".into()).spawn(move || {
        let mut line = String::new();
        while io::stdin().read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            if pressed.send(()).is_err() {
                return;
            }
        }
    });
    drop(reader);
    keys
}

/// Prints the overhead of the console: CPU time of an operation in the watched run and in the
/// measured one.
pub(crate) fn print_overhead(report: &Results) {
    for profile in report.profiles.iter().filter(|profile| profile.profiler == Profiler::Console) {
        let watched = folder::open(&profile.folder).ok().map(analyse);
        let measured = report
            .runs
            .iter()
            .map(|(run, _)| run)
            .find(|run| run.recording.spec.variant == profile.spec.variant);
        exit::say(&match (watched.as_ref().and_then(cost), measured.and_then(cost)) {
            (Some(watched), Some(measured)) => format!(
                "under tokio-console: {watched:.1} us of CPU time per operation, {:.2} times the \
                 {measured:.1} us without it",
                watched / measured
            ),
            _ => "overhead of tokio-console not measured: one of the two runs has no CPU time per \
                  operation"
                .into(),
        });
    }
}

fn cost(run: &Analysis) -> Option<f64> {
    run.metrics.get(COST).map(|cost| cost.value).filter(|cost| *cost > 0.0)
}
