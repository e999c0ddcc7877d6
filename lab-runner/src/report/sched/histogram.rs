//! Times by task kind as a picture: a row for each task kind, on one logarithmic axis, with
//! both sides of a comparison in the same row, before above the line and after below it.
//!
//! Heights are logarithmic too: among thousands of polls of microseconds, the seven of a second are
//! the ones to be seen.

use crate::report::Style;
use crate::report::plot::svg::escaped;
use crate::report::profilers::cut;
use crate::report::sched::words::{Run, named_at};
use crate::report::units::{grouped, time};
use lab_analysis::scheduler::{Quantiles, TaskKind};
use std::collections::BTreeMap;
use std::fmt::Write;

/// In pixels: the whole width, room for a row's name above its bars, for bars of one side, and
/// below all rows.
const WIDTH: f64 = 560.0;
const NAME: f64 = 22.0;
const BARS: f64 = 40.0;
const FLOOR: f64 = 24.0;
const MARGIN: f64 = 12.0;
/// Groups that have a row.
const ROWS: usize = 4;
/// Bars in a decade at most. Coarser steps have coarser bars, for else there were gaps between
/// them.
const FINEST: f64 = 1.0 / 8.0;
const CHARACTERS: usize = 70;

/// A row: a task kind's name, and its times in the runs that have it.
struct Row<'a> {
    name: String,
    sides: Vec<Option<&'a Quantiles>>,
}

/// Where the bars stand: how wide one is in decades, and the first and the last.
struct Bins {
    width: f64,
    first: i64,
    last: i64,
}

/// The picture, and what it shows in a sentence; nothing if there are no times.
pub(crate) fn draw(
    title: &str,
    runs: &[Run<'_>],
    style: Style,
    of: fn(&TaskKind) -> Option<&Quantiles>,
) -> Option<(String, String)> {
    let rows = rows(runs, of);
    let bins = Bins::over(rows.iter().flat_map(|row| row.sides.iter().flatten().copied()))?;
    let (description, two) = (description(&rows, runs, style), runs.len() > 1);
    let row_height = NAME + BARS * if two { 2.0 } else { 1.0 } + 6.0;
    let height = row_height * rows.len() as f64 + FLOOR;
    let mut svg = format!(
        "<svg class=\"sched\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\">\
         <title>{}</title><desc>{}</desc>",
        escaped(title),
        escaped(&description)
    );
    axis(&mut svg, &bins, height, style);
    let most = rows
        .iter()
        .flat_map(|row| row.sides.iter().flatten())
        .flat_map(|us| bins.counts(us))
        .map(|(_, n)| n)
        .max()?;
    for (number, row) in rows.iter().enumerate() {
        draw_row(&mut svg, row, runs, &bins, (number as f64 * row_height, most), style);
    }
    svg.push_str("</svg>\n");
    Some((svg, description))
}

/// The task kinds that are duration of in any of the runs, matched by name and place.
fn rows<'a>(runs: &[Run<'a>], of: fn(&TaskKind) -> Option<&Quantiles>) -> Vec<Row<'a>> {
    let mut names: Vec<String> = Vec::new();
    for (run, number) in runs
        .iter()
        .flat_map(|run| run.shown_task_kinds(ROWS).into_iter().map(move |number| (run, number)))
    {
        let name = run.task_kind_at(number);
        if names.len() < ROWS && !names.contains(&name) {
            names.push(name);
        }
    }
    let find = |run: &Run<'a>, name: &str| {
        run.sched.task_kinds.iter().find(|task_kind| named_at(task_kind) == name).and_then(of)
    };
    let row = |name: String| Row { sides: runs.iter().map(|run| find(run, &name)).collect(), name };
    let has_times = |row: &Row<'_>| {
        row.sides.iter().flatten().any(|us| us.steps.iter().any(|(_, count)| *count > 0))
    };
    names.into_iter().map(row).filter(has_times).collect()
}

impl Bins {
    fn over<'a>(all: impl Iterator<Item = &'a Quantiles>) -> Option<Bins> {
        let steps: Vec<Vec<f64>> = all.map(places).collect();
        let apart = steps.iter().flat_map(|steps| steps.windows(2).map(|two| two[1] - two[0]));
        let width = apart.filter(|apart| *apart > 1e-9).fold(0.5, f64::min).max(FINEST);
        let bin = |place: &f64| (place / width - 1e-6).ceil() as i64;
        let places = || steps.iter().flatten().map(bin);
        Some(Bins { width, first: places().min()? - 1, last: places().max()? + 1 })
    }

    /// How many times fall into each bar.
    fn counts(&self, us: &Quantiles) -> BTreeMap<i64, u64> {
        let mut counts = BTreeMap::new();
        for (bound, count) in us.steps.iter().filter(|(bound, _)| bound.is_finite() && *bound > 0.0)
        {
            *counts.entry((bound.log10() / self.width - 1e-6).ceil() as i64).or_insert(0) += count;
        }
        counts.retain(|_, count| *count > 0);
        counts
    }

    /// Where a bar's upper end is in the picture.
    fn x(&self, bin: f64) -> f64 {
        MARGIN
            + (WIDTH - 2.0 * MARGIN) * (bin - self.first as f64) / (self.last - self.first) as f64
    }

    /// The bar's upper end in microseconds.
    fn us(&self, bin: f64) -> f64 {
        10_f64.powf(bin * self.width)
    }
}

/// Upper bounds of steps that have values, as powers of ten.
fn places(us: &Quantiles) -> Vec<f64> {
    let bounds =
        us.steps.iter().filter(|(bound, count)| bound.is_finite() && *bound > 0.0 && *count > 0);
    bounds.map(|(bound, _)| bound.log10()).collect()
}

/// Powers of ten as faint lines, with labels below.
fn axis(svg: &mut String, bins: &Bins, height: f64, style: Style) {
    let (low, high) = (bins.first as f64 * bins.width, bins.last as f64 * bins.width);
    for power in low.ceil() as i32..=high.floor() as i32 {
        let x = bins.x(f64::from(power) / bins.width);
        let anchor = if x < 40.0 {
            "start"
        } else if x > WIDTH - 40.0 {
            "end"
        } else {
            "middle"
        };
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{x:.1} 0V{:.1}\"/><text class=\"quiet\" x=\"{x:.1}\" \
             y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            height - FLOOR,
            height - 8.0,
            round(10_f64.powi(power), style)
        );
    }
}

/// `10 µs`: a power of ten needs no digits behind the point.
fn round(us: f64, style: Style) -> String {
    let text = time(us, style);
    let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
    let short = if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    };
    format!("{short} {unit}")
}

fn draw_row(
    svg: &mut String,
    row: &Row<'_>,
    runs: &[Run<'_>],
    bins: &Bins,
    (top, most): (f64, u64),
    style: Style,
) {
    let line = top + NAME + BARS;
    let name = escaped(&cut(&row.name, CHARACTERS));
    let _ =
        write!(svg, "<text class=\"name\" x=\"{MARGIN}\" y=\"{:.1}\">{name}</text>", top + 14.0);
    for (side, (us, run)) in row.sides.iter().zip(runs).enumerate().take(2) {
        let Some(us) = us else { continue };
        for (bin, count) in bins.counts(us) {
            let height = (BARS - 2.0) * (1.0 + count as f64).ln() / (1.0 + most as f64).ln();
            let (from, to) = (bins.x(bin as f64 - 1.0), bins.x(bin as f64));
            let y = if side == 0 { line - height } else { line };
            let description = format!(
                "{}, {}: {} of {} to {}",
                cut(&run.label, CHARACTERS),
                cut(&row.name, CHARACTERS),
                grouped(count as i64),
                time(bins.us(bin as f64 - 1.0), style),
                time(bins.us(bin as f64), style)
            );
            let _ = write!(
                svg,
                "<rect class=\"s{side}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" \
                 height=\"{height:.1}\"><title>{}</title></rect>",
                to - from,
                escaped(&description)
            );
        }
    }
    let _ = write!(svg, "<path class=\"line\" d=\"M{MARGIN} {line:.1}H{:.1}\"/>", WIDTH - MARGIN);
}

/// `requests (drive.rs:52): buggy p50 12.0 µs, p99 80.0 µs, max 1.10 ms of 6 000.`
fn description(rows: &[Row<'_>], runs: &[Run<'_>], style: Style) -> String {
    let side = |(us, run): (&Option<&Quantiles>, &Run<'_>)| {
        let us = (*us)?;
        let duration = |us: f64| time(us, style);
        let (p50, p99, max) = (duration(us.p50), duration(us.p99), duration(us.max));
        Some(format!(
            "{} p50 {p50}, p99 {p99}, max {max}, {} of them",
            run.label,
            grouped(us.count as i64)
        ))
    };
    let row = |row: &Row<'_>| {
        let sides: Vec<String> = row.sides.iter().zip(runs).filter_map(side).collect();
        format!("{}: {}.", row.name, sides.join("; "))
    };
    rows.iter().map(row).collect::<Vec<_>>().join(" ")
}
