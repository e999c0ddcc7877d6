use super::*;
use crate::stacks::{Folded, Names};
use proptest::collection::vec;
use proptest::prelude::*;

fn folded(text: &str) -> Folded {
    Folded::parse(text.as_bytes()).folded
}

fn side<'a>(label: &'a str, folded: &'a Folded, ops: Option<u64>) -> Side<'a> {
    Side { label, folded, unit: "samples", samples: None, ops, op: "request" }
}

fn of(before: &Side, after: &Side) -> Difference {
    Difference::new(before, after, Some("shop"), &Noise::default()).unwrap()
}

#[test]
fn what_is_gone_and_what_is_new_is_told_in_words() {
    let before = folded(
        "[tokio];shop::buggy::import;shop::buggy::parse 812\n[tokio];idle 400\n[tokio];rare 6\n",
    );
    let after =
        folded("[tokio];shop::buggy::import;fast::parse 100\n[tokio];idle 780\n[tokio];seldom 9\n");
    let samples = before.clone();
    let before = before.scaled(1_000_000.0);
    let before =
        Side { unit: "ns", samples: Some(&samples), ..side("before", &before, Some(1_000)) };
    let counts = after.clone();
    let after = after.scaled(1_000_000.0);
    let after = Side { unit: "ns", samples: Some(&counts), ..side("after", &after, Some(2_000)) };
    let difference = of(&before, &after);
    assert_eq!(
        difference.lines(4),
        [
            "shop::buggy::parse gone: 812 us per request before, none after",
            "shop::buggy::import shrunk: 812 us per request before, 50.0 us after",
            "crate fast new: none before, 50.0 us per request after",
            "1 change within noise left out",
        ]
    );
    assert_eq!(difference.totals, (1_218_000.0, 444_500.0));
    assert_eq!(
        difference.entries[0].before,
        Weight { inclusive: 812_000.0, own: 812_000.0, samples: 812.0 }
    );
    assert_eq!(
        difference.lines(1)[1..],
        ["2 smaller changes not shown", "1 change within noise left out"]
    );
}

/// The same parse, 500 samples on either side: the compiler inlined another part of it, and named
/// another instance.
#[test]
fn other_inlining_of_the_same_work_is_no_change() {
    let before = folded(
        "[tokio];shop::import::{closure};serde_json::de::from_str;serde_json::map::Map<A>::insert;alloc::btree::insert 20\n\
         [tokio];shop::import::{closure};serde_json::de::from_str;alloc::btree::insert 300\n\
         [tokio];shop::import::{closure};shop::check<A>;serde_json::value::get 180\n",
    );
    let after = folded(
        "[tokio];shop::import;core::iter::map;serde_json::map::Map<B>::insert;alloc::btree::insert 320\n\
         [tokio];shop::import;shop::check<B>::{closure};core::option::map;serde_json::value::Value::get;memcmp 180\n",
    );
    let difference = of(&side("before", &before, Some(100)), &side("after", &after, Some(100)));
    assert_eq!((difference.entries, difference.left_out, difference.unchanged), (vec![], 0, 3));
    let slower =
        folded("[tokio];shop::import;serde_json::map::Map<B>::insert;alloc::btree::insert 1320\n");
    let difference = of(&side("before", &before, Some(100)), &side("after", &slower, Some(100)));
    let grown: Vec<&str> = difference.entries.iter().map(|entry| entry.function.as_str()).collect();
    assert_eq!(grown, ["crate serde_json", "shop::import", "shop::check"], "real changes stay");
}

/// Of 1 000 samples, 600 came before and 900 after: a function that did the same is seen half as
/// often again.
#[test]
fn what_lost_samples_and_unknown_stacks_can_make_up_is_no_change() {
    let entries = |before: &str, after: &str, covered| {
        let (before, after) = (folded(before), folded(after));
        let noise = Noise { covered, ..Noise::default() };
        let sides = (side("before", &before, Some(1)), side("after", &after, Some(1)));
        Difference::new(&sides.0, &sides.1, Some("shop"), &noise).unwrap().entries.len()
    };
    let (fewer, more) = ("shop::a 6000\n", "shop::a 9000\n");
    assert_eq!((entries(fewer, more, (0.6, 0.9)), entries(fewer, more, (0.9, 0.9))), (0, 1));
    assert_eq!((entries(more, fewer, (0.9, 0.6)), entries(more, fewer, (0.9, 0.9))), (0, 1));
    let (named, nameless) = ("shop::a 6000\n[no stack] 100\n", "shop::a 3000\n[no stack] 3100\n");
    assert_eq!(entries(named, nameless, (1.0, 1.0)), 0, "they may be of that function");
    let side_of = |folded| side("before", folded, Some(1));
    let one = folded(fewer);
    let noise = Noise { covered: (0.6, 1.0), ..Noise::default() };
    let notes = Difference::new(&side_of(&one), &side_of(&one), None, &noise).unwrap().notes;
    assert!(
        notes[0].starts_with("samples stand for 60 % of the measured CPU time before, 100 %"),
        "{notes:?}"
    );
}

#[test]
fn variants_match_after_unification() {
    let names = Names::new().unify_variants("shop", &["buggy", "fixed"]);
    let before =
        names.apply(&folded("w;shop::buggy::import::{{closure}};serde_json::from_str 500\n"));
    let after =
        names.apply(&folded("w;shop::fixed::import::{closure#0};serde_json::from_str 500\n"));
    let difference = of(&side("before", &before, Some(10)), &side("after", &after, Some(10)));
    assert_eq!((difference.entries, difference.left_out, difference.unchanged), (vec![], 0, 2));
}

#[test]
fn without_operations_shares_are_compared_and_it_says_so() {
    let (before, after) = (folded("a 900\nb 100\n"), folded("a 100\nb 100\n"));
    for ops in [None, Some(0)] {
        let difference = of(&side("before", &before, ops), &side("after", &after, Some(7)));
        assert_eq!(
            difference.lines(9),
            [
                "a shrunk: 90.0 % of all samples before, 50.0 % after",
                "b grown: 10.0 % of all samples before, 50.0 % after",
                "the number of requests before is unknown: shares of each side's own total, \
                 where one function grows when another shrinks",
            ]
        );
    }
    let none = Folded::default();
    assert_eq!(
        of(&side("before", &before, None), &side("after", &none, None)).totals,
        (100.0, 0.0)
    );
}

#[test]
fn what_cannot_be_compared_is_refused_with_a_reason() {
    let (some, none) = (folded("a 100\n"), Folded::default());
    let error = |a: &Side, b: &Side| {
        Difference::new(a, b, None, &Noise::default()).unwrap_err().to_string()
    };
    let before = side("before", &some, None);
    assert_eq!(
        error(&before, &Side { unit: "bytes", ..before }),
        "samples and bytes cannot be compared"
    );
    assert_eq!(
        error(&before, &Side { op: "item", ..before }),
        "one request and one item cannot be compared"
    );
    let empty = [side("before", &none, None), side("after", &none, None)];
    assert_eq!(error(&empty[0], &empty[1]), "no samples: neither before nor after has stacks");
}

/// A quarter more of 100 samples happens by chance once in thirteen times; of 10 000, never.
#[test]
fn the_same_change_is_noise_in_few_samples_and_none_in_many() {
    let outcome = |n: f64| {
        let (before, after) = (folded(&format!("a {n}\n")), folded(&format!("a {}\n", 1.25 * n)));
        of(&side("before", &before, Some(1)), &side("after", &after, Some(1))).entries.len()
    };
    assert_eq!((outcome(100.0), outcome(10_000.0)), (0, 1));
}

/// Of a thousand, fifty are profiling overhead.
#[test]
fn a_change_smaller_than_what_overhead_cost_is_masked_and_counted() {
    let outcome = |shrunk: f64| {
        let (before, after) =
            (folded("a 10000\nb 90000\n"), folded(&format!("a {}\nb 90000\n", 10_000.0 - shrunk)));
        let noise = Noise { overhead: 0.05, ..Noise::default() };
        Difference::new(
            &side("before", &before, Some(1)),
            &side("after", &after, Some(1)),
            None,
            &noise,
        )
        .unwrap()
    };
    let (below, above) = (outcome(4_999.0), outcome(5_001.0));
    assert_eq!((below.entries.len(), below.masked, below.unchanged), (0, 1, 1));
    assert_eq!((above.entries.len(), above.masked), (1, 0));
    assert_eq!(below.lines(9), ["1 change smaller than the profiling overhead left out"]);
}

fn profile() -> impl Strategy<Value = Folded> {
    vec((vec("[a-f]", 1..5), 1_u32..2_000), 0..12).prop_map(|stacks| {
        let mut folded = Folded::default();
        stacks.iter().for_each(|(frames, weight)| folded.add(frames, f64::from(*weight)));
        folded
    })
}

fn swapped(entry: &Entry) -> Entry {
    let change = match entry.change {
        Change::Gone => Change::New,
        Change::New => Change::Gone,
        Change::Grown => Change::Shrunk,
        Change::Shrunk => Change::Grown,
    };
    Entry { change, before: entry.after, after: entry.before, ..entry.clone() }
}

proptest! {
    #[test]
    fn swapping_the_sides_swaps_what_is_told(
        a in profile(), b in profile(), ops in (0_u64..50, 0_u64..50),
    ) {
        prop_assume!(!(a.is_empty() && b.is_empty()));
        let (a, b) = (side("here", &a, Some(ops.0)), side("there", &b, Some(ops.1)));
        let (there, back) = (of(&a, &b), of(&b, &a));
        prop_assert_eq!(there.entries.iter().map(swapped).collect::<Vec<_>>(), back.entries);
        prop_assert_eq!((there.left_out, there.unchanged), (back.left_out, back.unchanged));
        prop_assert_eq!((there.totals.1, there.totals.0), back.totals);
    }

    #[test]
    fn a_profile_against_itself_has_no_entries(a in profile(), ops in 1_u64..50) {
        prop_assume!(!a.is_empty());
        let difference = of(&side("before", &a, Some(ops)), &side("after", &a, Some(ops)));
        prop_assert_eq!((difference.entries.len(), difference.left_out), (0, 0));
    }

    #[test]
    fn every_weight_and_function_is_accounted_for(a in profile(), b in profile(), ops in (1_u64..50, 1_u64..50)) {
        prop_assume!(!(a.is_empty() && b.is_empty()));
        let all = Noise { fewest: 0.0, deviations: 0.0, overhead: 0.0, covered: (1.0, 1.0) };
        let (before, after) = (side("before", &a, Some(ops.0)), side("after", &b, Some(ops.1)));
        let difference = Difference::new(&before, &after, None, &all).unwrap();
        let delta: f64 = difference.entries.iter().map(|entry| entry.after.own - entry.before.own).sum();
        let total = difference.totals.1 - difference.totals.0;
        // A function whose inclusive weight did not change may have other own weight; it is not
        // listed.
        prop_assert!(difference.unchanged > 0 || (delta - total).abs() < 1e-6 * (1.0 + total.abs()));
        let functions: BTreeSet<&str> = a.inclusive().into_keys().chain(b.inclusive().into_keys()).collect();
        prop_assert_eq!(difference.entries.len() + difference.left_out + difference.unchanged, functions.len());
        prop_assert_eq!(difference.totals, (a.total() / ops.0 as f64, b.total() / ops.1 as f64));
    }
}
