//! The overhead of the instruments: a table for each group, a row for each instrument.

use crate::cmd::overhead::{Estimate, Group, Reading, Table};
use crate::report::Style;
use crate::report::table::{BOLD, DIM};
use crate::report::units::{ascii, three_digits};
use lab_kit::overhead::{ADDED_NS, NS, PLAIN_NS, WITH_NS};
use std::io::{self, Write};

/// What an instrument's amount counts.
pub(crate) fn amounts(group: Group) -> &'static str {
    match group {
        Group::Polls => "polls, without it and with it",
        Group::Calls => "calls",
        Group::Pacer => "ms of load on an empty service",
        Group::Reading => "events",
    }
}

/// A table: what its rows are, and its columns after the name.
struct TableSection {
    group: Group,
    title: &'static str,
    columns: &'static [Column],
}

/// A column: its head, the first of these measures that a row has, the unit that it is divided by,
/// and whether the interval is shown.
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

const SECTIONS: [TableSection; 6] = [
    TableSection {
        group: Group::Polls,
        title: "ns per poll",
        columns: &[
            plain("without", &[PLAIN_NS], 1.0),
            plain("with", &[WITH_NS], 1.0),
            ranged("added", &[ADDED_NS], 1.0),
        ],
    },
    TableSection {
        group: Group::Calls,
        title: "ns per call",
        columns: &[
            ranged("alone", &[ADDED_NS, NS], 1.0),
            plain("without", &[PLAIN_NS], 1.0),
            plain("with", &[WITH_NS], 1.0),
        ],
    },
    TableSection {
        group: Group::Pacer,
        title: "load generator, on an empty service",
        columns: &[
            plain("late p50 µs", &["lag_p50_us"], 1.0),
            ranged("late p99 µs", &["lag_p99_us"], 1.0),
            ranged("ns per request", &["inject_ns"], 1.0),
            plain("wake-up", &["wake_ns"], 1.0),
            plain("valid", &["valid"], 1.0),
        ],
    },
    TableSection {
        group: Group::Pacer,
        title: "requests per second",
        columns: &[ranged("millions", &["highest_rate"], 1e6)],
    },
    TableSection {
        group: Group::Reading,
        title: "recordings",
        columns: &[
            plain("polls M/s", &["polls_per_s"], 1e6),
            plain("bytes per event", &["bytes_per_event"], 1.0),
            plain("dropped", &["dropped"], 1.0),
            plain("read M/s", &["read_per_s"], 1e6),
            ranged("analysed M/s", &["added_up_per_s"], 1e6),
            plain("MB", &["memory_mb"], 1.0),
        ],
    },
    TableSection {
        group: Group::Reading,
        title: "from recording to page",
        columns: &[
            plain("events M", &["events"], 1e6),
            ranged("seconds", &["page_s"], 1.0),
            plain("MB of page", &["page_mb"], 1.0),
            plain("MB", &["memory_mb"], 1.0),
        ],
    },
];

/// All tables that have rows, without colour.
pub fn text(table: &Table) -> String {
    let mut text = Vec::new();
    // Memory takes everything.
    let _ = print(table, Style::new(false), &mut text);
    anstream::adapter::strip_bytes(&text)
        .flat_map(|part| String::from_utf8_lossy(part).chars().collect::<Vec<_>>())
        .collect()
}

/// Prints all tables that have rows.
pub(crate) fn print(table: &Table, style: Style, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "{BOLD}overhead{BOLD:#}")?;
    writeln!(to, "host       {}", table.host)?;
    writeln!(
        to,
        "rounds     {}, each instrument in a process of its own, in a seeded random order",
        table.rounds
    )?;
    for kind in &SECTIONS {
        print_kind(table, kind, style, to)?;
    }
    Ok(())
}

/// The instruments of a table are those that have a number in its first column, or none at all.
fn print_kind(
    table: &Table,
    kind: &TableSection,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let Some(first) = kind.columns.first() else { return Ok(()) };
    let of_group = || table.readings.iter().filter(|reading| reading.group == kind.group);
    let rows: Vec<Vec<&Reading>> = of_group()
        .filter(|reading| first.is_of(reading))
        .map(|key| of_group().filter(|reading| reading.instrument == key.instrument).collect())
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let cells: Vec<Vec<String>> = kind.columns.iter().map(|column| column.cells(&rows)).collect();
    let line = |name: &str, number: usize| {
        let cell =
            |cells: &Vec<String>| format!("  {:>width$}", cells[number], width = widest(cells));
        format!("{name:<36}{}", cells.iter().map(cell).collect::<String>()).trim_end().to_owned()
    };
    writeln!(to, "\n{DIM}{}{DIM:#}", ascii(&line(kind.title, 0), style))?;
    for (number, row) in rows.iter().enumerate() {
        let name = row.first().map_or("", |reading| reading.instrument.as_str());
        writeln!(to, "{}", ascii(&line(name, number + 1), style))?;
        if let Some(line) = doubt(row) {
            writeln!(to, "  {DIM}{}{DIM:#}", ascii(&line, style))?;
        }
    }
    Ok(())
}

fn widest(cells: &[String]) -> usize {
    cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0)
}

/// That a row was not measured, or not in every round.
fn doubt(row: &[&Reading]) -> Option<String> {
    let first = row.first()?;
    let because = first.reason.as_deref()?;
    Some(match first.estimate {
        None => format!("not measured: {because}"),
        Some(_) => format!(
            "not measured in {} of {} rounds: {because}",
            first.failed,
            first.failed + first.rounds
        ),
    })
}

impl Column {
    fn is_of(&self, reading: &Reading) -> bool {
        self.measures.contains(&reading.measure.as_str())
    }

    /// Its head, and a cell a row.
    fn cells(&self, rows: &[Vec<&Reading>]) -> Vec<String> {
        let cell = |row: &Vec<&Reading>| {
            let reading = row.iter().find(|reading| self.is_of(reading));
            reading.map_or(String::new(), |reading| self.cell(reading))
        };
        std::iter::once(self.head.to_owned()).chain(rows.iter().map(cell)).collect()
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
