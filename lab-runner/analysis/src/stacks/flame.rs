//! Flame graphs of one profile and of two: as SVG that zooms and searches and loads nothing, or as
//! a part of a page.

mod icicle;

pub use icicle::{Icicle, icicle, icicle_of_difference};

use crate::stacks::Folded;
use crate::stacks::side::{Scale, Side};
use anyhow::{Result, ensure};
use inferno::flamegraph::color::{MultiPalette, Palette};
use inferno::flamegraph::{Options, from_lines};

/// The drawing library knows whole numbers alone. With as many of them in a picture, what rounding
/// takes away is a hundredth of the narrowest frame that is drawn.
const WHOLE: f64 = 1e6;
/// The library adds up in integers, and what lies beyond has no exact place in a float either.
const MOST: f64 = 1e15;

/// Whose stacks a difference is drawn with. A function that is on one side alone shows in that
/// side's shape alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The widths are those before: shows what is gone.
    Before,
    /// The widths are those after: shows what is new.
    After,
}

/// What the library is given.
struct Drawing {
    options: Options<'static>,
    lines: Vec<String>,
    /// Of the whole numbers in the lines.
    total: f64,
}

/// Draws one profile, per operation where operations were counted.
///
/// # Errors
/// If there are no samples, or too large numbers for a picture.
pub fn graph(side: &Side, title: &str) -> Result<String> {
    Ok(without_doctype(&draw(&mut of_one(side, title)?)?))
}

/// Draws how two profiles differ: red weighs more after, blue less, by what functions weigh without
/// what they call.
///
/// # Errors
/// If they cannot be compared, if the side that gives the shape has no samples, or too large
/// numbers for a picture.
pub fn difference(before: &Side, after: &Side, shape: Shape, title: &str) -> Result<String> {
    Ok(without_doctype(&draw(&mut of_two(before, after, shape, title)?)?))
}

fn of_one(side: &Side, title: &str) -> Result<Drawing> {
    ensure!(!side.folded.is_empty(), "no samples: there is nothing to draw {}", side.label);
    let ops = side.some_ops();
    let drawn = side.folded.scaled(1.0 / ops.unwrap_or(1.0));
    let countable = ops.is_none() && drawn.stacks().all(|(_, weight)| weight.fract() == 0.0);
    let times = if countable { 1.0 } else { times(drawn.total()) };
    let lines = lines(&drawn, |_, weight| whole(weight * times).to_string());
    let mut options = options(title, side.label.to_owned());
    options.count_name = match ops {
        Some(_) => per_ops(side, times),
        None => part_of(side.unit, times),
    };
    Ok(Drawing { options, lines, total: drawn.total() * times })
}

fn of_two(before: &Side, after: &Side, shape: Shape, title: &str) -> Result<Drawing> {
    let scale = Scale::new(before, after)?;
    let (was, is) =
        (before.folded.scaled(1.0 / scale.before), after.folded.scaled(1.0 / scale.after));
    let (drawn, other, label) = match shape {
        Shape::Before => (&was, &is, before.label),
        Shape::After => (&is, &was, after.label),
    };
    ensure!(!drawn.is_empty(), "no samples: there is no shape {label}");
    let times = times(drawn.total());
    let mut both = drawn.clone();
    both.merge(other);
    let number = |folded: &Folded, stack: &[&str]| whole(folded.weight(stack) * times);
    let lines =
        lines(&both, |stack, _| format!("{} {}", number(other, stack), number(drawn, stack)));
    let mut options = options(title, legend(before, after, label, &scale));
    options.count_name = match scale.note {
        None => per_ops(before, times),
        Some(_) => part_of(&format!("{} {}", scale.unit, scale.per), times),
    };
    // Most frames are white, and white ones side by side look like one.
    options.stroke_color = "#b0b0b0".parse().map_err(anyhow::Error::msg)?;
    // The library subtracts the first column from the second, and the shape has to be the second.
    options.negate_differentials = shape == Shape::Before;
    Ok(Drawing { options, lines, total: both.total() * times })
}

/// The power of a thousand that makes so much enough whole numbers.
fn times(total: f64) -> f64 {
    let mut times = 1.0;
    while total * times < WHOLE && times < MOST {
        times *= 1e3;
    }
    times
}

fn per_ops(side: &Side, times: f64) -> String {
    let Side { unit, op, .. } = side;
    if times == 1.0 { format!("{unit} per {op}") } else { format!("{unit} per {times} {op}s") }
}

fn part_of(unit: &str, times: f64) -> String {
    if times == 1.0 { unit.to_owned() } else { format!("{unit} / {times}") }
}

fn whole(weight: f64) -> u64 {
    weight.round() as u64
}

fn legend(before: &Side, after: &Side, shape: &str, scale: &Scale) -> String {
    let per = match scale.note {
        None => &scale.per,
        Some(_) => "as shares, because the number of operations is unknown",
    };
    let (was, is) = (before.label, after.label);
    format!("shape: {shape}; red: grown {is}, blue: more {was}, by own weight {per}")
}

/// The lines that the library draws, in order.
fn lines(folded: &Folded, columns: impl Fn(&[&str], f64) -> String) -> Vec<String> {
    let line = |(stack, weight): (Vec<&str>, f64)| {
        let frames: Vec<String> = stack.iter().map(|frame| drawable(frame)).collect();
        format!("{} {}", frames.join(";"), columns(&stack, weight))
    };
    folded.stacks().map(line).collect()
}

/// A name that the library takes for a name: no comment, and no number at its end, which would be a
/// column.
fn drawable(frame: &str) -> String {
    if frame == "#" {
        // Not a blank, which would be trimmed at an end and nowhere else.
        return "#\u{200b}".into();
    }
    let frame = frame.replace(';', ",");
    if let Some(rest) = frame.strip_prefix("# ") {
        return drawable(&format!("#\u{a0}{rest}"));
    }
    match frame.rsplit_once(' ') {
        Some((name, number)) if number.bytes().all(|c| c.is_ascii_digit() || c == b'.') => {
            format!("{name}\u{a0}{number}")
        }
        _ => frame,
    }
}

fn options(title: &str, subtitle: String) -> Options<'static> {
    let printable = |text: &str| {
        text.replace(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'), " ")
    };
    let mut options = Options::default();
    options.title = printable(title);
    options.subtitle = Some(printable(&subtitle));
    options.colors = Palette::Multi(MultiPalette::Rust);
    options.deterministic = true;
    // Sorted as text, `f::g` comes between `f` and `f;h`, and f is drawn in two parts. The lines
    // are sorted by frames, and "flame chart" is how the library is told to leave an order alone,
    // if given it backwards.
    options.flame_chart = true;
    options
}

fn draw(drawing: &mut Drawing) -> Result<String> {
    let Drawing { options, lines, total, .. } = drawing;
    ensure!(
        *total <= MOST,
        "a total of {total:e} {} is too large for a picture",
        options.count_name
    );
    let mut svg = Vec::new();
    from_lines(options, lines.iter().rev().map(String::as_str), &mut svg)?;
    Ok(String::from_utf8(svg)?)
}

/// Without what a reader of XML may fetch from the network, and no reader of SVG needs.
fn without_doctype(svg: &str) -> String {
    let doctype =
        svg.split_once("<!DOCTYPE").and_then(|(head, rest)| Some((head, rest.split_once('>')?.1)));
    doctype.map_or_else(|| svg.to_owned(), |(head, tail)| format!("{head}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn folded(text: &str) -> Folded {
        Folded::parse(text.as_bytes()).folded
    }

    fn side<'a>(label: &'a str, folded: &'a Folded, ops: Option<u64>) -> Side<'a> {
        Side { label, folded, unit: "samples", samples: None, ops, op: "request" }
    }

    const BEFORE: &str = "\
[thread start];[tokio];shop::…::import::{closure} 40
[thread start];[tokio];shop::…::import::{closure};<shop::Order as \
serde::de::Deserialize>::deserialize 812
[thread start];[tokio];shop::…::import::{closure};shop::…::validate;slow_regex 300
[thread start];[tokio];epoll_wait 200
";
    const AFTER: &str = "\
[thread start];[tokio];shop::…::import::{closure} 40
[thread start];[tokio];shop::…::import::{closure};<shop::Order as \
serde::de::Deserialize>::deserialize 300
[thread start];[tokio];shop::…::import::{closure};tokio::task::yield_now::yield_now 90
[thread start];[tokio];epoll_wait 900
";

    /// The titles and colours of the frames of this name.
    fn frames(svg: &str, name: &str) -> Vec<(String, String)> {
        let start = format!("<title>{name} (");
        let frame = |part: &str| {
            let title = part.split("</title>").next().unwrap().to_owned();
            let colour =
                part.split("fill=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
            (title, colour)
        };
        svg.split(&start).skip(1).map(frame).collect()
    }

    fn redness(svg: &str, name: &str) -> i32 {
        let frames = frames(svg, name);
        let channels: Vec<i32> = frames[0].1[4..]
            .trim_end_matches(')')
            .split(',')
            .map(|channel| channel.parse().unwrap())
            .collect();
        channels[0] - channels[2]
    }

    #[test]
    fn one_profile_is_drawn_with_its_numbers() {
        let folded = folded(BEFORE);
        let svg = graph(&side("before", &folded, None), "greedy, cpu").unwrap();
        assert!(svg.contains(">greedy, cpu</text>") && svg.contains(">before</text>"));
        assert_eq!(frames(&svg, "epoll_wait")[0].0, "200 samples, 14.79%)");
        assert_eq!(
            svg,
            graph(&side("before", &folded, None), "greedy, cpu").unwrap(),
            "colours are no accident"
        );
        let per_op = graph(&side("before", &folded, Some(50_000)), "greedy, cpu").unwrap();
        assert_eq!(
            frames(&per_op, "epoll_wait")[0].0,
            "4,000,000 samples per 1000000000 requests, 14.79%)"
        );
    }

    #[test]
    fn what_is_gone_shows_in_the_shape_before_and_what_is_new_after() {
        let (before, after) = (folded(BEFORE), folded(AFTER));
        let (before, after) = (side("before", &before, Some(10)), side("after", &after, Some(10)));
        let was = difference(&before, &after, Shape::Before, "t").unwrap();
        let is = difference(&before, &after, Shape::After, "t").unwrap();
        let legend = "red: grown after, blue: more before, by own weight per request</text>";
        assert!(
            was.contains(&format!(">shape: before; {legend}"))
                && is.contains(&format!(">shape: after; {legend}"))
        );
        assert!(redness(&was, "slow_regex") < 0 && frames(&is, "slow_regex").is_empty());
        assert!(redness(&is, "tokio::task::yield_now::yield_now") > 0);
        assert!(frames(&was, "tokio::task::yield_now::yield_now").is_empty());
        for svg in [&was, &is] {
            assert!(redness(svg, "epoll_wait") > 0, "red is after in both directions");
            assert_eq!(redness(svg, "[tokio]"), 0, "what only calls has no colour");
        }
        assert_eq!(
            frames(&was, "slow_regex")[0].0,
            "30,000,000 samples per 1000000 requests, 22.19%; -22.19%)"
        );
    }

    #[test]
    fn a_rare_stack_survives_many_operations() {
        let folded = folded("a;common 99900\na;rare 100\n");
        for svg in [
            graph(&side("before", &folded, Some(10_000_000)), "t").unwrap(),
            difference(
                &side("a", &folded, Some(10_000_000)),
                &side("b", &folded, Some(1)),
                Shape::Before,
                "t",
            )
            .unwrap(),
        ] {
            assert_eq!(frames(&svg, "rare").len(), 1);
        }
    }

    #[test]
    fn nothing_is_no_picture() {
        let (none, some) = (Folded::default(), folded("a 1\n"));
        let error = |svg: Result<String>| svg.unwrap_err().to_string();
        let (before, after) = (side("before", &none, Some(1)), side("after", &some, Some(1)));
        assert_eq!(error(graph(&before, "t")), "no samples: there is nothing to draw before");
        assert_eq!(
            error(difference(&before, &after, Shape::Before, "t")),
            "no samples: there is no shape before"
        );
        assert!(difference(&before, &after, Shape::After, "t").is_ok());
        let much = folded("a 1e300\n");
        assert!(
            error(graph(&side("before", &much, None), "t")).ends_with("too large for a picture")
        );
    }

    #[test]
    fn a_caller_is_drawn_in_one_part_whatever_its_neighbours_are_called() {
        let folded = folded("run;a 10\nrun::{closure};b 10\nrun 10\n");
        assert_eq!(frames(&graph(&side("before", &folded, None), "t").unwrap(), "run").len(), 1);
    }

    #[test]
    fn names_are_text_and_nothing_is_loaded() {
        let hostile = "<script>alert(1)</script>;a\"b'c&d;]]>;# x;f 12;--;[u8; 8];\u{1}é \
                       1000000\n# y;g 1.5 7\n";
        let folded = folded(hostile);
        let side =
            Side { label: "</text><script>", unit: "<b>", op: "&", ..side("", &folded, Some(1)) };
        let title = "<script>\u{0}\"'&";
        let all = [
            graph(&side, title).unwrap(),
            graph(&Side { ops: None, ..side }, title).unwrap(),
            difference(&side, &side, Shape::After, title).unwrap(),
        ];
        for svg in all {
            assert_eq!(svg.matches("<script").count(), 1, "the library's own");
            assert_eq!(
                svg.matches("<title>").count(),
                svg.matches("<rect").count() - 1,
                "one for each frame"
            );
            assert!(svg.contains("&lt;script&gt;alert(1)&lt;/script&gt; ("));
            assert_eq!(frames(&svg, "f\u{a0}12").len(), 1, "a number in a name is no column");
            let loading = [
                "href=\"http",
                "src=",
                "@import",
                "url(http",
                "<!DOCTYPE",
                "fetch(",
                "XMLHttpRequest",
            ];
            assert!(loading.iter().all(|word| !svg.contains(word)));
            assert!(svg.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t' | '\r')));
        }
    }

    proptest! {
        /// The library holds it for unreachable that a frame ends which never began.
        #[test]
        fn whatever_frames_are_called_they_are_drawn(
            stacks in vec((vec("[ #;<>.0-9a-b:\\[\\]]{0,4}", 1..5), 1_u32..1000), 1..8), ops in 0_u64..3,
        ) {
            let mut folded = Folded::default();
            stacks.iter().for_each(|(frames, weight)| folded.add(frames, f64::from(*weight)));
            let side = side("before", &folded, Some(ops));
            let svg = graph(&side, "t").unwrap();
            let prefixes = folded.stacks().flat_map(|(stack, _)| (1..=stack.len()).map(move |n| stack[..n].to_vec()));
            let frames = prefixes.collect::<std::collections::BTreeSet<_>>().len() + 1;
            prop_assert_eq!(svg.matches("<title>").count(), frames, "each once, and the one for \
                                                                     all");
            prop_assert!(difference(&side, &side, Shape::Before, "t").is_ok());
        }
    }
}
