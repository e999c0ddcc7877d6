//! The run of `lab run --console` that is there to be watched: where to attach, and what watching cost.

use crate::cmd::profile::profile;
use crate::engine::plan;
use crate::engine::plan::Planned;
use crate::engine::supervise::Interrupts;
use crate::exit;
use crate::exit::UsageError;
use lab_analysis::requests::{Analysis, analyse};
use lab_analysis::results::Results;
use lab_recorder::profilers::console::{CAN_BE_WATCHED, HOW_TO_BE_WATCHED, port};
use lab_recording::folder;
use lab_recording::profiler::Profiler;
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// CPU time that an operation takes.
const COST: &str = "cpu_us_per_op";
/// How often, and how many times, the port is tried before it is said that nobody serves there.
const TRY_EVERY: Duration = Duration::from_millis(50);
const TRIES: usize = 100;

/// Refuses what this build cannot do, before anything is made.
pub(crate) fn check() -> anyhow::Result<()> {
    if CAN_BE_WATCHED { Ok(()) } else { Err(UsageError::error(HOW_TO_BE_WATCHED)) }
}

/// Does a run once more, to be watched. Returns the signal that interrupted.
pub(crate) fn watch(runs: &[Planned], folder: &Path, interrupts: &Interrupts) -> Option<i32> {
    let watched = plan::watched(runs);
    let announce = || exit::say(&where_to_attach(port()));
    // Whoever cannot have a thread is told at once, before anybody serves.
    if thread::Builder::new().name("lab-console".into()).spawn(announce).is_err() {
        exit::say(&format!("tokio-console http://127.0.0.1:{} attaches to the next run", port()));
    }
    profile(&watched, folder, interrupts)
}

/// Where to attach, as soon as the child serves there: the port was free before, and somebody else may have taken it since.
fn where_to_attach(port: u16) -> String {
    let serves = |_| {
        thread::sleep(TRY_EVERY);
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    };
    match (0..TRIES).any(serves) {
        true => format!("attach now: tokio-console http://127.0.0.1:{port}"),
        false => format!("nobody serves at port {port}: stderr.txt in the run's folder may say why, or try again"),
    }
}

/// Says what being watched cost, by the CPU time of an operation in the watched run and in the measured one.
pub(crate) fn say_cost(report: &Results) {
    for profile in report.profiles.iter().filter(|profile| profile.profiler == Profiler::Console) {
        let watched = folder::open(&profile.folder).ok().map(analyse);
        let measured =
            report.runs.iter().map(|(run, _)| run).find(|run| run.recording.spec.variant == profile.spec.variant);
        exit::say(&match (watched.as_ref().and_then(cost), measured.and_then(cost)) {
            (Some(watched), Some(measured)) => format!(
                "watched it took {:.2} times the CPU of an operation: {watched:.1} us instead of {measured:.1}",
                watched / measured
            ),
            _ => "what watching cost is not measured: one of the two runs has no CPU time of an operation".into(),
        });
    }
}

fn cost(run: &Analysis) -> Option<f64> {
    run.metrics.get(COST).map(|cost| cost.value).filter(|cost| *cost > 0.0)
}
