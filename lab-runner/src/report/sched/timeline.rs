//! The run as a picture: what each worker did, and below it how many tasks waited. Recordings of
//! older versions hold only the part in which tasks waited most.

use crate::report::Style;
use crate::report::plot::Scale;
use crate::report::plot::svg::escaped;
use crate::report::profilers::cut;
use crate::report::sched::palette::Palette;
use crate::report::sched::words::{Run, counted, percent};
use crate::report::units::{number, time};
use lab_analysis::scheduler::{Doing, Row, Segment, Timeline};
use std::collections::BTreeMap;
use std::fmt::Write;

/// In pixels: the whole width, where the field begins and ends, a worker's row, the field of
/// waiting tasks, the rest.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 92.0;
const RIGHT: f64 = 930.0;
const ROW: f64 = 30.0;
const TOP: f64 = 8.0;
const AREA: f64 = 64.0;
const FLOOR: f64 = 40.0;
const LEGEND: f64 = 20.0;
/// Workers that have a row, and characters of a name.
const WORKERS: usize = 16;
const CHARACTERS: usize = 100;
/// A piece as wide as this has room for a name, of so many pixels a character.
const NAMED: f64 = 84.0;
const CHARACTER: f64 = 7.2;
/// Points of the area.
const POINTS: usize = 400;

/// A stretch as it is drawn.
struct Picture<'a> {
    run: &'a Run<'a>,
    timeline: &'a Timeline,
    palette: &'a Palette,
    style: Style,
}

/// The whole run, or the part of it that was kept.
fn timeline<'a>(run: &Run<'a>) -> Option<&'a Timeline> {
    let kept = [run.sched.whole.as_ref(), run.sched.worst.as_ref()].into_iter().flatten();
    kept.into_iter().find(|timeline| timeline.ms > 0.0 && !timeline.rows.is_empty())
}

/// What the picture shows: the whole run, or the part in which tasks waited most.
pub(crate) fn title(run: &Run<'_>) -> String {
    let Some(timeline) = timeline(run) else { return run.label.clone() };
    let length = time(timeline.ms * 1e3, Style::new(false));
    match run.sched.whole.is_some() {
        true => format!("{}: what each worker did in the whole run, {length}", run.label),
        false => format!(
            "{}: what each worker did in the {length} in which tasks waited most",
            run.label
        ),
    }
}

/// The picture with at most so many pieces, and what it shows in words; nothing if there is no
/// stretch.
pub(crate) fn draw(
    run: &Run<'_>,
    palette: &Palette,
    most: usize,
    style: Style,
) -> Option<(String, Vec<String>)> {
    let timeline = timeline(run)?;
    let picture = Picture { run, timeline, palette, style };
    let narrowest = picture.narrowest(most);
    let mut sentences = vec![picture.description()];
    if narrowest > 0.0 {
        sentences
            .push(format!("Segments shorter than {} are left out.", time(narrowest * 1e3, style)));
    }
    if timeline.rows.len() > WORKERS {
        sentences.push(format!(
            "{} are left out.",
            counted((timeline.rows.len() - WORKERS) as u64, "worker")
        ));
    }
    Some((picture.svg(narrowest, &sentences.join(" ")), sentences))
}

impl Picture<'_> {
    fn rows(&self) -> &[Row] {
        &self.timeline.rows[..self.timeline.rows.len().min(WORKERS)]
    }

    fn x(&self, ms: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * (ms / self.timeline.ms).clamp(0.0, 1.0)
    }

    /// The shortest length of a segment that keeps their number below the limit.
    fn narrowest(&self, most: usize) -> f64 {
        let segments = self
            .rows()
            .iter()
            .flat_map(|row| &row.segments)
            .filter(|segment| segment.doing != Doing::Asleep);
        let mut lengths: Vec<f64> = segments.map(|segment| segment.ms).collect();
        lengths.sort_by(|a, b| b.total_cmp(a));
        lengths.get(most).map_or(0.0, |length| length * (1.0 + 1e-9))
    }

    fn svg(&self, narrowest: f64, sentences: &str) -> String {
        let legend = self.legend();
        let field = TOP + ROW * self.rows().len() as f64;
        let floor = field + AREA + 12.0;
        let height = floor + FLOOR + LEGEND * legend.len() as f64;
        let title = title(self.run);
        let mut svg = format!(
            "<svg class=\"sched timeline-of-run\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\
             <title>{}</title><desc>{}</desc>",
            escaped(&title),
            escaped(sentences)
        );
        self.axis(&mut svg, floor);
        for (number, row) in self.rows().iter().enumerate() {
            self.row(&mut svg, row, TOP + ROW * number as f64, narrowest);
        }
        self.area(&mut svg, field + 12.0);
        for (number, (class, name)) in legend.iter().enumerate() {
            let y = floor + FLOOR + LEGEND * number as f64;
            let name = escaped(&cut(name, CHARACTERS));
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{y:.1}\" width=\"22\" height=\"12\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
                LEFT + 30.0,
                y + 11.0
            );
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn axis(&self, svg: &mut String, floor: f64) {
        let (low, high) = (0.0, self.timeline.ms);
        for tick in
            Scale::Linear.ticks(low, high).into_iter().filter(|tick| (low..=high).contains(tick))
        {
            let x = self.x(tick);
            let label = Scale::Linear.label(tick);
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{x:.1} {TOP}V{floor:.1}\"/>\
                 <text class=\"quiet\" x=\"{x:.1}\" y=\"{:.1}\" \
                 text-anchor=\"middle\">{label}</text>",
                floor + 16.0
            );
        }
        let _ = write!(
            svg,
            "<text class=\"quiet\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">ms</text>",
            LEFT - 8.0,
            floor + 16.0
        );
    }

    fn row(&self, svg: &mut String, row: &Row, top: f64, narrowest: f64) {
        let _ = write!(
            svg,
            "<text class=\"quiet\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            top + 18.0,
            worker(row)
        );
        for segment in row
            .segments
            .iter()
            .filter(|segment| segment.doing != Doing::Asleep && segment.ms >= narrowest)
        {
            self.segment(svg, row, segment, top);
        }
        let line = top + ROW - 4.0;
        let _ = write!(svg, "<path class=\"line\" d=\"M{LEFT} {line:.1}H{RIGHT}\"/>");
    }

    fn segment(&self, svg: &mut String, row: &Row, segment: &Segment, top: f64) {
        let (from, to) = (self.x(segment.at_ms), self.x(segment.at_ms + segment.ms));
        let (class, name) = self.doing(segment.doing);
        let duration = |ms: f64| time(ms * 1e3, self.style);
        let sentences = format!(
            "{}: {} for {} after {}",
            worker(row),
            cut(&name, CHARACTERS),
            duration(segment.ms),
            duration(segment.at_ms)
        );
        let width = (to - from).max(0.3);
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{from:.2}\" y=\"{:.1}\" width=\"{width:.2}\" \
             height=\"{:.1}\"><title>{}</title></rect>",
            top + 2.0,
            ROW - 6.0,
            escaped(&sentences)
        );
        if let (true, Doing::Polls(number)) = (width >= NAMED, segment.doing) {
            let name = self.run.task_kind_name(number);
            let fits = ((width - 12.0) / CHARACTER) as usize;
            let _ = write!(
                svg,
                "<text class=\"on\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                from + 6.0,
                top + 18.0,
                escaped(&cut(&name, fits.max(2)))
            );
        }
    }

    fn doing(&self, doing: Doing) -> (String, String) {
        match doing {
            Doing::Polls(number) => {
                (self.palette.class(self.run.task_kind(number)), self.run.task_kind_at(number))
            }
            Doing::Asleep => ("asleep".into(), "asleep".into()),
            Doing::Outside => ("outside".into(), "awake and in no poll".into()),
        }
    }

    /// What is in the rows: class and name, task kinds first.
    fn legend(&self) -> Vec<(String, String)> {
        let mut known = Vec::new();
        for segment in self.rows().iter().flat_map(|row| &row.segments) {
            let (class, name) = self.doing(segment.doing);
            // Places are told on hover.
            let name = if let Doing::Polls(number) = segment.doing {
                self.run.task_kind_name(number)
            } else {
                name
            };
            let entry = (class, name);
            if segment.doing != Doing::Asleep && !known.contains(&entry) && known.len() < 8 {
                known.push(entry);
            }
        }
        known.sort_by_key(|(class, _)| class == "outside");
        known
    }

    /// How many tasks wait, as a filled line.
    fn area(&self, svg: &mut String, top: f64) {
        let waiting = thinned(&self.timeline.waiting);
        let most = waiting.iter().copied().fold(0.0, f64::max);
        let floor = top + AREA;
        let label = |svg: &mut String, y: f64, text: &str| {
            let x = LEFT - 8.0;
            let _ = write!(
                svg,
                "<text class=\"quiet\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{text}</text>"
            );
        };
        label(svg, top + 11.0, &number(most));
        label(svg, top + 34.0, "waiting");
        label(svg, floor, "0");
        if most > 0.0 {
            let step = self.timeline.ms / waiting.len() as f64;
            let mut path = format!("M{LEFT} {floor:.1}");
            for (number, tasks) in waiting.iter().enumerate() {
                let (from, to) = (self.x(number as f64 * step), self.x((number + 1) as f64 * step));
                let y = floor - AREA * tasks / most;
                let _ = write!(path, "L{from:.1} {y:.1}L{to:.1} {y:.1}");
            }
            let _ = write!(svg, "<path class=\"area\" d=\"{path}L{RIGHT} {floor:.1}Z\"/>");
        }
        let _ = write!(svg, "<path class=\"line\" d=\"M{LEFT} {floor:.1}H{RIGHT}\"/>");
    }

    /// What the rows are filled with, and how many tasks waited meanwhile.
    fn description(&self) -> String {
        let mut times: BTreeMap<String, f64> = BTreeMap::new();
        let all = self.timeline.ms * self.timeline.rows.len() as f64;
        for segment in self.timeline.rows.iter().flat_map(|row| &row.segments) {
            let name = self.doing(segment.doing).1;
            let name = if matches!(segment.doing, Doing::Polls(_)) {
                format!("in polls of {name}")
            } else {
                name
            };
            *times.entry(name).or_default() += segment.ms;
        }
        let mut largest: Vec<(String, f64)> = times.into_iter().collect();
        largest.sort_by(|a, b| b.1.total_cmp(&a.1));
        let share =
            |(name, ms): &(String, f64)| format!("{} {}", percent(ms / all), cut(name, CHARACTERS));
        let shares: Vec<String> = largest.iter().take(3).map(share).collect();
        let most = self.timeline.waiting.iter().copied().fold(0.0, f64::max);
        let (long, from) = (self.timeline.ms * 1e3, self.timeline.from_ms * 1e3);
        format!(
            "{}, {} from {} on: its workers spent {}. Up to {} tasks waited at a time.",
            self.run.label,
            time(long, self.style),
            time(from, self.style),
            shares.join(", "),
            number(most)
        )
    }
}

/// At most so many points as there is room for, each the largest of those that it stands for.
fn thinned(values: &[f64]) -> Vec<f64> {
    let of_each = values.len().div_ceil(POINTS).max(1);
    let finite = |value: &f64| if value.is_finite() { *value } else { 0.0 };
    values.chunks(of_each).map(|some| some.iter().map(finite).fold(0.0, f64::max)).collect()
}

fn worker(row: &Row) -> String {
    match row.runtime {
        0 => format!("worker {}", row.worker),
        runtime => format!("rt {runtime} w {}", row.worker),
    }
}
