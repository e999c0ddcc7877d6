//! The plot as a picture. Its legend is below the field, where it hides no point however the lines
//! run.

use crate::report::plot::axis::Axis;
use crate::report::plot::{Line, LineStyle, Plot, Scale, cut};
use anyhow::Context;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use std::ops::Range;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

const WIDTH: u32 = 720;
const FIELD_HEIGHT: u32 = 440;
const LEGEND_ROW: u32 = 22;
/// Where the field begins, and the legend with it.
const LEFT: i32 = 116;
const FONT: &str = "sans-serif";
/// The library divides a size by 1.24 to get pixels: 18 and 14 are meant.
const TITLE_SIZE: f64 = 18.0 * 1.24;
const TEXT_SIZE: f64 = 14.0 * 1.24;
/// Characters of 18 and of 14 pixels that fit the width, capitals or not.
const TITLE_FITS: usize = 64;
const NAME_FITS: usize = 68;
/// Pixels of a dash and between two of them.
const DASH: i32 = 5;
const GAP: i32 = 3;

/// Okabe and Ito's colours that are dark enough for white: they differ for colour-blind eyes too.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(0, 0, 0),
    RGBColor(230, 159, 0),
];

/// Corners of markers around a point in pixels: octagon, square, triangle up, diamond, triangle
/// down. Fewer than the colours by one: a colour that comes again has another marker.
const MARKERS: [&[(i32, i32)]; 5] = [
    &[(-2, -5), (2, -5), (5, -2), (5, 2), (2, 5), (-2, 5), (-5, 2), (-5, -2)],
    &[(-4, -4), (4, -4), (4, 4), (-4, 4)],
    &[(0, -6), (6, 5), (-6, 5)],
    &[(0, -7), (6, 0), (0, 7), (-6, 0)],
    &[(0, 6), (6, -5), (-6, -5)],
];

/// The library knows no scale towards the tail, so all scales are ours.
impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        RangedCoordf64::from(self.places()).map(&self.scale.place(*value), limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            self.scale.between(self.low, self.high)
        } else {
            self.ticks.clone()
        }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

/// The whole document.
pub(crate) fn draw(plot: &Plot) -> anyhow::Result<String> {
    let mut text = String::new();
    let height = FIELD_HEIGHT + LEGEND_ROW * plot.lines.len() as u32 + 12;
    let all = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
    all.fill(&WHITE)?;
    all.draw(&Text::new(cut(&plot.title, TITLE_FITS, "…"), (24, 16), (FONT, TITLE_SIZE)))?;
    let (upper, lower) = all.split_vertically(FIELD_HEIGHT);
    field(plot, &upper)?;
    legend(plot, &lower)?;
    all.present()?;
    drop((all, upper, lower));
    described(plot, &text)
}

fn field(plot: &Plot, area: &Area<'_>) -> anyhow::Result<()> {
    let (x, y) = plot.axes();
    let [across, up] = plot.scales;
    // A power law is read by its slope, a time by the lines around it.
    let faint = if across == up { TRANSPARENT } else { BLACK.mix(0.07) };
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_top(48)
        .margin_right(36)
        .x_label_area_size(52)
        .y_label_area_size(LEFT - 12)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .x_desc(&plot.x)
        .y_desc(&plot.y)
        .x_label_formatter(&|value| across.label(*value))
        .y_label_formatter(&|value| up.label(*value))
        .label_style((FONT, TEXT_SIZE))
        .light_line_style(faint)
        .draw()?;
    for (i, line) in plot.lines.iter().enumerate() {
        draw_line(&mut chart, i, line, plot.scales)?;
    }
    Ok(())
}

/// Draws the line that stands at this place among the others.
fn draw_line(
    chart: &mut Chart<'_, '_>,
    number: usize,
    line: &Line,
    scales: [Scale; 2],
) -> anyhow::Result<()> {
    let points: Vec<_> = line.drawable(scales).collect();
    let stroke = stroke(number, line.style);
    if matches!(line.style, LineStyle::Dashed(_)) {
        chart.draw_series(DashedLineSeries::new(points, DASH, GAP, stroke))?;
        return Ok(());
    }
    chart.draw_series(LineSeries::new(points.clone(), stroke))?;
    if line.style == LineStyle::Marked {
        chart.draw_series(
            points.into_iter().map(|point| EmptyElement::at(point) + marker(number)),
        )?;
    }
    Ok(())
}

fn legend(plot: &Plot, area: &Area<'_>) -> anyhow::Result<()> {
    for (i, Line { name, style, .. }) in plot.lines.iter().enumerate() {
        let y = (LEGEND_ROW * i as u32 + LEGEND_ROW / 2) as i32;
        let (ends, stroke) = ([(LEFT, y), (LEFT + 32, y)], stroke(i, *style));
        match style {
            LineStyle::Dashed(_) => area.draw(&DashedPathElement::new(ends, DASH, GAP, stroke))?,
            LineStyle::Solid(_) | LineStyle::Marked => {
                area.draw(&PathElement::new(ends, stroke))?
            }
        }
        if *style == LineStyle::Marked {
            area.draw(&(EmptyElement::at((LEFT + 16, y)) + marker(i)))?;
        }
        area.draw(&Text::new(cut(name, NAME_FITS, "…"), (LEFT + 42, y - 6), (FONT, TEXT_SIZE)))?;
    }
    Ok(())
}

fn colour(line: usize) -> RGBColor {
    COLOURS[line % COLOURS.len()]
}

/// How a line is drawn that stands at this place among the others.
fn stroke(line: usize, style: LineStyle) -> ShapeStyle {
    match style {
        LineStyle::Marked => colour(line).stroke_width(2),
        LineStyle::Solid(number) => colour(number).stroke_width(2),
        LineStyle::Dashed(number) => colour(number).stroke_width(1),
    }
}

fn marker(line: usize) -> Polygon<(i32, i32)> {
    Polygon::new(MARKERS[line % MARKERS.len()], colour(line).filled())
}

/// The document with a title and a description, for those who do not see it. They hold in full what
/// was cut short.
fn described(plot: &Plot, svg: &str) -> anyhow::Result<String> {
    let (head, rest) = svg.split_once('>').context("the drawing library wrote no SVG")?;
    let names: Vec<&str> = plot.lines.iter().map(|line| line.name.as_str()).collect();
    let axes = match plot.scales {
        [Scale::Logarithmic, Scale::Logarithmic] => {
            format!("{} over {}, both logarithmic", plot.y, plot.x)
        }
        [x, y] => format!("{} ({}) over {} ({})", plot.y, y.word(), plot.x, x.word()),
    };
    let desc = format!("{axes}. Lines: {}. {}", names.join(", "), plot.description);
    let (title, desc) = (escaped(&plot.title), escaped(desc.trim_end()));
    Ok(format!("{head} role=\"img\">\n<title>{title}</title>\n<desc>{desc}</desc>{rest}"))
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn plot(names: &[&str]) -> Plot {
        let line = |(i, name): (usize, &&str)| {
            let points = (0..6)
                .map(|k| 1_000.0 * 2.0_f64.powi(k))
                .map(|n| (n, n.powf(1.0 + 0.2 * i as f64)))
                .collect();
            Line { name: (*name).into(), points, style: LineStyle::Marked }
        };
        let lines = names.iter().enumerate().map(line).collect();
        let (x, y) = ("tasks".into(), "polls <all>".into());
        let description = String::new();
        Plot {
            title: "Polls & \"sizes\"".into(),
            x,
            y,
            scales: [Scale::Logarithmic; 2],
            description,
            lines,
        }
    }

    /// Fails unless every tag is closed in its order and no sign of the markup is left bare.
    pub fn assert_well_formed(svg: &str) {
        let mut open = Vec::new();
        for piece in svg.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').expect("each tag ends");
            let name = tag.split(' ').next().unwrap();
            match name.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), Some(closed)),
                None if tag.ends_with('/') => {}
                None => open.push(name),
            }
            assert!(!text.contains('>'), "{text}");
            assert!(
                text.split('&')
                    .skip(1)
                    .all(|entity| entity.split_once(';').is_some_and(|(e, _)| e.len() <= 4))
            );
        }
        assert!(open.is_empty(), "{open:?} stay open");
    }

    #[test]
    fn the_document_is_well_formed_and_names_everything() {
        let svg = draw(&plot(&["buggy <b>", "fixed & well"])).unwrap();
        assert_well_formed(&svg);
        for text in
            ["buggy &lt;b&gt;", "fixed &amp; well", "polls &lt;all&gt;", "tasks", "\n10 000\n"]
        {
            assert!(svg.contains(text), "{text} is not in {svg}");
        }
        assert!(
            svg.contains(
                "<title>Polls &amp; \"sizes\"</title>\n<desc>polls &lt;all&gt; over tasks"
            ),
            "{svg}"
        );
        assert!(!svg.contains("<b>"));
    }

    #[test]
    fn what_is_cut_short_stands_in_the_description() {
        let long = "n".repeat(200);
        let svg = draw(&plot(&[&long])).unwrap();
        assert_eq!(svg.matches(&long).count(), 1);
        assert!(svg.contains(&format!("\n{}…\n", "n".repeat(NAME_FITS - 1))));
    }

    #[test]
    fn as_many_lines_as_anybody_reads_look_different() {
        let looks: std::collections::BTreeSet<_> =
            (0..30).map(|i| (colour(i).0, colour(i).1, MARKERS[i % MARKERS.len()])).collect();
        assert_eq!(looks.len(), 30);
    }
}
