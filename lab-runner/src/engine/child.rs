//! The child: reads its spec, calls the variant, and records how that ended.

use crate::engine::attach;
use crate::engine::binary::name_after_binary;
use anyhow::Context;
use lab_kit::{Cx, Scenario, Variant, process};
use lab_recorder::session::Session;
use lab_recorder::threads::{panics, post_mortem};
use lab_recording::folder;
use lab_recording::outcome::{End, Usage};
use lab_recording::profiler::Profiler;
use lab_recording::spec::Spec;
use nix::sys::resource::{UsageWho, getrusage};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// The hidden command of a child: `lab __child FOLDER`.
pub(crate) const SUBCOMMAND: &str = "__child";

/// Runs one variant. The parent reads what came of it from the folder and the exit status.
pub(crate) fn main(folder: &Path, scenarios: &[&'static Scenario]) -> ExitCode {
    process::die_with_the_parent();
    name_after_binary();
    let failed = run(folder, scenarios).err().map(|error| format!("{error:#}"));
    let code = if failed.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    match folder::write_end(folder, &End { failed, usage: usage() }) {
        Ok(()) => code,
        Err(error) => {
            crate::exit::say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path, scenarios: &[&'static Scenario]) -> anyhow::Result<()> {
    let spec = folder::read_spec(folder)?;
    // The parent may have ended before this process asked the kernel to end it with the parent.
    anyhow::ensure!(
        std::os::unix::process::parent_id() == spec.parent,
        "the lab ended before this run began"
    );
    let variant = find(&spec, scenarios)?;
    post_mortem::stand_by(folder);
    let cx = Cx::create(spec.load, folder)?;
    let Some(profiler) = spec.purpose.profiler() else { return call(variant, &cx, folder) };
    let session = Session::new(profiler, folder);
    if profiler == Profiler::Console {
        attach::wait_for_start(folder);
    }
    let called = call(variant, &cx.profiled(session.clone()), folder);
    if let Err(error) = session.finish() {
        crate::exit::say(&format!("cannot write the {profiler} profile: {error:#}"));
    }
    called
}

fn find(spec: &Spec, scenarios: &[&'static Scenario]) -> anyhow::Result<&'static Variant> {
    let scenario = scenarios.iter().find(|scenario| scenario.name == spec.scenario);
    let variant = scenario.and_then(|scenario| scenario.variant(&spec.variant));
    variant.with_context(|| {
        format!("this binary has no variant {} of {}", spec.variant, spec.scenario)
    })
}

/// Calls the variant and turns a panic of this thread into an error with the panic's text and
/// place. Panics of other threads go to stderr as ever: whether they matter is for the variant to
/// say. All leave their stacks in the folder.
fn call(variant: &Variant, cx: &Cx, folder: &Path) -> anyhow::Result<()> {
    static PANIC: Mutex<Option<String>> = Mutex::new(None);
    let (variant_thread, folder) = (thread::current().id(), folder.to_owned());
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let text = describe(info);
        panics::note(&folder, &text);
        if thread::current().id() == variant_thread {
            *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        }
        print(info);
    }));
    panic::catch_unwind(AssertUnwindSafe(|| (variant.run)(cx))).unwrap_or_else(|_| {
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
