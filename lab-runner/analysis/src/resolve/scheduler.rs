//! Analysis of a recording in the parent: `sched.json`, and blame as folded stacks.

use crate::resolve::stall::write_polls;
use crate::resolve::threads::complete_standing;
use crate::resolve::{awaits, hand_offs};
use crate::scheduler::requests::SinceSent;
use crate::scheduler::{Asleep, SCHED, Stacks, YIELD_PROBE, analyse, stacks};
use crate::stacks::symbols::Symbols;
use lab_kit::{ACCEPTOR_SPAWNED_IN, heartbeat, request_task, yield_probe};
use lab_recording::profiler::{ProfilerStatus, ViewStatus};
use lab_recording::scheduler::{FILE, Place};
use lab_recording::{request_log, stall};
use std::collections::BTreeMap;
use std::path::Path;

/// The names of the kit's own tasks.
const OWN: [(&str, &str); 4] = [
    (request_task::SPAWNED_IN, "requests"),
    (ACCEPTOR_SPAWNED_IN, "acceptor"),
    (heartbeat::SPAWNED_IN, "heartbeat"),
    (yield_probe::SPAWNED_IN, YIELD_PROBE),
];

const SHOWS: &str = "waiting of tasks for a worker; above each waiting task kind is the code that \
                     occupied the worker; code that delayed no task is not included";

/// Adds up what a recorder left in the folder of a run and leaves `sched.json`, blame as folded
/// stacks and the profiler's note there, as is done whenever a run under this profiler is over.
///
/// # Errors
/// If there is no room for what it comes to.
pub fn complete(folder: &Path) -> anyhow::Result<()> {
    crate::resolve::complete(lab_recording::profiler::Profiler::Sched, folder)
}

/// Adds the recording of a run up.
///
/// # Errors
/// If there is none that can be read, or if there is no room for what it comes to.
pub fn resolve(folder: &Path, status: Option<ProfilerStatus>) -> anyhow::Result<ProfilerStatus> {
    let recording = lab_recording::scheduler::read(&folder.join(FILE))?;
    let since_sent = SinceSent::new(&recording, &recording.known, folder);
    let mut analysed = analyse(&since_sent, &recording.known, &name_of);
    let sampled = stall::read(&folder.join(stall::FILE)).ok();
    let mut symbols = sampled.as_ref().map(Symbols::for_recording);
    let blamed = stacks(&mut analysed, sampled.as_ref().zip(symbols.as_mut()));
    if let Some((sampled, symbols)) = sampled.as_ref().zip(symbols.as_mut()) {
        write_polls(folder, sampled, symbols)?;
    }
    // What follows names addresses of its own, and one set of names at a time takes enough memory.
    drop((sampled, symbols));
    if folder.join(request_log::REQUESTS).exists() && analysed.sched.blame.is_some() {
        let since = "the wait of a request begins when it is sent, before its task is spawned";
        analysed.sched.notes.push(since.into());
    }
    if let Err(error) = hand_offs::resolve(folder) {
        analysed.sched.notes.push(format!("hand-offs to the blocking pool are unknown: {error:#}"));
    }
    let asleep = Asleep::of(&recording, &recording.known);
    let places = &recording.known.places;
    let task = |number: u16| match places.get(usize::from(number)) {
        Some(place) => name_of(place).unwrap_or_else(|| format!("{}:{}", place.file, place.line)),
        None => "spawned at an unknown place".into(),
    };
    let awaits = awaits::resolve(folder, &asleep, &task).unwrap_or_else(|error| {
        analysed.sched.notes.push(format!("waits of requests are unknown: {error:#}"));
        None
    });
    let status = status.unwrap_or_default();
    analysed.sched.notes.splice(..0, status.notes);
    let stood = complete_standing(folder).err();
    let stood = stood.map(|why| format!("stuck threads are unknown: {why:#}"));
    analysed.sched.notes.extend(stood);
    std::fs::write(folder.join(SCHED), serde_json::to_vec(&analysed.sched)?)?;
    let mut views: Vec<ViewStatus> = awaits.into_iter().collect();
    if analysed.sched.blame.is_some() {
        views.insert(0, view(folder, &blamed)?);
    }
    let notes = analysed.sched.notes;
    let counts = if status.counts.is_empty() {
        [("events".to_owned(), analysed.sched.events)].into()
    } else {
        status.counts
    };
    Ok(ProfilerStatus { views, notes, counts, unavailable: None })
}

fn name_of(place: &Place) -> Option<String> {
    OWN.iter().find(|(file, _)| *file == place.file).map(|(_, name)| (*name).to_owned())
}

fn view(folder: &Path, blamed: &Stacks) -> anyhow::Result<ViewStatus> {
    let file = "sched-blame.folded";
    write(&folder.join(file), &blamed.ms)?;
    // A wait is measured, not sampled: its milliseconds count as they are.
    Ok(ViewStatus {
        name: "sched blame".into(),
        file: file.into(),
        unit: "ms".into(),
        samples: None,
        shows: SHOWS.into(),
    })
}

/// Weights with their fractions: of a healthy run all of them are small.
fn write(path: &Path, stacks: &BTreeMap<String, f64>) -> anyhow::Result<()> {
    let lines =
        stacks.iter().map(|(stack, weight)| format!("{stack} {weight:.6}\n")).collect::<String>();
    Ok(std::fs::write(path, lines)?)
}
