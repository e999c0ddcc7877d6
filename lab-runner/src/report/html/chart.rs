//! Lines over the same axes as a part of a page: the script tells values below the pointer, zooms
//! into what was brushed, and shows lines that are hidden at first. Without it the first lines are
//! there.

use crate::report::plot::svg::escaped;
use crate::report::plot::{Axis, Line, LineStyle, Plot, Scale};
use crate::report::profilers::cut;
use std::fmt::Write;

/// In pixels, of the whole picture and of the field in it. Labels have 15 pixels, so that they have
/// at least 12 where the picture is drawn in half a page.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 92.0;
const TOP: f64 = 34.0;
const FLOOR: f64 = 340.0;
/// Where the field ends, and where it ends with names behind the lines.
const RIGHT: f64 = 624.0;
const RIGHT_OF_NAMES: f64 = 492.0;
/// Pixels from one name to the next, and characters of one.
const NAME_ROW: f64 = 17.0;
const NAME: usize = 17;
/// Lines that are seen at first: more hide each other.
const SHOWN: usize = 4;
/// Colours that differ for colour-blind eyes too; lines beyond them are dashed.
const COLOURS: usize = 6;
/// Characters of a name in the legend, and of a tick.
const LEGEND: usize = 120;

/// A guide: its name, and the points that it goes from and to.
type Guide = (&'static str, (f64, f64), (f64, f64));

/// A plot, what it shows in words, and its legend.
pub(crate) struct Chart {
    pub title: String,
    pub svg: String,
    pub summary: Vec<String>,
    pub legend: Vec<Key>,
    /// Lines that are hidden at first.
    pub hidden: usize,
}

/// A line in the legend.
pub(crate) struct Key {
    pub number: usize,
    pub class: String,
    pub name: String,
    pub shown: bool,
}

/// The lines that show how cost grows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guides {
    None,
    /// n and n², from the point where the smallest of the costs is, and the name of each line at
    /// its end.
    Growth,
}

struct Field<'a> {
    plot: &'a Plot,
    x: Axis,
    y: Axis,
    right: f64,
    guides: Guides,
}

/// The picture of a plot.
pub(crate) fn chart(plot: &Plot, guides: Guides) -> Chart {
    let (x, y) = plot.axes();
    let right = if guides == Guides::Growth { RIGHT_OF_NAMES } else { RIGHT };
    let field = Field { plot, x, y, right, guides };
    let sentences =
        plot.description.split_inclusive(". ").map(|sentence| sentence.trim().to_owned());
    let all_shown = guides == Guides::Growth;
    let key = |(number, line): (usize, &Line)| Key {
        number,
        class: class(number, line.style),
        name: cut(&line.name, LEGEND),
        shown: all_shown || number < SHOWN,
    };
    let legend: Vec<Key> = plot.lines.iter().enumerate().map(key).collect();
    Chart {
        title: plot.title.clone(),
        svg: field.svg(&legend),
        summary: sentences.filter(|sentence| !sentence.is_empty()).collect(),
        hidden: legend.iter().filter(|key| !key.shown).count(),
        legend,
    }
}

fn class(number: usize, style: LineStyle) -> String {
    match style {
        LineStyle::Marked if number < COLOURS => format!("c{number}"),
        LineStyle::Marked => format!("c{} dashed", number % COLOURS),
        LineStyle::Solid(colour) => format!("c{}", colour % COLOURS),
        LineStyle::Dashed(colour) => format!("c{} dashed", colour % COLOURS),
    }
}

impl Field<'_> {
    /// Where a number stands in the field, from its left and from its top.
    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (
            self.share(&self.x, x) * (self.right - LEFT),
            (1.0 - self.share(&self.y, y)) * (FLOOR - TOP),
        )
    }

    fn share(&self, axis: &Axis, value: f64) -> f64 {
        let place = |value| axis.scale.place(value);
        (place(value) - place(axis.low)) / (place(axis.high) - place(axis.low))
    }

    fn svg(&self, legend: &[Key]) -> String {
        let Plot { title, description, lines, x, y, .. } = self.plot;
        let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
        let words = |scale: Scale| scale.word();
        let axes = format!("{y} ({}) over {x} ({})", words(self.y.scale), words(self.x.scale));
        let desc = escaped(&format!("{axes}. Lines: {}. {description}", names.join(", ")));
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" data-x=\"{}\" \
             data-y=\"{}\">\
             <title>{}</title><desc>{}</desc>",
            axis_data(&self.x),
            axis_data(&self.y),
            escaped(title),
            desc.trim_end()
        );
        self.draw_axes(&mut svg);
        let (width, height) = (self.right - LEFT, FLOOR - TOP);
        // Writing to a String cannot fail.
        let _ = write!(
            svg,
            "<svg class=\"field\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\"><rect class=\"ground\" \
             width=\"{width}\" height=\"{height}\"/>"
        );
        if self.guides == Guides::Growth {
            self.draw_guides(&mut svg);
        }
        for (key, line) in legend.iter().zip(lines) {
            self.draw_line(&mut svg, key, line);
        }
        svg.push_str("</svg>");
        if self.guides == Guides::Growth {
            self.draw_names(&mut svg);
        }
        svg.push_str("</svg>");
        svg
    }

    fn draw_axes(&self, svg: &mut String) {
        let (right, middle) = (self.right, f64::midpoint(LEFT, self.right));
        let on_axis = |axis: &Axis| -> Vec<f64> {
            axis.ticks
                .iter()
                .copied()
                .filter(|tick| (axis.low..=axis.high).contains(tick))
                .collect()
        };
        for tick in on_axis(&self.y) {
            let y = TOP + self.at((self.x.low, tick)).1;
            let label = escaped(&self.y.scale.label(tick));
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                LEFT - 8.0,
                y + 5.0
            );
        }
        let mut end_of_last = f64::NEG_INFINITY;
        for tick in on_axis(&self.x) {
            let x = LEFT + self.at((tick, self.y.low)).0;
            let label = self.x.scale.label(tick);
            let half = 4.4 * label.chars().count() as f64;
            let text = if x - half < end_of_last { String::new() } else { escaped(&label) };
            end_of_last = if text.is_empty() { end_of_last } else { x + half + 6.0 };
            let _ = write!(
                svg,
                "<g class=\"tick\" data-at=\"{:.2}\"><path class=\"grid\" d=\"M{x:.1} \
                 {TOP}V{FLOOR}\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text></g>",
                x - LEFT,
                FLOOR + 20.0
            );
        }
        let (x, y) = (escaped(&cut(&self.plot.x, 72)), escaped(&cut(&self.plot.y, 60)));
        let _ = write!(
            svg,
            "<text class=\"quiet\" x=\"4\" y=\"16\">{y}</text>\
             <text class=\"quiet\" x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{x}</text>",
            HEIGHT - 12.0
        );
    }

    fn draw_line(&self, svg: &mut String, key: &Key, line: &Line) {
        let points: Vec<(f64, f64)> =
            line.drawable(self.plot.scales).map(|point| self.at(point)).collect();
        let mut path = String::new();
        for (number, (x, y)) in points.iter().enumerate() {
            let _ = write!(path, "{}{x:.1} {y:.1}", if number == 0 { 'M' } else { 'L' });
        }
        if line.style == LineStyle::Marked || points.len() == 1 {
            for (x, y) in &points {
                let _ = write!(path, "M{x:.1} {y:.1}h0");
            }
        }
        let marked = if line.style == LineStyle::Marked { " marked" } else { "" };
        let hidden = if key.shown { "" } else { " off" };
        let _ = write!(
            svg,
            "<path class=\"line {}{marked}{hidden}\" data-line=\"{}\" data-name=\"{}\" \
             d=\"{path}\"/>",
            key.class,
            key.number,
            escaped(&cut(&line.name, LEGEND)).replace('"', "&quot;")
        );
    }

    /// n and n² through the cheapest point at the smallest size.
    fn guide_lines(&self) -> Vec<Guide> {
        let all = || self.plot.lines.iter().flat_map(|line| line.drawable(self.plot.scales));
        let Some(smallest) = all().map(|(x, _)| x).reduce(f64::min) else { return Vec::new() };
        let Some(least) = all().filter(|(x, _)| *x == smallest).map(|(_, y)| y).reduce(f64::min)
        else {
            return Vec::new();
        };
        let guide = |(name, exponent): (&'static str, f64)| {
            let reaches = (self.y.high / least).powf(1.0 / exponent) * smallest;
            let end = reaches.min(self.x.high);
            (name, (smallest, least), (end, least * (end / smallest).powf(exponent)))
        };
        [("n", 1.0), ("n²", 2.0)].map(guide).into()
    }

    fn draw_guides(&self, svg: &mut String) {
        for (_, from, to) in self.guide_lines() {
            let ((x, y), (right, top)) = (self.at(from), self.at(to));
            let _ = write!(svg, "<path class=\"guide\" d=\"M{x:.1} {y:.1}L{right:.1} {top:.1}\"/>");
        }
    }

    /// The names of lines beside their last points, none over another; those of guides at their
    /// ends.
    fn draw_names(&self, svg: &mut String) {
        for (name, _, to) in self.guide_lines() {
            let (x, y) = self.at(to);
            let _ = write!(
                svg,
                "<text class=\"quiet\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
                LEFT + x - 6.0,
                (TOP + y + 14.0).max(TOP + 14.0)
            );
        }
        let mut names: Vec<(f64, usize, &Line)> = Vec::new();
        for (number, line) in self.plot.lines.iter().enumerate() {
            if let Some(last) = line.drawable(self.plot.scales).last() {
                names.push((TOP + self.at(last).1, number, line));
            }
        }
        names.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut lowest = f64::NEG_INFINITY;
        let room = FLOOR + 4.0 - NAME_ROW * names.len().saturating_sub(1) as f64;
        for (place, (y, number, line)) in names.iter().enumerate() {
            let most = room + NAME_ROW * place as f64;
            let at = y.max(lowest + NAME_ROW).min(most.max(TOP));
            lowest = at;
            let _ = write!(
                svg,
                "<path class=\"lead\" d=\"M{:.1} {y:.1}L{:.1} {at:.1}\"/><text class=\"{}\" \
                 x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                self.right,
                self.right + 14.0,
                class(*number, LineStyle::Solid(*number)),
                self.right + 18.0,
                at + 5.0,
                escaped(&cut(&line.name, NAME))
            );
        }
    }
}

/// `tail 0.1 0.9995`: how the script reads a place on an axis back.
fn axis_data(axis: &Axis) -> String {
    let scale = match axis.scale {
        Scale::Logarithmic => "log",
        Scale::Linear => "linear",
        Scale::Tail => "tail",
    };
    format!("{scale} {} {}", axis.low, axis.high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plot::svg::tests::assert_well_formed;

    fn plot(names: &[&str]) -> Plot {
        let points = |exponent: f64| {
            [1_000.0, 10_000.0, 100_000.0].map(|x: f64| (x, (x / 1_000.0).powf(exponent)))
        };
        let line = |(at, name): (usize, &&str)| Line {
            name: (*name).into(),
            points: points(if at == 0 { 2.0 } else { 1.0 }).into(),
            style: LineStyle::Marked,
        };
        let lines = names.iter().enumerate().map(line).collect();
        let (title, description) = ("Polls & \"sizes\"".into(), "One. Two.".into());
        Plot {
            title,
            x: "tasks".into(),
            y: "polls <all>".into(),
            scales: [Scale::Logarithmic; 2],
            description,
            lines,
        }
    }

    #[test]
    fn a_chart_is_well_formed_and_carries_what_the_script_needs() {
        let chart = chart(&plot(&["buggy <b>\"", "fixed & well"]), Guides::None);
        assert_well_formed(&chart.svg);
        assert!(
            chart.svg.contains("data-x=\"log 1000 100000\" data-y=\"log 1 10000\""),
            "{}",
            chart.svg
        );
        assert!(
            chart.svg.contains("data-name=\"buggy &lt;b&gt;&quot;\"") && !chart.svg.contains("<b>")
        );
        assert_eq!(chart.summary, ["One.", "Two."]);
    }

    #[test]
    fn four_lines_are_shown_and_the_rest_on_demand() {
        let chart = chart(&plot(&["a", "b", "c", "d", "e", "f"]), Guides::None);
        assert_eq!(
            (chart.svg.matches(" off\"").count(), chart.hidden, chart.legend.len()),
            (2, 2, 6)
        );
        assert_eq!(chart.legend.iter().filter(|key| key.shown).count(), SHOWN);
    }

    #[test]
    fn growth_has_guides_and_names_at_its_ends_that_do_not_cover_each_other() {
        let chart = chart(&plot(&["a", "b", "c", "d", "e"]), Guides::Growth);
        assert_well_formed(&chart.svg);
        assert_eq!(chart.svg.matches("class=\"guide\"").count(), 2);
        assert!(chart.svg.contains(">n²</text>") && chart.hidden == 0);
        let places = chart.svg.split("class=\"lead\" d=\"").skip(1);
        let mut ends: Vec<f64> = places
            .map(|path| {
                path.split('"').next().unwrap().rsplit(' ').next().unwrap().parse().unwrap()
            })
            .collect();
        ends.sort_by(f64::total_cmp);
        assert!(
            ends.len() == 5 && ends.windows(2).all(|two| two[1] - two[0] >= NAME_ROW - 0.2),
            "{ends:?}"
        );
    }

    #[test]
    fn nothing_to_draw_is_no_panic() {
        for guides in [Guides::None, Guides::Growth] {
            assert_well_formed(&chart(&Plot { lines: vec![], ..plot(&[]) }, guides).svg);
        }
    }
}
