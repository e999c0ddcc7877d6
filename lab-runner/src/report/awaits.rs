//! What requests did during their response and where they awaited, in a few lines and for a
//! program.

use crate::report::Style;
use crate::report::table::DIM;
use crate::report::units::{ascii, grouped, time};
use lab_analysis::awaits::{AwaitPlace, Awaits, OpenGroup, Parts, Starved, Timeline, Wakes};
use lab_analysis::evidence::label;
use lab_analysis::profile::Profile;
use lab_analysis::results::Results;
use lab_recording::spec::Side;
use serde::Serialize;
use std::io::{self, Write};

/// Places that are listed.
const LISTED: usize = 4;
/// Rows of the wake table that are listed.
const WOKEN: usize = 2;

/// Prints where the requests of each run awaited, where that was recorded.
pub(crate) fn print(report: &Results, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let recorded: Vec<(&Profile, &Awaits)> = recorded(report).collect();
    for (profile, awaits) in &recorded {
        let name = match recorded.len() {
            1 => String::new(),
            _ => label(&profile.spec),
        };
        writeln!(to)?;
        for (number, (head, text)) in rows(awaits, style).into_iter().enumerate() {
            let first = if number == 0 { format!("awaits {name}") } else { String::new() };
            writeln!(to, "{first:<10} {DIM}{head:<14}{DIM:#} {}", ascii(&text, style))?;
        }
    }
    Ok(())
}

/// The runs whose waits were recorded.
pub(crate) fn recorded(report: &Results) -> impl Iterator<Item = (&Profile, &Awaits)> {
    report.profiles.iter().filter_map(|profile| Some((profile, profile.awaits.as_ref()?)))
}

fn rows(awaits: &Awaits, style: Style) -> Vec<(&'static str, String)> {
    let split = &awaits.split;
    let mut rows = vec![
        ("response", parts(&split.all, split.requests, style)),
        ("slowest 1 %", parts(&split.slowest, split.slowest_requests, style)),
    ];
    for (number, place) in awaits.places.iter().take(LISTED).enumerate() {
        rows.push((
            if number == 0 { "at" } else { "" },
            place_in_words(place, split.requests, style),
        ));
    }
    for (number, row) in awaits.wakes.iter().take(WOKEN).enumerate() {
        rows.push((if number == 0 { "woken" } else { "" }, woken(row, style)));
    }
    for (number, group) in awaits.open.iter().take(LISTED).enumerate() {
        let head = if number == 0 { "unanswered" } else { "" };
        let age = time(group.oldest_ms * 1e3, style);
        let requests = grouped(group.requests as i64);
        rows.push((head, format!("{requests} in {}, the oldest for {age}", group.site.in_words())));
    }
    if split.left_out > 0 {
        let plural = if split.left_out == 1 { "request" } else { "requests" };
        let left_out = grouped(split.left_out as i64);
        rows.push(("left out", format!("{left_out} {plural} that began before the recording")));
    }
    rows.extend(awaits.notes.iter().map(|note| ("note", note.clone())));
    rows
}

/// `12.3 ms of 600 requests: awaiting 11.9 ms, running 0.3 ms, …`: the mean of each part, the
/// longest first.
fn parts(parts: &Parts, requests: u64, style: Style) -> String {
    if requests == 0 {
        return "no request was answered".into();
    }
    let mean = |ns: u64| time(ns as f64 / 1e3 / requests as f64, style);
    let mut named = [
        ("awaiting", parts.awaiting_ns),
        ("running", parts.running_ns),
        ("runnable", parts.runnable_ns),
        ("first poll after", parts.first_wait_ns),
        ("pacer lag", parts.lag_ns),
    ];
    named.sort_by_key(|(_, ns)| std::cmp::Reverse(*ns));
    let texts: Vec<String> =
        named.iter().map(|(name, ns)| format!("{name} {}", mean(*ns))).collect();
    let (whole, requests) = (mean(parts.total_ns()), grouped(requests as i64));
    format!("{whole}, mean of {requests}: {}", texts.join(", "))
}

/// `11.9 ms per request in sleep in shop::handle (main.rs:8), longest 14 ms; ended by a timer`.
fn place_in_words(place: &AwaitPlace, requests: u64, style: Style) -> String {
    let per_request = time(place.ms * 1e3 / requests.max(1) as f64, style);
    let longest = time(place.longest_ms * 1e3, style);
    let ended = match place.ended_by.first() {
        Some(end) => format!("; ended by {}", end.site.in_words()),
        None => String::new(),
    };
    format!("{per_request} per request in {}, longest {longest}{ended}", place.site.in_words())
}

/// `1 204 times in Mutex::lock in shop::pay (pay.rs:8) by another request, polled 31 µs later on
/// average, 4 ms at most`.
fn woken(row: &Wakes, style: Style) -> String {
    let later = time(row.runnable_ms * 1e3 / row.wakes.max(1) as f64, style);
    let longest = time(row.longest_runnable_ms * 1e3, style);
    let (times, at, by) = (grouped(row.wakes as i64), row.woken.in_words(), row.by.in_words());
    format!("{times} times in {at} by {by}, polled {later} later on average, {longest} at most")
}

/// The awaits of one run in the machine-readable result.
#[derive(Debug, Serialize)]
pub(crate) struct RunAwaits<'a> {
    variant: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<Side>,
    folder: String,
    /// Answered requests of the measured time whose response was split.
    requests: u64,
    /// Their mean response by what they did.
    response_us: PartsUs,
    /// The same of the slowest hundredth.
    slowest_us: PartsUs,
    places: &'a [AwaitPlace],
    unanswered: &'a [OpenGroup],
    starved: &'a [Starved],
    /// Who woke whom, the most frequent first.
    wakes: &'a [Wakes],
    /// The slowest requests, step by step.
    slowest_requests: &'a [Timeline],
    notes: &'a [String],
}

/// The mean parts of a response, in microseconds.
#[derive(Debug, Serialize)]
struct PartsUs {
    requests: u64,
    pacer_lag: f64,
    first_wait: f64,
    running: f64,
    awaiting: f64,
    runnable: f64,
}

impl PartsUs {
    fn new(parts: &Parts, requests: u64) -> PartsUs {
        let mean = |ns: u64| ns as f64 / 1e3 / requests.max(1) as f64;
        PartsUs {
            requests,
            pacer_lag: mean(parts.lag_ns),
            first_wait: mean(parts.first_wait_ns),
            running: mean(parts.running_ns),
            awaiting: mean(parts.awaiting_ns),
            runnable: mean(parts.runnable_ns),
        }
    }
}

/// The awaits of a report for a program.
pub(crate) fn documents(report: &Results) -> Vec<RunAwaits<'_>> {
    recorded(report)
        .map(|(profile, awaits)| RunAwaits {
            variant: &profile.spec.variant,
            side: profile.side(),
            folder: profile.folder.display().to_string(),
            requests: awaits.split.requests,
            response_us: PartsUs::new(&awaits.split.all, awaits.split.requests),
            slowest_us: PartsUs::new(&awaits.split.slowest, awaits.split.slowest_requests),
            places: &awaits.places,
            unanswered: &awaits.open,
            starved: &awaits.starved,
            wakes: &awaits.wakes,
            slowest_requests: &awaits.timelines,
            notes: &awaits.notes,
        })
        .collect()
}
