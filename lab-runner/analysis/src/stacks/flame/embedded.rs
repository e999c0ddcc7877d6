//! A flame graph as a part of a page: what the library drew, without its script and its styles, whose names are those of
//! a whole document. Frames have their place in percent, so that a picture is as wide as there is room, and clip their
//! names by themselves.

use crate::stacks::amount;
use crate::stacks::flame::{Drawing, draw};
use anyhow::{Context, Result};
use std::fmt::Write;

/// Frames narrower than this part of the picture in percent are never drawn: a pixel of a wide screen.
const NARROWEST: f64 = 0.05;
/// Frames that have their name in them from the start; the script writes those that become wide enough.
const NAMED: f64 = 2.0;
/// Pixels from one row to the next, and of a frame in it.
const ROW: usize = 17;
const FRAME: usize = 16;
/// More rows than this nobody scrolls through.
const MOST_ROWS: usize = 150;
/// How much of the way to white a colour goes.
const PALER: f64 = 0.35;
/// Characters of a name.
const MOST_NAME: usize = 240;

/// A flame graph that can be written with more or fewer of its narrowest frames.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Title and legend, escaped.
    title: String,
    legend: String,
    frames: Vec<Frame>,
}

/// A frame, its texts escaped.
#[derive(Clone, Debug)]
struct Frame {
    name: String,
    /// What it weighs, in words.
    told: String,
    /// Its left end and its width, in percent of the picture.
    left: f64,
    width: f64,
    /// From the root.
    row: usize,
    colour: String,
}

/// Takes what the library draws apart.
pub fn picture(mut drawing: Drawing) -> Result<Picture> {
    drawing.options.no_javascript = true;
    drawing.options.min_width = NARROWEST;
    let title = escaped(&drawing.options.title);
    let legend = escaped(drawing.options.subtitle.as_deref().unwrap_or_default());
    let svg = draw(&mut drawing)?;
    let (_, drawn) = svg.split_once("id=\"frames\"").context("the drawing library drew no frames")?;
    let raw: Vec<Raw> = drawn.split("<g>").skip(1).filter_map(Raw::of).collect();
    let bottom = raw.iter().map(|frame| frame.y).max().unwrap_or_default();
    let height = drawing.options.frame_height.max(1);
    let frame = |raw: &Raw| raw.frame((bottom - raw.y) / height, &drawing);
    let frames = raw.iter().map(frame).filter(|frame| frame.row < MOST_ROWS).collect();
    Ok(Picture { title, legend, frames })
}

/// A frame as the library writes it.
struct Raw<'a> {
    title: &'a str,
    left: f64,
    width: f64,
    y: usize,
    colour: &'a str,
    samples: f64,
}

impl<'a> Raw<'a> {
    fn of(text: &'a str) -> Option<Raw<'a>> {
        let (_, rest) = text.split_once("<title>")?;
        let (title, rest) = rest.split_once("</title>")?;
        let attribute = |name: &str| rest.split_once(&format!(" {name}=\""))?.1.split('"').next();
        let percent = |name: &str| attribute(name)?.trim_end_matches('%').parse().ok();
        Some(Raw {
            title,
            left: percent("x")?,
            width: percent("width")?,
            y: attribute("y")?.parse().ok()?,
            colour: attribute("fill")?,
            samples: attribute("fg:w")?.parse().ok()?,
        })
    }

    fn frame(&self, row: usize, drawing: &Drawing) -> Frame {
        let (name, told) = self.title.rsplit_once(" (").unwrap_or((self.title, ""));
        // `812 samples per 1000 requests, 22.19%; -3.00%)`: whole numbers for the library, not for people.
        let share = told.trim_end_matches(')').rsplit_once(", ").map_or("", |(_, share)| share).replace('%', " %");
        let weight = amount(self.samples / drawing.times, &drawing.unit);
        let weight = if drawing.per.is_empty() { weight } else { format!("{weight} {}", drawing.per) };
        Frame {
            name: cut(name),
            told: format!("{}, {}", escaped(&weight), changed(&share)),
            left: self.left,
            width: self.width,
            row,
            colour: pale(self.colour),
        }
    }
}

/// `22.19 %; +3.00 %` with words for the second number.
fn changed(share: &str) -> String {
    match share.split_once("; ") {
        Some((share, change)) => format!("{share}; by itself {change} after"),
        None => share.to_owned(),
    }
}

impl Picture {
    /// The picture as an element of a page, without frames that are narrower than so many percent of it. Its names are in
    /// it if it is to be seen as it is; else the script writes them when it is shown, for they are said in the titles
    /// too. The page's style makes the
    /// rectangles as large as their frames.
    pub fn svg(&self, narrowest: f64, named: bool) -> String {
        let drawn = || self.frames.iter().filter(|frame| frame.width >= narrowest);
        let rows = drawn().map(|frame| frame.row + 1).max().unwrap_or(1);
        let (title, legend, height) = (&self.title, &self.legend, rows * ROW);
        let mut svg = format!(
            "<svg class=\"flame\" width=\"100%\" height=\"{height}\" role=\"img\"><title>{title}</title>\
             <desc>{legend}</desc>"
        );
        for frame in drawn() {
            // Writing to a String cannot fail.
            let _ = frame.write(&mut svg, rows, named);
        }
        svg + "</svg>"
    }

    /// What the picture is of, and what its colours mean, escaped.
    pub fn legend(&self) -> &str {
        &self.legend
    }
}

impl Frame {
    fn write(&self, to: &mut String, rows: usize, named: bool) -> std::fmt::Result {
        let Frame { name, told, left, width, row, colour } = self;
        let y = (rows - 1 - row) * ROW;
        write!(
            to,
            "<svg x=\"{left:.3}%\" y=\"{y}\" width=\"{width:.3}%\" height=\"{FRAME}\"><title>{name} ({told})</title>\
             <rect fill=\"{colour}\"/>"
        )?;
        if named && *width >= NAMED {
            write!(to, "<text x=\"3\" y=\"12\">{name}</text>")?;
        }
        to.write_str("</svg>")
    }
}

/// `#eb945f` of `rgb(224,98,32)`: shorter, for there are thousands of them, and paler, so that dark letters are read on it.
fn pale(colour: &str) -> String {
    let channels = colour.trim_start_matches("rgb(").trim_end_matches(')').split(',');
    let paler = |channel: u8| channel + (f64::from(u8::MAX - channel) * PALER) as u8;
    let channels: Vec<u8> = channels.filter_map(|channel| channel.trim().parse().ok()).map(paler).collect();
    match channels[..] {
        [r, g, b] => format!("#{r:02x}{g:02x}{b:02x}"),
        _ => "#cccccc".into(),
    }
}

/// A name that is escaped already, or its beginning, with no entity cut in two.
fn cut(name: &str) -> String {
    if name.len() <= MOST_NAME {
        return name.to_owned();
    }
    let kept: String = name.chars().take(MOST_NAME).collect();
    let whole = kept.rfind('&').filter(|at| !kept[*at..].contains(';')).unwrap_or(kept.len());
    format!("{}…", &kept[..whole])
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stacks::Folded;
    use crate::stacks::flame::{Shape, Side, picture, picture_of_difference};

    fn side<'a>(label: &'a str, folded: &'a Folded, ops: Option<u64>) -> Side<'a> {
        Side { label, folded, unit: "us", samples: None, ops, op: "request" }
    }

    fn folded(text: &str) -> Folded {
        Folded::parse(text.as_bytes()).folded
    }

    #[test]
    fn a_frame_says_what_it_weighs_in_words_and_stands_on_its_caller() {
        let profile = folded("main;work 300\nmain;rest 100\n");
        let svg = picture(&side("before", &profile, Some(10)), "greedy, cpu").unwrap().svg(0.1, true);
        assert!(svg.contains("<title>work (30.0 us per request, 75.00 %)</title>"), "{svg}");
        assert!(svg.contains("<title>all (40.0 us per request, 100%)</title>") || svg.contains("100 %)"), "{svg}");
        let y = |name: &str| {
            let before = svg.split(&format!("<title>{name} (")).next().unwrap();
            before.rsplit("y=\"").next().unwrap().split('"').next().unwrap().parse::<usize>().unwrap()
        };
        assert!(y("all") > y("main") && y("main") > y("work"), "{svg}");
    }

    #[test]
    fn a_name_is_written_into_its_frame_if_nothing_else_will() {
        let profile = folded("main;work 300\n");
        let picture = picture(&side("before", &profile, None), "t").unwrap();
        assert!(picture.svg(0.1, true).contains("<text x=\"3\" y=\"12\">work</text>"));
        assert!(!picture.svg(0.1, false).contains("<text"));
    }

    #[test]
    fn frames_that_are_too_narrow_are_left_out() {
        let profile = folded("main;work 995\nmain;rare 5\n");
        let picture = picture(&side("before", &profile, None), "t").unwrap();
        assert!(picture.svg(0.1, true).contains("rare") && !picture.svg(1.0, true).contains("rare"));
    }

    #[test]
    fn a_difference_keeps_its_colours_and_its_legend() {
        let (before, after) = (folded("main;work 300\n"), folded("main;work 100\nmain;wait 50\n"));
        let sides = (side("buggy", &before, Some(1)), side("fixed", &after, Some(1)));
        let picture = picture_of_difference(&sides.0, &sides.1, Shape::Before, "t").unwrap();
        let svg = picture.svg(0.1, true);
        assert!(svg.contains("work (300 us per request, 100.00 %; by itself -66.67 % after)"), "{svg}");
        assert!(picture.legend().contains("red: grown fixed") && !svg.contains("wait"));
    }

    #[test]
    fn names_are_text_and_nothing_of_the_library_is_left_that_a_page_could_stumble_over() {
        let long = format!("{}&<{}", "x".repeat(MOST_NAME - 2), "y".repeat(900));
        let hostile = format!("<script>alert(1)</script>;a\"b'c&d;]]>;<g>;{long};f (12 9\n");
        let profile = folded(&hostile);
        let side = Side { label: "</svg><script>", unit: "<b>", op: "&", ..side("", &profile, Some(1)) };
        for picture in
            [picture(&side, "<i>\"").unwrap(), picture_of_difference(&side, &side, Shape::After, "t").unwrap()]
        {
            let svg = picture.svg(0.0, true);
            for word in ["<script", "<g>", "<i>", "<b>", "id=", "onload", "style", "href", "fg:"] {
                assert!(!svg.contains(word), "{word} in {svg}");
            }
            assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
            assert!(!svg.contains("yyy") && svg.contains("&lt;script&gt;alert(1)&lt;/script&gt; ("));
        }
    }
}
