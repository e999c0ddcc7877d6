//! What the report of a run takes that the profiler `sched` looked at: from its recording on disk
//! to the page.

use crate::cmd::overhead::recording::Memory;
use crate::cmd::overhead::{null, scenarios};
use crate::engine::execute;
use crate::engine::plan;
use crate::engine::plan::Which;
use crate::engine::supervise::Interrupts;
use lab_analysis::profile::FOLDER;
use lab_analysis::resolve;
use lab_analysis::results::Results;
use lab_kit::overhead::{Answer, Instrument, Job};
use lab_recording::Arrivals;
use lab_recording::profiler::Profiler;
use std::fs;
use std::path::Path;
use std::time::Instant;

/// Names of what is answered.
pub(crate) mod name {
    /// Events of the recording.
    pub const EVENTS: &str = "events";
    /// Seconds until the page is written.
    pub const PAGE_S: &str = "page_s";
    /// Megabytes of the page.
    pub const PAGE_MB: &str = "page_mb";
    /// Megabytes of memory beyond what was there.
    pub const MEMORY: &str = "memory_mb";
}

pub(crate) const INSTRUMENTS: &[Instrument] =
    &[Instrument { name: "page of a run", amount: 150_000, measure: page }];

/// Events that a request leaves: its spawn, its poll, its end.
const EVENTS_OF_A_REQUEST: u64 = 3;
/// Requests a second, which any pacer with a core of its own keeps.
const RATE: u64 = 100_000;

/// Of a load that nothing is to be learnt from.
const SHORT_MS: u64 = 100;

fn page(job: &Job) -> Result<Answer, String> {
    let text = |error: anyhow::Error| format!("{error:#}");
    let invocation = job.folder.join("runs");
    record(job.amount, &invocation).map_err(text)?;
    let (before, begin) = (Memory::now()?, Instant::now());
    add_up(&invocation).map_err(text)?;
    let report = Results::read(&invocation, &scenarios()).map_err(text)?;
    let page = crate::report::page(&report).map_err(text)?;
    fs::write(job.folder.join("page.html"), &page).map_err(|error| error.to_string())?;
    let (page_s, memory) = (begin.elapsed().as_secs_f64(), before.more()?);
    let events =
        report.profiles.iter().filter_map(|profile| profile.note.counts.get("events")).sum::<u64>();
    let numbers = [
        (name::EVENTS, events as f64),
        (name::PAGE_S, page_s),
        (name::PAGE_MB, page.len() as f64 / 1e6),
        (name::MEMORY, memory),
    ];
    Ok(numbers.map(|(name, number)| (name.to_owned(), number)).into())
}

/// What the parent does once a run is over: the scheduler's recording is added up, and its stacks
/// get names.
fn add_up(invocation: &Path) -> anyhow::Result<()> {
    let runs = fs::read_dir(invocation.join(FOLDER))?;
    runs.into_iter().try_for_each(|run| resolve::complete(Profiler::Sched, &run?.path()))
}

/// A run of the null target, and one that the profiler looks at: as `lab run` would leave them.
fn record(events: u64, invocation: &Path) -> anyhow::Result<()> {
    let duration_ms = 1_000 * events / EVENTS_OF_A_REQUEST / RATE;
    let load = null::load(Arrivals::Constant, RATE as f64, duration_ms.max(SHORT_MS));
    let mut runs = plan::plan(&null::SCENARIO, Which::Buggy, &load, None)?;
    let watched = runs.iter().map(|run| plan::under(run, Profiler::Sched)).collect::<Vec<_>>();
    // The page is about the one that was looked at; the other one is there as it always is, and
    // need not take long.
    runs.iter_mut().for_each(|run| run.load.duration_ms = SHORT_MS);
    let interrupts = Interrupts::catch()?;
    execute::run_all(&runs, invocation, &interrupts)?;
    execute::run_all(&watched, &invocation.join(FOLDER), &interrupts)?;
    Ok(())
}
