//! What requests waited for on the page: the slowest ones step by step, and who woke whom.

use crate::report::awaits::recorded;
use crate::report::html::WORDS;
use crate::report::html::moments::Bar;
use crate::report::html::table::{Cell, Table};
use crate::report::profilers::cut;
use crate::report::units::{grouped, time};
use lab_analysis::awaits::{Awaits, Doing, Site, Step, Timeline, WokenBy};
use lab_analysis::evidence::label;
use lab_analysis::results::Results;

/// Rows of the wake table, and characters of a name.
const WAKES: usize = 12;
const NAME: usize = 160;
/// Colours of the places at which the slowest requests await longest.
const PLACES: [&str; 5] = ["g1", "g2", "g3", "g4", "g5"];
/// The colour of waits at all other places, and before a request was sent.
const ELSEWHERE: &str = "waits";
/// The colour of what waits for a worker.
const LATE: &str = "late";
const RUNNING: &str = "polled";

/// The waits of one run.
pub(crate) struct Waits {
    pub of: String,
    pub requests: Vec<Request>,
    /// What the colours mean.
    pub key: Vec<(&'static str, String)>,
    pub wakes: Option<Table>,
}

/// One request on a line of its own.
pub(crate) struct Request {
    pub summary: String,
    pub bars: Vec<(&'static str, Bar)>,
}

/// The waits of each run that recorded any.
pub(crate) fn waits(report: &Results) -> Vec<Waits> {
    let runs = recorded(report).map(|(profile, awaits)| {
        let places = places(&awaits.timelines);
        Waits {
            of: label(&profile.spec),
            requests: awaits.timelines.iter().map(|of| request(of, &places)).collect(),
            key: key(&awaits.timelines, &places),
            wakes: wakes(awaits),
        }
    });
    runs.filter(|run| !run.requests.is_empty() || run.wakes.is_some()).collect()
}

/// The places at which the requests await, the longest first.
fn places(timelines: &[Timeline]) -> Vec<&Site> {
    let mut all: Vec<(&Site, u64)> = Vec::new();
    for step in timelines.iter().flat_map(|timeline| &timeline.steps) {
        let Some(site) = &step.at else { continue };
        match all.iter_mut().find(|(of, _)| *of == site) {
            Some((_, ns)) => *ns += step.ns,
            None => all.push((site, step.ns)),
        }
    }
    all.sort_by_key(|(_, ns)| std::cmp::Reverse(*ns));
    all.into_iter().map(|(site, _)| site).collect()
}

fn colour(step: &Step, places: &[&Site]) -> &'static str {
    match step.doing {
        Doing::Running => RUNNING,
        Doing::FirstWait | Doing::Runnable => LATE,
        Doing::PacerLag => ELSEWHERE,
        Doing::Awaiting => {
            let place = places.iter().position(|place| Some(*place) == step.at.as_ref());
            place.and_then(|at| PLACES.get(at)).copied().unwrap_or(ELSEWHERE)
        }
    }
}

fn request(timeline: &Timeline, places: &[&Site]) -> Request {
    let whole = timeline.response_ns.max(1) as f64;
    let mut begin_ns = 0;
    let bars = timeline.steps.iter().map(|step| {
        let left = 100.0 * begin_ns as f64 / whole;
        begin_ns += step.ns;
        let at = step.at.as_ref().map(|site| format!(" {}", site.in_words()));
        let what = format!("{}{}", step.doing.in_words(), at.unwrap_or_default());
        let bar = Bar {
            left: format!("{left:.3}"),
            width: format!("{:.3}", 100.0 * step.ns as f64 / whole),
            label: format!("{}: {}", cut(&what, NAME), duration(step.ns)),
        };
        (colour(step, places), bar)
    });
    Request { bars: bars.collect(), summary: in_words(timeline) }
}

/// `Request 812 took 43 ms: awaiting 38 ms, runnable 4.8 ms, running 0.2 ms; 12 waits.`
fn in_words(timeline: &Timeline) -> String {
    let all = [Doing::Awaiting, Doing::Runnable, Doing::FirstWait, Doing::Running, Doing::PacerLag];
    let sum = |doing: Doing| {
        let of = timeline.steps.iter().filter(|step| step.doing == doing);
        (doing, of.map(|step| step.ns).sum::<u64>())
    };
    let mut parts: Vec<(Doing, u64)> = all.map(sum).into_iter().collect();
    parts.retain(|(_, ns)| *ns > 0);
    parts.sort_by_key(|(_, ns)| std::cmp::Reverse(*ns));
    let parts: Vec<String> =
        parts.iter().map(|(doing, ns)| format!("{} {}", doing.in_words(), duration(*ns))).collect();
    let merged = timeline.unmerged.saturating_sub(timeline.steps.len() as u64);
    let merged = match merged {
        0 => String::new(),
        1 => " One short step is merged.".to_owned(),
        _ => format!(" {} short steps are merged.", grouped(merged as i64)),
    };
    let took = duration(timeline.response_ns);
    format!("Request {} took {took}: {}.{merged}", timeline.request, parts.join(", "))
}

/// The colours that occur.
fn key(timelines: &[Timeline], places: &[&Site]) -> Vec<(&'static str, String)> {
    let awaited = PLACES
        .iter()
        .zip(places)
        .map(|(colour, site)| (*colour, format!("awaiting {}", cut(&site.in_words(), NAME))));
    let others = [
        (RUNNING, "running".to_owned()),
        (LATE, "waiting for a worker, before the first poll and after a wake".to_owned()),
        (ELSEWHERE, "awaiting elsewhere, or not yet sent".to_owned()),
    ];
    let occurs = |colour_of: &str| {
        let mut steps = timelines.iter().flat_map(|timeline| &timeline.steps);
        steps.any(|step| colour(step, places) == colour_of)
    };
    others.into_iter().chain(awaited).filter(|(colour, _)| occurs(colour)).collect()
}

/// Who woke whom, how often, and after how long the woken was polled.
fn wakes(awaits: &Awaits) -> Option<Table> {
    let heads = vec![
        Cell::text("awaited at"),
        Cell::text("woken by"),
        Cell::text("from"),
        Cell::number("wakes"),
        Cell::number("awaited, mean"),
        Cell::number("polled after, mean"),
        Cell::number("longest"),
    ];
    let rows = awaits.wakes.iter().take(WAKES).map(|row| {
        let mean = |ms: f64| time(ms * 1e3 / row.wakes.max(1) as f64, WORDS);
        let from = row.from.as_ref().map_or_else(|| "not recorded".into(), Site::in_words);
        let class = if row.by == WokenBy::Outside { "" } else { "name" };
        vec![
            Cell::of_class(cut(&row.woken.in_words(), NAME), "name"),
            Cell::of_class(cut(&row.by.in_words(), NAME), class),
            Cell::of_class(cut(&from, NAME), "name"),
            Cell::number(grouped(row.wakes as i64)),
            Cell::number(mean(row.awaited_ms)),
            Cell::number(mean(row.runnable_ms)),
            Cell::number(time(row.longest_runnable_ms * 1e3, WORDS)),
        ]
    });
    let meaning = "Of answered requests and of futures that the program named. \"No task\" is a \
                   driver of the runtime or a thread of the program."
        .to_owned();
    let more = awaits.wakes.len().saturating_sub(WAKES);
    let more = (more > 0).then(|| format!("{more} rows with fewer wakes are left out."));
    let notes = [meaning].into_iter().chain(more).collect();
    Table::new("Who woke whom", heads, rows.collect()).noted(notes).some()
}

fn duration(ns: u64) -> String {
    time(ns as f64 / 1e3, WORDS)
}
