//! The parent's side of a run: starts the child, watches the clock, ends what must be ended, writes
//! the outcome. No async runtime here, and no polling but for a post-mortem: it sleeps until one of
//! three things happens.

mod group;
mod interrupts;
mod last_words;
mod pauses;
mod refused;

pub(crate) use interrupts::{Event, Interrupts, Latch};

use crate::engine::binary::own_binary;
use crate::engine::environment::{MachineTicks, ProcessTicks, process_name};
use anyhow::Context;
use group::ProcessGroup;
use lab_kit::{clock, limits};
use lab_recorder::child;
use lab_recording::Ending;
use lab_recording::folder::{self, Recorder};
use lab_recording::outcome::Outcome;
use lab_recording::spec::Spec;
use lab_recording::threads::RAW_POST_MORTEM;
use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a child that hangs has to tell what it is at.
const POST_MORTEM: Duration = Duration::from_secs(5);

/// Between asking a child to end and killing it.
const GRACE: Duration = Duration::from_secs(1);

/// The variable that lengthens a child's environment: where its stack begins must not be the same
/// in every run.
const PADDING: &str = "LAB_PADDING";

/// How long the message of an exit that the kernel has reported may take to come.
const SOON: Duration = Duration::from_millis(100);

/// Why the supervisor stopped waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Exited,
    Deadline,
    Interrupted(i32),
}

/// Runs one spec in a child of `program`, or of this binary, and records how it ended.
///
/// # Errors
/// If the child could not be started, or its ending not be written. The recording says so too.
pub(crate) fn supervise(
    spec: &Spec,
    program: Option<&Path>,
    recorder: &Recorder,
    interrupts: &Interrupts,
) -> anyhow::Result<Outcome> {
    let outcome = run_child(spec, program, recorder, interrupts).inspect_err(|error| {
        let text = format!("{error:#}");
        let refused = limits::refusal(&text);
        // If not even this can be written, the recording says that the lab was killed.
        let _ = recorder.write_outcome(&Outcome { refused, ..Outcome::unfinished(&text) });
    })?;
    recorder.write_outcome(&outcome)?;
    Ok(outcome)
}

fn run_child(
    spec: &Spec,
    program: Option<&Path>,
    recorder: &Recorder,
    interrupts: &Interrupts,
) -> anyhow::Result<Outcome> {
    let begin = Instant::now();
    let (ticks, processes) = (MachineTicks::now(), ProcessTicks::now());
    let killed_before = limits::killed_for_memory();
    let pauses = interrupts.pauses();
    let stopped_before = pauses.stopped();
    let mut child = spawn(recorder, program, spec).context("cannot start a child process")?;
    let group = ProcessGroup::new(&child);
    pauses.set_group(Some(group.number()));
    if let Err(error) = group.tell_exit(interrupts.sender()) {
        group.kill();
        let _ = child.wait();
        return Err(error).context("cannot start a thread");
    }
    let deadline = begin + Duration::from_millis(spec.timeout_ms);
    let cause = wait(group, interrupts, deadline);
    let dump_begin = Instant::now();
    let exited = cause == Cause::Exited
        || (cause == Cause::Deadline && post_mortem(group, interrupts, recorder));
    // The time of the thread dump is not the run's: its own was up before.
    let dump_time = if cause == Cause::Deadline { dump_begin.elapsed() } else { Duration::ZERO };
    if !exited {
        group.end(interrupts, GRACE);
    }
    let ended_ns = clock::now_ns().saturating_sub(dump_time.as_nanos() as u64);
    pauses.set_group(None);
    let stopped = pauses.stopped().saturating_sub(stopped_before);
    let strays = group.sweep();
    let ours = [std::process::id(), child.id()];
    let foreign = processes.zip(ProcessTicks::now());
    let status = child.wait().context("cannot wait for the child process")?;
    let mut outcome = judge(cause, status, recorder, spec);
    if cause == Cause::Deadline && exited {
        let ms = spec.timeout_ms;
        outcome.text = Some(format!("ended by itself, later than {ms} ms after its start"));
    }
    outcome.refused = refused::refusal(&outcome, status.signal(), &recorder.folder, killed_before);
    outcome.paused_ms = (stopped > Duration::ZERO).then_some(stopped.as_secs_f64() * 1e3);
    outcome.ended_ns = Some(ended_ns);
    let wall = begin.elapsed().saturating_sub(stopped);
    outcome.process_ms = Some(wall.saturating_sub(dump_time).as_secs_f64() * 1e3);
    outcome.steal = ticks.zip(MachineTicks::now()).and_then(|(then, now)| now.steal_since(then));
    if let Some((then, now)) = &foreign {
        let wall_ms = begin.elapsed().as_secs_f64() * 1e3;
        outcome.foreign_cores = Some(now.foreign_ms_since(then, &ours) / wall_ms);
        outcome.busiest =
            now.busiest_since(then, &ours).iter().find_map(|(process, _)| process_name(*process));
    }
    if strays > 0 {
        let plural = if strays == 1 { "process" } else { "processes" };
        outcome.warnings.push(format!("{strays} {plural} outlived the run and had to be killed"));
    }
    Ok(outcome)
}

/// Lets a child that hangs tell what it is at, and says whether it has exited meanwhile.
fn post_mortem(group: ProcessGroup, interrupts: &Interrupts, recorder: &Recorder) -> bool {
    let written = recorder.folder.join(RAW_POST_MORTEM);
    group.ask(interrupts, POST_MORTEM, || written.exists())
}

/// Starts the program, or this binary again, as the leader of its own process group, with its
/// output in files.
fn spawn(recorder: &Recorder, program: Option<&Path>, spec: &Spec) -> anyhow::Result<Child> {
    let child = program
        .map_or_else(own_binary, Command::new)
        .arg(child::SUBCOMMAND)
        .arg(&recorder.folder)
        .env(PADDING, ".".repeat(spec.padding))
        // What the user has set for other programs would change what is measured here.
        .env_remove("MALLOC_CONF")
        .env_remove("_RJEM_MALLOC_CONF")
        .envs(lab_recorder::profilers::environment(spec.purpose.profiler()))
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(File::create_new(recorder.folder.join(folder::STDOUT))?)
        .stderr(File::create_new(recorder.folder.join(folder::STDERR))?)
        .spawn()?;
    Ok(child)
}

/// Waits until something ends the wait. Time in which the lab and the run are stopped does not
/// count.
fn wait(group: ProcessGroup, interrupts: &Interrupts, mut deadline: Instant) -> Cause {
    let mut stopped = interrupts.pauses().stopped();
    loop {
        // Also with nothing left: a child that has exited in time did not hang, however late we
        // look.
        let left = deadline.saturating_duration_since(Instant::now());
        match interrupts.next(left) {
            Some(Event::Exited) => return Cause::Exited,
            Some(Event::Signal(signal)) => return Cause::Interrupted(signal),
            None => {}
        }
        let more = interrupts.pauses().stopped().saturating_sub(stopped);
        if more > Duration::ZERO {
            (stopped, deadline) = (stopped + more, deadline + more);
        } else if group.has_exited() {
            // The lab was stopped alone, for longer than the run took: the deadline is found first,
            // and the message of an exit long before it is under way.
            deadline = Instant::now() + SOON;
        } else {
            return Cause::Deadline;
        }
    }
}

/// What the exit status, the child's last word and the reason for stopping add up to.
fn judge(cause: Cause, status: ExitStatus, recorder: &Recorder, spec: &Spec) -> Outcome {
    let end = folder::read_end(&recorder.folder);
    let usage = end.as_ref().and_then(|end| end.usage);
    let (ending, text) = match (cause, end) {
        (Cause::Interrupted(signal), _) => {
            (Ending::Unfinished, Some(format!("interrupted by {}", name(signal))))
        }
        (Cause::Deadline, _) => {
            (Ending::Hung, Some(format!("still running after {} ms: killed", spec.timeout_ms)))
        }
        (Cause::Exited, Some(end)) => match end.failed {
            None => (Ending::Finished, None),
            text => (Ending::Failed, text),
        },
        (Cause::Exited, None) => match (status.signal(), status.code()) {
            (Some(signal), _) => {
                let text = format!("killed by {}", name(signal));
                (Ending::Crashed, Some(with_last_words(text, &recorder.folder)))
            }
            (None, code) => {
                (Ending::Failed, Some(with_last_words(left_early(code), &recorder.folder)))
            }
        },
    };
    Outcome { ending, text, usage, ..Outcome::unfinished("") }
}

/// The text with what the process printed to stderr at last.
fn with_last_words(text: String, folder: &Path) -> String {
    let words = last_words::of(folder);
    if words.is_empty() { text } else { format!("{text}; it printed at last: {words}") }
}

fn left_early(code: Option<i32>) -> String {
    let code = code.map_or_else(String::new, |code| format!(" with exit code {code}"));
    format!("the scenario left its process{code} before its run had ended")
}

/// The name of a signal, or its number.
fn name(signal: i32) -> String {
    signal_hook::low_level::signal_name(signal)
        .map_or_else(|| format!("signal {signal}"), str::to_owned)
}
