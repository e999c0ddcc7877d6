//! The program that has the scenarios of the lab and dial9's recorder: `benches/scanners/dial9/scan`
//! starts it for each run of a score.

mod again;
mod recorder;

use lab_dial9::scan;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// The allocator of the lab's binary, so that a program runs here as it does there.
#[global_allocator]
static COUNTING: lab_kit::alloc::Counting<lab_runner::Jemalloc> =
    lab_kit::alloc::Counting::over(lab_runner::Jemalloc);

/// The lock file of this build.
const LOCK: &str = include_str!("../../../../Cargo.lock");
/// The exit code that ends a score: no run can be scanned.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Some(folder) = lab_recorder::child::folder(&args) {
        return recorder::child(folder);
    }
    // What is left for the lab is a noisy neighbour.
    if let Some(code) = lab_runner::child_main(&args, lab::SCENARIOS) {
        return code;
    }
    match &args[..] {
        [_, word, scripts, recording] if word == OsStr::new("scan") => {
            print(Path::new(recording), Path::new(scripts))
        }
        _ => failed("this program is started by a scanner: try benches/scanners/dial9/scan DIR"),
    }
}

fn print(recording: &Path, scripts: &Path) -> ExitCode {
    let record = |run: &Path| again::record(recording, run);
    match scan::scan(recording, scripts, "node", dial9_version(), &record) {
        Err(error) => failed(&format!("{error:#}")),
        Ok(report) => {
            report.crash.iter().for_each(|crash| say(crash));
            // A reader that has gone needs no answer.
            let _ = writeln!(std::io::stdout(), "{}", report.lines.join("\n"));
            ExitCode::SUCCESS
        }
    }
}

fn failed(why: &str) -> ExitCode {
    say(why);
    ExitCode::from(UNUSABLE)
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The version of dial9 in the lock file of this build.
fn dial9_version() -> &'static str {
    let package = LOCK.split_once("\nname = \"dial9\"\nversion = \"");
    package.and_then(|(_, version)| version.split('"').next()).unwrap_or("of unknown version")
}
