//! Several lines over the same axes: in characters for a terminal, as SVG for the book.

mod axis;
mod scale;
pub(crate) mod svg;

use crate::report::{Style, units};
pub(crate) use axis::Axis;

pub use scale::Scale;

/// Characters in a row, the labels included: what fits a terminal of 80 and a quotation.
const WIDTH: usize = 78;
/// Rows between the topmost and the lowest point.
const ROWS: usize = 15;
/// What tells lines apart; more lines than letters begin anew.
const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// One line of a plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What the legend calls it.
    pub name: String,
    /// x and y; what has no place on the scales of the plot is left out.
    pub points: Vec<(f64, f64)>,
    /// How it is drawn in a picture.
    pub style: LineStyle,
}

/// How a line is drawn in a picture: with a marker at each of few points, or without any through
/// many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineStyle {
    /// Colour and markers by its place among the lines.
    Marked,
    /// In the colour of this number: lines that belong together share it.
    Solid(usize),
    /// The same, thin and dashed.
    Dashed(usize),
}

/// Lines over the same axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// What is to be seen.
    pub title: String,
    /// What the horizontal axis counts, with its unit.
    pub x: String,
    /// What the vertical axis counts, with its unit.
    pub y: String,
    /// How the horizontal and the vertical axis are divided.
    pub scales: [Scale; 2],
    /// What the lines say, in sentences with numbers, for those who do not see them.
    pub description: String,
    /// The lines, in the order of the legend.
    pub lines: Vec<Line>,
}

impl Line {
    /// The points that the scales have a place for.
    pub(crate) fn drawable(&self, [across, up]: [Scale; 2]) -> impl Iterator<Item = (f64, f64)> {
        self.points.iter().copied().filter(move |(x, y)| across.has_place(*x) && up.has_place(*y))
    }
}

impl Plot {
    /// The plot in characters, at most 78 in a row: a letter at each point of a line, `*` where
    /// several lines meet, and a legend below.
    pub fn lines(&self, style: Style) -> Vec<String> {
        let (x, y) = self.axes();
        let gutter = y.ticks.iter().map(|tick| y.scale.label(*tick).len()).max().unwrap_or(0);
        let cells = self.cells(&x, &y, WIDTH - gutter - 2);
        let meet = cells.iter().flatten().any(|cell| *cell == '*');
        let mut lines = vec![self.title.clone(), self.y.clone()];
        lines.extend(rows(&cells, &y, gutter, style));
        lines.extend(floor(&x, cells[0].len(), gutter, style));
        lines.push(format!("{:>WIDTH$}", self.x));
        lines.extend(
            self.lines
                .iter()
                .zip(letters())
                .map(|(line, letter)| format!("{letter} {}", line.name)),
        );
        lines.extend(meet.then(|| "* several of them".to_owned()));
        lines.iter().map(|line| fitted(line, style)).collect()
    }

    /// The plot as an SVG document with a title and a description, on white.
    ///
    /// # Errors
    /// If the drawing library refuses.
    pub fn svg(&self) -> anyhow::Result<String> {
        svg::draw(self)
    }

    pub(crate) fn axes(&self) -> (Axis, Axis) {
        let points = || self.lines.iter().flat_map(|line| line.drawable(self.scales));
        let [across, up] = self.scales;
        (Axis::over(across, points().map(|(x, _)| x)), Axis::over(up, points().map(|(_, y)| y)))
    }

    /// The field between the axes, topmost row first.
    fn cells(&self, x: &Axis, y: &Axis, columns: usize) -> Vec<Vec<char>> {
        let mut cells = vec![vec![' '; columns]; ROWS];
        for (line, letter) in self.lines.iter().zip(letters()) {
            for point in line.drawable(self.scales) {
                let cell = &mut cells[ROWS - 1 - y.cell(point.1, ROWS)][x.cell(point.0, columns)];
                *cell = if *cell == ' ' || *cell == letter { letter } else { '*' };
            }
        }
        cells
    }
}

fn letters() -> impl Iterator<Item = char> {
    LETTERS.iter().map(|letter| char::from(*letter)).cycle()
}

/// The field with the vertical axis on its left.
fn rows(cells: &[Vec<char>], y: &Axis, gutter: usize, style: Style) -> Vec<String> {
    let (side, notch) = if style.plain { ('|', '+') } else { ('│', '┤') };
    let row = |(i, cells): (usize, &Vec<char>)| {
        let tick = y.ticks.iter().find(|tick| y.cell(**tick, ROWS) == ROWS - 1 - i);
        let edge = if tick.is_some() { notch } else { side };
        format!(
            "{:>gutter$} {edge}{}",
            tick.map(|tick| y.scale.label(*tick)).unwrap_or_default(),
            String::from_iter(cells)
        )
    };
    cells.iter().enumerate().map(row).collect()
}

/// The horizontal axis, and its labels where they do not touch the one before.
fn floor(x: &Axis, columns: usize, gutter: usize, style: Style) -> [String; 2] {
    let (corner, edge, notch) = if style.plain { ('+', '-', '+') } else { ('└', '─', '┬') };
    let mut rule = vec![edge; columns];
    let mut labels = String::new();
    for tick in &x.ticks {
        let (at, text) = (x.cell(*tick, columns), x.scale.label(*tick));
        rule[at] = notch;
        let from = (gutter + 2 + at).saturating_sub(text.len() / 2).min(WIDTH - text.len());
        if labels.is_empty() || from > labels.len() {
            labels = format!("{labels:<from$}{text}");
        }
    }
    [format!("{:gutter$} {corner}{}", "", String::from_iter(rule)), labels]
}

/// In characters that may be used, and no more of them than fit.
fn fitted(line: &str, style: Style) -> String {
    let text =
        if style.plain && !line.is_ascii() { units::ascii(line, style) } else { line.to_owned() };
    cut(text.trim_end(), WIDTH, if style.plain { "..." } else { "…" })
}

/// The text, or its beginning and a mark if it has more characters than `most`.
fn cut(text: &str, most: usize, mark: &str) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - mark.chars().count()).chain(mark.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two lines over 1 000 to 100 000: a quadratic one, and one that starts at the same point and
    /// grows linearly.
    fn plot() -> Plot {
        let points = |exponent| {
            [1_000.0, 10_000.0, 100_000.0].map(|x: f64| (x, (x / 1_000.0).powf(exponent))).into()
        };
        let line = |name: &str, exponent| Line {
            name: name.into(),
            points: points(exponent),
            style: LineStyle::Marked,
        };
        let lines = vec![line("buggy <b>", 2.0), line("fixed", 1.0)];
        let (x, y) = ("tasks".into(), "polls µ".into());
        let description = String::new();
        Plot {
            title: "Polls & sizes, …".into(),
            x,
            y,
            scales: [Scale::Logarithmic; 2],
            description,
            lines,
        }
    }

    fn field(lines: &[String]) -> Vec<Vec<char>> {
        lines[2..2 + ROWS].iter().map(|line| line.chars().collect()).collect()
    }

    #[test]
    fn letters_stand_at_their_points_and_a_star_where_lines_meet() {
        let lines = plot().lines(Style::new(false));
        let field = field(&lines);
        assert_eq!(field[0].iter().collect::<String>(), format!("10 000 ┤{:>70}", "a"));
        assert_eq!(field[ROWS - 1].iter().collect::<String>(), "     1 ┤*");
        assert_eq!(
            field[ROWS / 2].iter().collect::<String>(),
            format!("   100 ┤{:>36}{:>34}", "a", "b")
        );
        assert_eq!(
            lines[2 + ROWS..],
            [
                format!("       └┬{0}┬{1}┬", "─".repeat(34), "─".repeat(33)),
                format!("{:>11}{:>35}{:>32}", "1 000", "10 000", "100 000"),
                format!("{:>78}", "tasks"),
                "a buggy <b>".into(),
                "b fixed".into(),
                "* several of them".into(),
            ]
        );
    }

    #[test]
    fn a_plain_plot_is_ascii_and_none_is_wider_than_a_screen() {
        let mut long = plot();
        long.title = "é".repeat(100);
        long.lines[0].name = "n".repeat(100);
        for plain in [true, false] {
            for lines in [plot().lines(Style::new(plain)), long.lines(Style::new(plain))] {
                assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:#?}");
                assert!(!plain || lines.iter().all(|line| line.is_ascii()), "{lines:#?}");
            }
        }
        assert_eq!(plot().lines(Style::new(true))[..2], ["Polls & sizes, ...", "polls u"]);
    }

    #[test]
    fn little_or_nothing_to_draw_is_no_panic() {
        let with = |points: &[(f64, f64)]| {
            let lines = vec![Line {
                name: "a line".into(),
                points: points.to_vec(),
                style: LineStyle::Marked,
            }];
            Plot { lines, ..plot() }
        };
        let bad = [(0.0, 1.0), (1.0, -1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY), (1.0, 1e-320)];
        let all = [
            Plot { lines: vec![], ..plot() },
            with(&[]),
            with(&[(7.0, 7.0)]),
            with(&bad),
            with(&[(1e-300, 1e300)]),
        ];
        for plot in all {
            assert!(plot.svg().unwrap().ends_with("</svg>\n"));
            assert!(plot.lines(Style::new(true)).len() >= ROWS);
        }
        let shown = |plot: Plot| {
            field(&plot.lines(Style::new(true))).iter().flatten().filter(|c| **c == 'a').count()
        };
        assert_eq!((shown(with(&[(7.0, 7.0)])), shown(with(&bad))), (1, 0));
    }

    #[test]
    fn more_lines_than_letters_begin_anew() {
        let plot = Plot { lines: vec![plot().lines[0].clone(); 54], ..plot() };
        let lines = plot.lines(Style::new(true));
        assert_eq!(lines.iter().filter(|line| line.starts_with("b buggy")).count(), 2);
    }
}
