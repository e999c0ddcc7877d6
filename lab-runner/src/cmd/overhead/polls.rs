//! What is added to a poll: the same program without and with an instrument, in turns, in one
//! process.
//!
//! What an instrument does to one runtime alone is measured block against block, so that a machine
//! whose pace changes does so for both. What it does to the whole process is measured after a
//! stretch without it.

use lab_kit::overhead::{Answer, Instrument, Job};
use lab_kit::turns::{
    self, Runtime, after, alternate, block, spawn_turns, spawn_turns_followed, spawn_turns_in_span,
};
use lab_recorder;
use lab_recorder::hooks::{Builder, Hooks, keep_histograms};
use lab_recorder::instrument::Instrument as AtWork;
use lab_recorder::scheduler::recorder::{Counts, Recorder};
use lab_recording::awaits;
use lab_recording::profiler::Profiler;
use std::path::Path;

const fn polls(name: &'static str, measure: fn(&Job) -> Result<Answer, String>) -> Instrument {
    Instrument { name, amount: 400_000, measure }
}

pub(crate) const INSTRUMENTS: &[Instrument] = &[
    // Nothing differs here, so what is found is what this machine makes up.
    polls("nothing", |job| on_runtimes(job, Hooks::default())),
    polls("hooks that do nothing", idle_hooks),
    polls("tokio, schedule latency", |job| {
        on_runtimes(job, Hooks { latency: true, ..Hooks::default() })
    }),
    polls("tokio, both histograms", histograms),
    polls("a span without a subscriber", idle_span),
    polls("recorder, polls", |job| recorder(job, false)),
    polls("recorder, polls and latency", |job| recorder(job, true)),
    polls("profiler cpu", |job| profilers(job, &[Profiler::Cpu])),
    polls("profiler alloc", |job| profilers(job, &[Profiler::Alloc])),
    polls("profiler stall", |job| profilers(job, &[Profiler::Stall])),
    polls("profiler sched", |job| profilers(job, &[Profiler::Sched])),
    polls("profiler sched, a wait too", followed),
    polls("profiler spans, a span", |job| profilers(job, &[Profiler::Spans])),
    // The stall sampler is part of the profiler `sched`.
    polls("all profilers, a span", |job| {
        profilers(job, &[Profiler::Cpu, Profiler::Alloc, Profiler::Sched, Profiler::Spans])
    }),
];

fn runtime(builder: &mut Builder) -> Result<Runtime, String> {
    builder.build().map_err(|error| format!("no runtime: {error}"))
}

fn hooked(hooks: &Hooks) -> Result<Runtime, String> {
    let mut builder = turns::builder();
    hooks.install(&mut builder);
    runtime(&mut builder)
}

/// A runtime as it is, and one that has these callbacks.
fn on_runtimes(job: &Job, hooks: Hooks) -> Result<Answer, String> {
    between(job, &hooked(&hooks)?)
}

fn between(job: &Job, with: &Runtime) -> Result<Answer, String> {
    let plain = runtime(&mut turns::builder())?;
    alternate(job.amount, || block(&plain, spawn_turns), || block(with, spawn_turns))
}

fn idle_hooks(job: &Job) -> Result<Answer, String> {
    let hooks = Hooks { before_poll: vec![|_| ()], after_poll: vec![|| ()], ..Hooks::default() };
    on_runtimes(job, hooks)
}

fn histograms(job: &Job) -> Result<Answer, String> {
    let mut builder = turns::builder();
    keep_histograms(&mut builder)?;
    between(job, &runtime(&mut builder)?)
}

fn idle_span(job: &Job) -> Result<Answer, String> {
    let plain = runtime(&mut turns::builder())?;
    alternate(job.amount, || block(&plain, spawn_turns), || block(&plain, spawn_turns_in_span))
}

fn recorder(job: &Job, latency: bool) -> Result<Answer, String> {
    let (mut recorder, mut builder) = (Recorder::new(latency), turns::builder());
    recorder.attach(&mut builder);
    let with = runtime(&mut builder)?;
    recorder.start(&job.folder)?;
    let measured = between(job, &with)?;
    // What a worker still holds it hands over when it ends.
    drop(with);
    complete(&recorder.stop(), job.amount)?;
    Ok(measured)
}

/// An event that is dropped costs less than one that is kept, and a recorder that was not there
/// costs nothing.
fn complete(counts: &Counts, polls: u64) -> Result<(), String> {
    let Counts { events, dropped, .. } = *counts;
    match (dropped, events >= polls) {
        (0, true) => Ok(()),
        (0, false) => Err(format!("{events} of at least {polls} events were recorded")),
        _ => Err(format!("{dropped} events were dropped, {events} recorded")),
    }
}

/// The program with these profilers, after it was measured without; one that follows spans gets a
/// span to follow, in both.
fn profilers(job: &Job, profilers: &[Profiler]) -> Result<Answer, String> {
    let plain = runtime(&mut turns::builder())?;
    let spawn =
        if profilers.contains(&Profiler::Spans) { spawn_turns_in_span } else { spawn_turns };
    let with = |put: &Put| block(&put.runtime, spawn);
    let (measured, put) =
        after(job.amount, || block(&plain, spawn), || Put::new(profilers, &job.folder), with)?;
    put.stop(&job.folder)?;
    Ok(measured)
}

/// The program under the profiler that records waits, with futures that it follows: each poll but
/// the last one ends in a wait.
fn followed(job: &Job) -> Result<Answer, String> {
    let plain = runtime(&mut turns::builder())?;
    let with = |put: &Put| block(&put.runtime, spawn_turns_followed);
    let put_in = || Put::new(&[Profiler::Sched], &job.folder);
    let (measured, put) = after(job.amount, || block(&plain, spawn_turns), put_in, with)?;
    put.stop(&job.folder)?;
    let recorded = awaits::read(&job.folder.join(awaits::FILE))
        .map_err(|error| format!("the waits cannot be read: {error}"))?;
    let waits = recorded.records.len() as u64 + recorded.dropped;
    let least = job.amount / 2;
    match waits >= least {
        true => Ok(measured),
        false => Err(format!("{waits} of at least {least} waits were recorded")),
    }
}

/// Profilers that look at a runtime.
struct Put {
    profilers: Vec<Box<dyn AtWork>>,
    runtime: Runtime,
}

impl Put {
    fn new(profilers: &[Profiler], folder: &Path) -> Result<Put, String> {
        let mut profilers: Vec<_> =
            profilers.iter().map(|profiler| lab_recorder::profilers::new(*profiler)).collect();
        let mut hooks = Hooks::default();
        profilers.iter().for_each(|profiler| profiler.hooks(&mut hooks));
        let runtime = hooked(&hooks)?;
        profilers.iter_mut().try_for_each(|profiler| profiler.start(folder))?;
        Ok(Put { profilers, runtime })
    }

    fn stop(mut self, folder: &Path) -> Result<(), String> {
        drop(self.runtime);
        let wrong = |error| format!("cannot write the profile: {error:#}");
        self.profilers
            .iter_mut()
            .try_for_each(|profiler| profiler.stop(folder).map(drop))
            .map_err(wrong)
    }
}
