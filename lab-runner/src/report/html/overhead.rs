//! The section about profiling overhead: always there, because a page without it leaves the reader
//! to guess.

use crate::report::html::WORDS;
use crate::report::html::table::{Cell, Table};
use crate::report::overhead::{NOBODY, beside_line, by_profiler, event, share, why_not};
use crate::report::units::{percent, time_ms};
use lab_analysis::evidence::label;
use lab_analysis::overhead::Cost;
use lab_analysis::profile::Profile;
use lab_analysis::results::Results;

/// The section.
pub(crate) struct Overhead {
    /// What the tables mean, or that there are none.
    pub summary: String,
    /// A table for each profiler, with a column for each run.
    pub tables: Vec<Table>,
}

const MEANS: &str = "CPU time of the profiler beside that of the profiled run, without the load \
                     generator. A finding that is smaller \
                     than the overhead of its profiler is not reported.";

pub(crate) fn overhead(report: &Results) -> Overhead {
    let tables: Vec<Table> = by_profiler(report)
        .iter()
        .map(|(profiler, runs)| {
            let heads = [Cell::text("")]
                .into_iter()
                .chain(runs.iter().map(|run| Cell::number(label(&run.spec))));
            let beside = runs.iter().filter_map(|run| {
                Some(format!("{}: {}", label(&run.spec), beside_line(report, run, WORDS)?))
            });
            Table::new(&profiler.to_string(), heads.collect(), rows(runs))
                .noted(missing(runs).chain(beside).collect())
        })
        .collect();
    let summary =
        if tables.is_empty() { format!("{}.", capital(NOBODY)) } else { MEANS.to_owned() };
    Overhead { summary, tables }
}

fn rows(runs: &[&Profile]) -> Vec<Vec<Cell>> {
    let row = |name: &str, of: &dyn Fn(&Cost) -> Option<String>| {
        let cell = |run: &&Profile| match run.overhead.as_ref() {
            Ok(cost) => of(cost).map_or_else(|| Cell::faint("-"), Cell::number),
            Err(_) => Cell::faint("-"),
        };
        let head = Cell::of_class(name, "name");
        [head].into_iter().chain(runs.iter().map(cell)).collect::<Vec<_>>()
    };
    let whole = |run: &&Profile| match &run.overhead {
        Ok(cost) => Cell::number(share(cost)),
        Err(_) => Cell::faint(why_not(&run.overhead).unwrap_or_default()),
    };
    let first = [Cell::of_class("share of the run's CPU time", "name own")]
        .into_iter()
        .chain(runs.iter().map(whole))
        .collect();
    let mut rows = vec![first];
    rows.push(row("CPU time", &|cost| {
        Some(format!("{} of {}", time_ms(cost.ms.mid), time_ms(cost.run_ms)))
    }));
    rows.push(row("share of wall time", &|cost| Some(percent(cost.of_wall.mid))));
    rows.push(row("the profiler's threads", &|cost| Some(time_ms(cost.threads_ms))));
    rows.extend(events(runs).iter().map(|what| {
        row(&format!("each {what}"), &|cost| {
            Some(event(cost.per_event.iter().find(|of| of.what == *what)?, WORDS))
        })
    }));
    rows
}

/// What happened in any of these runs.
fn events(runs: &[&Profile]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for of in
        runs.iter().filter_map(|run| run.overhead.as_ref().ok()).flat_map(|cost| &cost.per_event)
    {
        if !all.contains(&of.what) {
            all.push(of.what.clone());
        }
    }
    all
}

fn missing(runs: &[&Profile]) -> impl Iterator<Item = String> {
    let of = |run: &&Profile| {
        let missing =
            run.overhead.as_ref().ok().map(|cost| cost.missing.clone()).unwrap_or_default();
        let label = label(&run.spec);
        missing
            .into_iter()
            .map(move |what| format!("{label}: not measured: {what}"))
            .collect::<Vec<_>>()
    };
    runs.iter().flat_map(of).collect::<Vec<_>>().into_iter()
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}
