use super::*;
use crate::stacks::Noise;
use proptest::collection::vec;
use proptest::prelude::*;

fn side<'a>(label: &'a str, folded: &'a Folded, ops: Option<u64>) -> Side<'a> {
    Side { label, folded, unit: "us", samples: None, ops, op: "request" }
}

fn folded(text: &str) -> Folded {
    Folded::parse(text.as_bytes()).folded
}

fn between(before: &Side, after: &Side, shape: Shape) -> Result<Icicle> {
    let difference = Difference::new(before, after, Some("shop"), &Noise::default()).unwrap();
    icicle_of_difference([before, after], shape, Some("shop"), &difference, "t")
}

/// What an attribute of the frame with this name is.
fn attribute<'a>(svg: &'a str, name: &str, of: &str) -> &'a str {
    let tag =
        svg.split(&format!("<title>{name} (")).next().unwrap().rsplit("<svg ").next().unwrap();
    tag.split(&format!("{of}=\"")).nth(1).unwrap().split('"').next().unwrap()
}

#[test]
fn a_frame_says_what_it_weighs_and_hangs_below_its_caller() {
    let profile = folded("main;work 300\nmain;rest 100\n");
    let svg =
        icicle(&side("before", &profile, Some(10)), None, "greedy, cpu").unwrap().svg(0.1, true);
    assert!(svg.contains("<title>work (30.0 us per request, 75.0 %)</title>"), "{svg}");
    assert!(svg.contains("<title>all (40.0 us per request, 100.0 %)</title>"), "{svg}");
    let y = |name: &str| attribute(&svg, name, "y").parse::<usize>().unwrap();
    assert!(y("all") < y("main") && y("main") < y("work"), "{svg}");
    assert_eq!((attribute(&svg, "rest", "x"), attribute(&svg, "work", "x")), ("0.000%", "25.000%"));
}

#[test]
fn a_frame_has_the_colour_of_whose_code_it_is() {
    let profile = folded("[tokio];shop::a::{closure};serde_json::b;alloc::c;memcpy 10\n");
    let svg = icicle(&side("before", &profile, None), Some("shop"), "t").unwrap().svg(0.1, true);
    let class = |name: &str| attribute(&svg, name, "class");
    assert_eq!([class("[tokio]"), class("shop::a::{closure}")], ["tokio", "own-code"]);
    assert_eq!(
        [class("serde_json::b"), class("alloc::c"), class("memcpy")],
        ["dependency", "std", "std"]
    );
}

#[test]
fn a_short_name_is_written_into_its_frame_with_an_ellipsis_if_nothing_else_will() {
    let profile = folded(
        "shop::…::import::{closure};shop::Store::put 300\nshop::…::import::{closure} 9000\n",
    );
    let picture = icicle(&side("before", &profile, None), None, "t").unwrap();
    let svg = picture.svg(0.1, true);
    assert!(svg.contains("<text x=\"4\" y=\"13\">import</text>"), "{svg}");
    assert!(svg.contains(">Sto…</text>"), "{svg}");
    assert!(!picture.svg(0.1, false).contains("<text"));
}

#[test]
fn frames_that_are_too_narrow_are_left_out() {
    let profile = folded("main;work 995\nmain;rare 5\n");
    let picture = icicle(&side("before", &profile, None), None, "t").unwrap();
    assert!(picture.svg(0.1, true).contains("rare") && !picture.svg(1.0, true).contains("rare"));
}

#[test]
fn own_functions_and_what_they_call_have_the_colour_of_their_change_and_the_rest_none() {
    let before = folded(
        "[tokio];shop::…::import::{closure};serde_json::x 9000\n[tokio];shop::same \
         800\n[tokio];park 700\n",
    );
    let after = folded(
        "[tokio];shop::…::import::{closure};serde_json::x 90\n[tokio];shop::same \
         800\n[tokio];shop::late 300\n",
    );
    let sides = (side("buggy", &before, Some(1)), side("fixed", &after, Some(1)));
    let was = between(&sides.0, &sides.1, Shape::Before).unwrap();
    let svg = was.svg(0.1, true);
    let class = |name: &str| attribute(&svg, name, "class");
    assert_eq!([class("shop::…::import::{closure}"), class("serde_json::x")], ["less3", "less3"]);
    assert_eq!(
        [class("shop::same"), class("[tokio]"), class("park"), class("all")],
        ["same", "outside", "outside", "outside"]
    );
    assert!(svg.contains("serde_json::x (9.00 ms per request, 85.7 %; fixed: 90.0 us)"), "{svg}");
    assert!(was.legend().contains("Widths as in buggy") && !svg.contains("shop::late"));
    let is = between(&sides.0, &sides.1, Shape::After).unwrap().svg(0.1, true);
    assert_eq!(attribute(&is, "shop::late", "class"), "more3");
}

#[test]
fn nothing_is_no_picture() {
    let (none, some) = (Folded::default(), folded("a 1\n"));
    let error = |picture: Result<Icicle>| picture.unwrap_err().to_string();
    let (before, after) = (side("before", &none, Some(1)), side("after", &some, Some(1)));
    assert_eq!(error(icicle(&before, None, "t")), "no samples: there is nothing to draw before");
    assert_eq!(
        error(between(&before, &after, Shape::Before)),
        "no samples: there is no shape before"
    );
    assert!(between(&before, &after, Shape::After).is_ok());
}

#[test]
fn names_are_text_whatever_they_are() {
    let long = format!("{}&<{}", "x".repeat(MOST_NAME - 2), "y".repeat(900));
    let hostile = format!("<script>alert(1)</script>;a\"b'c&d;]]>;<g>;{long};f (12 9\n");
    let profile = folded(&hostile);
    let side =
        Side { label: "</svg><script>", unit: "<b>", op: "&", ..side("", &profile, Some(1)) };
    for picture in
        [icicle(&side, None, "<i>\"").unwrap(), between(&side, &side, Shape::After).unwrap()]
    {
        let svg = picture.svg(0.0, true);
        for word in ["<script", "<g>", "<i>", "<b>", "id=", "onload", "style", "href"] {
            assert!(!svg.contains(word), "{word} in {svg}");
        }
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
        assert!(!svg.contains("yyy") && svg.contains("&lt;script&gt;alert(1)&lt;/script&gt; ("));
    }
}

proptest! {
    /// Each caller is drawn once, as wide as what it calls together with what it does itself.
    #[test]
    fn whatever_frames_are_called_each_is_drawn_once_and_holds_what_it_calls(
        stacks in vec((vec("[ #<>.a-b:\\[\\]]{0,4}", 1..5), 1_u32..1000), 1..8),
    ) {
        let mut profile = Folded::default();
        stacks.iter().for_each(|(frames, weight)| profile.add(frames, f64::from(*weight)));
        let picture = icicle(&side("before", &profile, None), None, "t").unwrap();
        let prefixes = profile.stacks().flat_map(|(stack, _)| (1..=stack.len()).map(move |n| stack[..n].to_vec()));
        let drawn = picture.frames.len();
        let all = prefixes.collect::<std::collections::BTreeSet<_>>().len() + 1;
        prop_assert!(drawn <= all);
        for frame in &picture.frames {
            let below: f64 = picture.frames.iter()
                .filter(|other| other.row == frame.row + 1 && other.left >= frame.left - 1e-9)
                .filter(|other| other.left + other.width <= frame.left + frame.width + 1e-9)
                .map(|other| other.width).sum();
            prop_assert!(below <= frame.width + 1e-6, "{} of {}", below, frame.width);
            let right = frame.left + frame.width;
            prop_assert!(frame.left >= 0.0 && right <= 100.0 + 1e-6);
            let apart = picture.frames.iter().filter(|other| other.row == frame.row)
                .all(|other| std::ptr::eq(other, frame) || other.left >= right - 1e-6 || other.left + other.width <= frame.left + 1e-6);
            prop_assert!(apart, "frames of a row do not cover each other");
        }
    }
}
