//! What the instruments cost, as tables: one a group, a row an instrument.

use super::Style;
use super::table::{BOLD, DIM};
use super::units::{ascii, three_digits};
use crate::overhead::{Estimate, Group, Reading, Table};
use lab_kit::overhead::{ADDED_NS, NS, PLAIN_NS, WITH_NS};
use std::io::{self, Write};

/// What an instrument's amount counts.
pub(crate) fn amounts(group: Group) -> &'static str {
    match group {
        Group::Polls => "polls, without it and with it",
        Group::Calls => "calls",
        Group::Pacer => "ms of load on a service that does nothing",
        Group::Reading => "events",
    }
}

/// A table: what its rows are, and its columns after the name.
struct Kind {
    group: Group,
    title: &'static str,
    columns: &'static [Column],
}

/// A column: its head, the first of these measures that a row has, the unit that it is divided by, and whether the interval is shown.
struct Column {
    head: &'static str,
    measures: &'static [&'static str],
    unit: f64,
    interval: bool,
}

const fn plain(head: &'static str, measures: &'static [&'static str], unit: f64) -> Column {
    Column { head, measures, unit, interval: false }
}

const fn ranged(head: &'static str, measures: &'static [&'static str], unit: f64) -> Column {
    Column { head, measures, unit, interval: true }
}

const KINDS: [Kind; 4] = [
    Kind {
        group: Group::Polls,
        title: "ns a poll",
        columns: &[
            plain("without", &[PLAIN_NS], 1.0),
            plain("with", &[WITH_NS], 1.0),
            ranged("added", &[ADDED_NS], 1.0),
        ],
    },
    Kind {
        group: Group::Calls,
        title: "ns a call",
        columns: &[
            plain("without", &[PLAIN_NS], 1.0),
            plain("with", &[WITH_NS], 1.0),
            ranged("by itself", &[ADDED_NS, NS], 1.0),
        ],
    },
    Kind {
        group: Group::Pacer,
        title: "pacer",
        columns: &[
            plain("lag p50 µs", &["lag_p50_us"], 1.0),
            ranged("lag p99 µs", &["lag_p99_us"], 1.0),
            ranged("ns a request", &["inject_ns"], 1.0),
            plain("waking", &["wake_ns"], 1.0),
            plain("valid", &["valid"], 1.0),
            ranged("most a second", &["highest_rate"], 1.0),
        ],
    },
    Kind {
        group: Group::Reading,
        title: "recordings",
        columns: &[
            plain("polls/s M", &["polls_per_s"], 1e6),
            plain("bytes", &["bytes_per_event"], 1.0),
            plain("dropped", &["dropped"], 1.0),
            ranged("read M/s", &["read_per_s"], 1e6),
            ranged("added up M/s", &["added_up_per_s"], 1e6),
            plain("events M", &["events"], 1e6),
            ranged("page s", &["page_s"], 1.0),
            plain("page MB", &["page_mb"], 1.0),
            plain("memory MB", &["memory_mb"], 1.0),
        ],
    },
];

/// All tables that have rows, without colour.
pub fn text(table: &Table) -> String {
    let mut text = Vec::new();
    // Memory takes everything.
    let _ = print(table, Style { plain: false, naive: false }, &mut text);
    anstream::adapter::strip_bytes(&text)
        .flat_map(|part| String::from_utf8_lossy(part).chars().collect::<Vec<_>>())
        .collect()
}

/// Prints all tables that have rows.
pub(crate) fn print(table: &Table, style: Style, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "{BOLD}overhead{BOLD:#}")?;
    writeln!(to, "on         {}", table.on)?;
    writeln!(to, "rounds     {}, each instrument in a process of its own, in orders from a seed", table.rounds)?;
    for kind in &KINDS {
        print_kind(table, kind, style, to)?;
    }
    Ok(())
}

fn print_kind(table: &Table, kind: &Kind, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let of_group: Vec<&Reading> = table.readings.iter().filter(|reading| reading.group == kind.group).collect();
    let has = |column: &&Column| of_group.iter().any(|reading| column.is_of(reading) && reading.estimate.is_some());
    let columns: Vec<&Column> = kind.columns.iter().filter(has).collect();
    let mut names: Vec<&str> = of_group.iter().map(|reading| reading.instrument.as_str()).collect();
    names.dedup();
    if names.is_empty() {
        return Ok(());
    }
    let heads: String =
        columns.iter().map(|column| format!("  {:>width$}", column.head, width = column.width())).collect();
    writeln!(to, "\n{DIM}{}{DIM:#}", ascii(format!("{:<36}{heads}", kind.title).trim_end(), style))?;
    for name in names {
        let row: Vec<&Reading> = of_group.iter().copied().filter(|reading| reading.instrument == name).collect();
        writeln!(to, "{}", ascii(cells(name, &row, &columns).trim_end(), style))?;
        if let Some(line) = doubt(&row) {
            writeln!(to, "  {DIM}{}{DIM:#}", ascii(&line, style))?;
        }
    }
    Ok(())
}

fn cells(name: &str, row: &[&Reading], columns: &[&Column]) -> String {
    let cell = |column: &&Column| {
        let reading = row.iter().find(|reading| column.is_of(reading));
        format!("  {:>width$}", reading.map_or(String::new(), |reading| column.cell(reading)), width = column.width())
    };
    format!("{name:<36}{}", columns.iter().map(cell).collect::<String>())
}

/// What has to be known of a row: that it was not measured, or not in every round.
fn doubt(row: &[&Reading]) -> Option<String> {
    let first = row.first()?;
    let because = first.because.as_deref()?;
    Some(match first.estimate {
        None => format!("not measured: {because}"),
        Some(_) => format!("not measured in {} of {} rounds: {because}", first.failed, first.failed + first.rounds),
    })
}

impl Column {
    fn is_of(&self, reading: &Reading) -> bool {
        self.measures.contains(&reading.measure.as_str())
    }

    fn width(&self) -> usize {
        if self.interval { 28 } else { self.head.chars().count().max(7) }
    }

    fn cell(&self, reading: &Reading) -> String {
        let Some(estimate) = reading.estimate else { return String::new() };
        if reading.measure == "valid" {
            return valid(&estimate, reading.rounds);
        }
        let number = |value: f64| three_digits(value / self.unit);
        match (self.interval, estimate.low, estimate.high) {
            (true, Some(low), Some(high)) => {
                format!("{} ({} to {})", number(estimate.value), number(low), number(high))
            }
            (true, _, _) => format!("{} (too few rounds)", number(estimate.value)),
            _ => number(estimate.value),
        }
    }
}

/// Whether every round was, most were, or none.
fn valid(estimate: &Estimate, rounds: usize) -> String {
    match (estimate.value, estimate.low.unwrap_or(estimate.value)) {
        (1.0, 1.0) => "yes".into(),
        (0.0, _) => "no".into(),
        _ => format!("mostly, of {rounds}"),
    }
}
