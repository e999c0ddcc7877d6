//! Waits of followed futures, with names: `awaits.json`, and waiting as folded stacks.

use crate::awaits::{
    AWAITS, AwaitPlace, Awaits, EndedBy, Outside, Place, Places, RequestWaits, Site, WakerNames,
    followed_groups, open_groups, split, starved, timelines, wakes,
};
use crate::resolve::threads::symbols;
use crate::scheduler::Asleep;
use crate::stacks::Folded;
use anyhow::Context;
use lab_recording::awaits::{self, FILE, Future, Kind, Numbered, RAW_STACKS, Record, Recording};
use lab_recording::profiler::ViewStatus;
use lab_recording::request_log::{self, Entry, REQUESTS};
use lab_recording::threads::Raw;
use std::collections::BTreeMap;
use std::path::Path;

/// Places that are kept.
const MOST_PLACES: usize = 64;
/// Kinds of ends of a wait that are kept of each place.
const MOST_ENDS: usize = 5;

/// The view's file.
const VIEW: &str = "awaits.folded";
const SHOWS: &str = "waiting of requests by the place where they await, up to the call of their \
                     waker, or for unanswered requests to the end of the run; the time in polls and \
                     the wait for a worker are not in it";

/// Names the waits of a run, and adds them up. Without a recording of waits there is no view.
/// `asleep` are the times at which no worker had anything to do, `task` names the tasks that were
/// spawned at the place with a number.
///
/// # Errors
/// If what the child left is damaged, or if there is no room for the results.
pub fn resolve(
    folder: &Path,
    asleep: &Asleep,
    task: &dyn Fn(u16) -> String,
) -> anyhow::Result<Option<ViewStatus>> {
    let path = folder.join(RAW_STACKS);
    let raw = Raw::<Numbered>::read(&path).context("the stacks of waits are damaged")?;
    let Some(Raw { program, data, .. }) = raw else { return Ok(None) };
    let file = folder.join(FILE);
    awaits::shrink(&file).with_context(|| format!("{FILE} cannot be cut to its length"))?;
    let recording = awaits::read(&file).with_context(|| format!("{FILE} cannot be read"))?;
    let (names, crowds) = (data.names.clone(), data.crowds);
    let places = Places::new(data, &mut symbols(&program));
    let (entries, excluded) = requests(folder);
    let (mut awaits, requests) = added_up(&recording, &places, &entries, excluded, asleep);
    let open = recording
        .records
        .iter()
        .filter(|record| record.kind == Kind::Open && matches!(record.future, Future::Request(_)));
    let waits = requests.iter().flat_map(|request| &request.waits).chain(open);
    awaits.crowds = crowds;
    let named = recording.records.iter().filter(|record| is_named(record));
    let answered = requests.iter().flat_map(|request| &request.waits);
    awaits.wakes = wakes(answered.chain(named), &places, &WakerNames { futures: &names, task });
    awaits.timelines = timelines(&requests, &entries, &places, recording.start_ns);
    awaits.followed = followed_groups(&recording, &places, &names);
    std::fs::write(folder.join(AWAITS), serde_json::to_vec_pretty(&awaits)?)?;
    std::fs::write(folder.join(VIEW), folded(waits, &places).to_string())?;
    Ok(Some(ViewStatus {
        name: "awaits".into(),
        file: VIEW.into(),
        unit: "us".into(),
        samples: None,
        shows: SHOWS.into(),
    }))
}

fn is_named(record: &Record) -> bool {
    matches!(record.future, Future::Named(..))
}

/// The requests of the log, by number, and how many of them are the warm-up.
fn requests(folder: &Path) -> (Vec<Entry>, usize) {
    let Ok((header, entries)) = request_log::read(&folder.join(REQUESTS)) else {
        return (Vec::new(), 0);
    };
    (entries.map_while(Result::ok).collect(), header.excluded)
}

fn added_up(
    recording: &Recording,
    places: &Places,
    entries: &[Entry],
    excluded: usize,
    asleep: &Asleep,
) -> (Awaits, Vec<RequestWaits>) {
    let (mut split, requests) = split(recording, entries, excluded);
    let outside = Outside::new(recording, places, asleep);
    let all = by_place(&requests, places, &outside);
    let slowest = &requests[..split.slowest_requests as usize];
    let mut slowest_at: BTreeMap<usize, u64> = BTreeMap::new();
    for wait in slowest.iter().flat_map(|request| &request.waits) {
        let site = places.at(wait).map(|(_, place)| &place.site);
        if let Some(at) = all.iter().position(|of| Some(&of.site) == site) {
            let ns = slowest_at.entry(at).or_default();
            *ns = ns.saturating_add(wait.awaited_ns);
        }
    }
    split.slowest_at = slowest_at.into_iter().collect();
    split.slowest_at.sort_by_key(|(_, ns)| std::cmp::Reverse(*ns));
    let open = open_groups(recording, places);
    let starved = starved(recording, places);
    let notes = notes(recording);
    (Awaits { split, places: all, open, starved, notes, ..Awaits::default() }, requests)
}

/// The places of all waits, the longest waiting first.
fn by_place(requests: &[RequestWaits], places: &Places, outside: &Outside) -> Vec<AwaitPlace> {
    let mut all: BTreeMap<Site, (AwaitPlace, BTreeMap<Site, u64>)> = BTreeMap::new();
    for wait in requests.iter().flat_map(|request| &request.waits) {
        let Some((_, Place { site, .. })) = places.at(wait) else { continue };
        let (place, ends) = all.entry(site.clone()).or_insert_with(|| {
            let (site, ended_by) = (site.clone(), Vec::new());
            let (waits, none) = (0, 0.0);
            let (ms, longest_ms, outside_ms) = (none, none, none);
            (AwaitPlace { site, waits, ms, longest_ms, outside_ms, ended_by }, BTreeMap::new())
        });
        let ms = wait.awaited_ns as f64 / 1e6;
        place.waits += 1;
        place.ms += ms;
        place.longest_ms = place.longest_ms.max(ms);
        place.outside_ms += outside.of(wait) as f64 / 1e6;
        if let Some(waker) = places.stack(wait.waker_stack).filter(|_| wait.kind == Kind::Woken) {
            *ends.entry(waker.site.clone()).or_default() += 1;
        }
    }
    let with_ends = all.into_values().map(|(place, ends)| {
        let mut ended_by: Vec<EndedBy> =
            ends.into_iter().map(|(site, waits)| EndedBy { site, waits }).collect();
        ended_by.sort_by_key(|end| std::cmp::Reverse(end.waits));
        ended_by.truncate(MOST_ENDS);
        AwaitPlace { ended_by, ..place }
    });
    let mut all: Vec<AwaitPlace> = with_ends.collect();
    all.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    all.truncate(MOST_PLACES);
    all
}

/// Waits by stack, root first, in microseconds.
fn folded<'a>(waits: impl Iterator<Item = &'a Record>, places: &Places) -> Folded {
    let mut by_stack: BTreeMap<u16, u64> = BTreeMap::new();
    for wait in waits {
        let stack = places.at(wait).map_or(0, |(stack, _)| stack);
        let ns = by_stack.entry(stack).or_default();
        *ns = ns.saturating_add(wait.awaited_ns);
    }
    let mut folded = Folded::default();
    for (number, ns) in by_stack {
        let stack = places.stack(number).map(|place| place.stack.as_slice()).unwrap_or_default();
        let names = stack.iter().rev().map(lab_recording::frame::Frame::name);
        match stack.is_empty() {
            true => folded.add(["[unknown place]"], ns as f64 / 1e3),
            false => folded.add(names, ns as f64 / 1e3),
        }
    }
    folded
}

fn notes(recording: &Recording) -> Vec<String> {
    let mut notes = Vec::new();
    if recording.dropped > 0 {
        notes.push(format!("{} waits did not fit into the recording", recording.dropped));
    }
    if recording.closed_ns.is_none() {
        notes
            .push("the run ended before its request log was closed: open waits are unknown".into());
    }
    notes
}
