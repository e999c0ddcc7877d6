//! The screens of made-up results: their size, the order of their blocks, and the words that must
//! not be on them.

use super::*;
use crate::made_up::run;
use lab_analysis::claims::{Judged, Verdict};
use lab_analysis::comparison::paired::Comparison;
use lab_analysis::diagnosis::{Cost, Diagnosis, Finding};
use lab_analysis::requests::{Analysis, Naive, Reading};
use lab_analysis::results::diagnosed::Diagnosed;
use lab_kit::Claim;
use lab_recording::spec::Purpose;
use lab_recording::{Arrivals, Cause, Kind, Load};

/// Words of the lab's own that stopped readers.
const PRIVATE: [&str; 18] = [
    "asked",
    "came ",
    "told",
    "lens",
    "watching",
    "sick",
    "looked",
    "refuted",
    "nobody",
    "n too small",
    "pacer",
    "per op",
    "at floor",
    "to know",
    "(buggy)",
    "wait_",
    "_us",
    "drive.rs",
];

fn source(_: &str) -> Option<String> {
    Some(
        (1..=30)
            .map(|number| format!("        let line_{number} = store.put(order, message).await;\n"))
            .collect(),
    )
}

fn finding() -> Finding {
    Finding {
        cause: Cause::LongPoll,
        function: Some("scenario_greedy::buggy::import".into()),
        file: Some("scenarios/greedy/src/buggy.rs".into()),
        line: Some(11),
        cost: Cost { ms: Some(341_000.0), requests: Some(1_183) },
        evidence: [
            "longest poll 591 ms",
            "97.5 % of its time on the CPU",
            "one poll is 97.3 % of all that such a task does",
            "mean delay imposed on other tasks: 288 ms",
            "97.0 % of all waiting",
        ]
        .map(str::to_owned)
        .into(),
        refuted_by: "the same tasks wait as long in a run without this function",
        remedy: "give way after a slice of time (a millisecond, not a number of items), or hand \
                 the work to spawn_blocking",
        chapter: "greedy",
    }
}

fn checked(verdict: Verdict, reason: Option<&str>) -> Judged {
    let claim = Claim::share("every request is answered", "completed", "offered").equal(1.0);
    Judged { claim, verdict, value: Some(1.0), reason: reason.map(str::to_owned), applicable: true }
}

/// A run like that of the scenario greedy.
fn greedy(variant: &str, kind: Kind, p99_us: f64) -> Analysis {
    let floor = Reading { value: 31.0, low: 0.0, high: 31.0, because: Some("at floor") };
    let mut greedy = run(
        1,
        "a",
        &[("offered", 6_000.0), ("completed", 6_000.0), ("response_p90_us", p99_us / 2.0)],
    );
    greedy.metrics.insert("response_p50_us".into(), floor);
    greedy.metrics.insert("response_p99_us".into(), Reading::exact(p99_us));
    greedy.metrics.insert("response_max_us".into(), Reading::exact(1.1 * p99_us));
    greedy.metrics.insert("cpu_us_per_op".into(), Reading::exact(104.0));
    let mut responses = hdrhistogram::Histogram::new(3).unwrap();
    responses.record_n(31_000, 6_000).unwrap();
    greedy.responses = Some(responses);
    greedy.naive = Some(Naive {
        sent: 4_000,
        us: [Some(31.0), Some(40.0), Some(62.5), None, Some(591_000.0)],
    });
    let spec = &mut greedy.recording.spec;
    (spec.scenario, spec.variant, spec.kind) = ("greedy".into(), variant.into(), kind);
    spec.about = "one loop over the backlog; its only .await is always ready".into();
    spec.load = Load {
        arrivals: Arrivals::Constant,
        rate: 2_000.0,
        duration_ms: 3_000,
        ..spec.load.clone()
    };
    (greedy.recording.outcome.foreign_cores, greedy.recording.outcome.process_ms) =
        (Some(0.01), Some(4_200.0));
    greedy
}

fn diagnosis(findings: Vec<Finding>) -> Diagnosis {
    Diagnosis { findings, polls_recorded: true, ..Diagnosis::default() }
}

/// One run with a diagnosis.
fn one(run: Analysis, findings: Vec<Finding>) -> Results {
    let mut spec = run.recording.spec.clone();
    spec.purpose = Purpose::Measure;
    let run = Analysis {
        recording: lab_recording::folder::Recording { spec: spec.clone(), ..run.recording },
        ..run
    };
    let (label, variant) = (spec.variant.clone(), spec.variant.clone());
    let diagnosed =
        Diagnosed { label, variant, side: None, diagnosis: diagnosis(findings), post_mortem: None };
    let checks = vec![checked(Verdict::Held, None); 7];
    Results {
        runs: vec![(run, checks)],
        diagnoses: vec![diagnosed],
        verdict: Verdict::Held,
        ..Results::empty("lab-runs/greedy-20261129T143239Z-2700".as_ref(), spec, None)
    }
}

fn buggy() -> Results {
    one(greedy("buggy", Kind::Buggy, 535_000.0), vec![finding()])
}

fn printed(results: &Results, verbosity: Verbosity) -> Vec<String> {
    let style = Style { verbosity, ..Style::new(false) };
    let view = View {
        results,
        page: Some("lab-runs/greedy/report.html".as_ref()),
        style,
        lab: "cargo lab",
        read: &source,
    };
    let text = folded(&lines(&view), style).join("\n");
    anstream::adapter::strip_str(&text).to_string().lines().map(str::to_owned).collect()
}

fn screen(results: &Results) -> Vec<String> {
    printed(results, Verbosity::Screen)
}

/// The text without its folds.
fn words(screen: &[String]) -> String {
    screen.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The numbers of the lines that begin with these texts.
fn places(screen: &[String], begins: &[&str]) -> Vec<usize> {
    let place = |begin: &&str| screen.iter().position(|line| line.trim_start().starts_with(begin));
    begins
        .iter()
        .map(|begin| place(begin).unwrap_or_else(|| panic!("no {begin} in {screen:#?}")))
        .collect()
}

/// Two columns of many runs of two variants.
fn pairs() -> Results {
    let pair = |number: usize| {
        let side = |variant: &str, side: &str, kind, p99| {
            let mut run = greedy(variant, kind, p99 + number as f64);
            let made = crate::made_up::run(number, side, &[]).recording.spec.purpose;
            run.recording.spec.purpose = made;
            run
        };
        [side("buggy", "a", Kind::Buggy, 549_000.0), side("fixed", "b", Kind::Fixed, 5_800.0)]
    };
    let runs: Vec<Analysis> = (1..=8).flat_map(pair).collect();
    let comparison =
        Comparison::from_runs(&runs, &lab_analysis::results::rule(&runs[0].recording.spec, None));
    let spec = runs[0].recording.spec.clone();
    let runs = runs.into_iter().map(|run| (run, Vec::new())).collect();
    let side = |side, findings| Diagnosed {
        label: String::new(),
        variant: if side == Side::A { "buggy".into() } else { "fixed".into() },
        side: Some(side),
        diagnosis: diagnosis(findings),
        post_mortem: None,
    };
    let diagnoses = vec![side(Side::A, vec![finding()]), side(Side::B, Vec::new())];
    Results {
        runs,
        comparison,
        diagnoses,
        verdict: Verdict::Held,
        ..Results::empty("lab-runs/x".as_ref(), spec, None)
    }
}

/// Eleven variants.
fn variants() -> Results {
    let kinds = [
        Kind::Buggy,
        Kind::Fixed,
        Kind::Fix,
        Kind::Fix,
        Kind::Fix,
        Kind::Fix,
        Kind::Trap,
        Kind::Trap,
        Kind::Trap,
    ];
    let kinds = kinds.into_iter().chain([Kind::Decoy, Kind::Decoy]).enumerate();
    let variant = |(number, kind): (usize, Kind)| {
        let p99 = if matches!(kind, Kind::Buggy | Kind::Trap) {
            550_000.0
        } else {
            5_000.0 + number as f64
        };
        let mut run = greedy(&format!("variant-{number}"), kind, p99);
        run.recording.spec.purpose = Purpose::Measure;
        run.metrics.insert("response_p50_us".into(), Reading::exact(p99 / 2.0));
        (run, vec![checked(Verdict::Held, None); 5])
    };
    let mut runs: Vec<(Analysis, Vec<Judged>)> = kinds.map(variant).collect();
    let mut larger = runs[1].clone();
    (larger.0.recording.spec.purpose, larger.1) = (
        Purpose::Larger { ratio: 10 },
        vec![checked(Verdict::NotMeasured, Some("the load was late"))],
    );
    larger.0.metrics.insert("response_p50_us".into(), Reading::exact(295_000.0));
    runs.push(larger);
    let spec = runs[0].0.recording.spec.clone();
    Results { runs, ..Results::empty("lab-runs/greedy-20261129T151557Z-6166".as_ref(), spec, None) }
}

#[test]
fn every_screen_fits_a_terminal_and_has_no_private_word() {
    for results in [buggy(), pairs(), variants()] {
        let screen = screen(&results);
        assert!(screen.len() <= 24, "{} lines: {screen:#?}", screen.len());
        assert!(screen.iter().all(|line| line.chars().count() <= 80), "{screen:#?}");
        let text = screen.join("\n");
        for word in PRIVATE {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
}

#[test]
fn a_run_shows_its_finding_first_then_cost_evidence_latency_and_the_rest() {
    let screen = screen(&buggy());
    let load = "2 000 requests/s for 3 s on 1 worker · all 6 000 answered · host quiet";
    let begins = [
        "greedy, variant buggy",
        load,
        "FAULT",
        "scenarios/greedy",
        "> ",
        "1 183 requests waited 288 ms on average",
        "Try",
        "Ruled out if",
        "response",
        "checks",
        "report",
        "next",
    ];
    let places = places(&screen, &begins);
    assert!(places.is_sorted(), "{screen:#?}");
    assert_eq!(screen[places[2]], "FAULT  long poll: scenario_greedy::buggy::import");
    let text = screen.join("\n");
    assert!(
        text.contains("A benchmark that waits for each answer would say: p99 = 62.5 µs."),
        "{text}"
    );
    assert!(
        text.contains("p50 ≤ 31.0 µs") && text.contains("≤ as low as can be measured"),
        "{text}"
    );
    assert!(
        text.contains("checks     7 of 7 hold") && text.contains("cargo lab compare greedy"),
        "{text}"
    );
}

#[test]
fn health_decides_the_headline_and_not_the_checks() {
    let headline = |results: &Results| {
        screen(results).into_iter().skip_while(|line| !line.is_empty()).nth(1).unwrap()
    };
    assert_eq!(
        headline(&one(greedy("fixed", Kind::Fixed, 5_000.0), Vec::new())),
        "HEALTHY  no fault was found"
    );
    let mut unanswered = greedy("fixed", Kind::Fixed, 5_000.0);
    unanswered.metrics.insert("unfinished".into(), Reading::exact(12.0));
    let text = headline(&one(unanswered, Vec::new()));
    assert_eq!(text, "UNDECIDED  no cause was found, but 12 requests were unanswered");
    let mut unseen = buggy();
    unseen.diagnoses[0].diagnosis = Diagnosis::default();
    assert!(
        headline(&unseen).starts_with("UNDECIDED  no scheduler profile"),
        "{}",
        headline(&unseen)
    );
}

#[test]
fn what_does_not_hold_is_listed_with_its_reason() {
    let mut results = buggy();
    results.runs[0].1[0] =
        checked(Verdict::NotMeasured, Some("the load generator was 9.8 ms late"));
    results.runs[0].1[1] = checked(Verdict::Broken, None);
    let text = words(&screen(&results));
    assert!(text.contains("checks 5 of 7 hold, 1 broken, 1 undecided"), "{text}");
    assert!(
        text.contains("undecided: every request is answered: the load generator was 9.8 ms late"),
        "{text}"
    );
    assert!(text.contains("broken: every request is answered"), "{text}");
}

#[test]
fn more_is_printed_for_each_degree_and_one_line_for_quiet() {
    for results in [buggy(), pairs(), variants()] {
        let sizes = [Verbosity::Screen, Verbosity::Verbose]
            .map(|verbosity| printed(&results, verbosity).len());
        assert!(sizes[0] < sizes[1], "{sizes:?}");
        let style = Style { verbosity: Verbosity::Quiet, ..Style::new(true) };
        let view = View { results: &results, page: None, style, lab: "lab", read: &source };
        assert_eq!(lines(&view).len(), 1);
    }
    let verbose = printed(&buggy(), Verbosity::Verbose).join("\n");
    for part in [
        "load generator late",
        "waited for a worker",
        "ran ",
        "holds ",
        "p99.9",
        "needs 10 000 requests",
    ] {
        assert!(verbose.contains(part), "{part} in {verbose}");
    }
}

#[test]
fn a_comparison_says_what_changed_then_whether_the_cause_is_gone() {
    let screen = screen(&pairs());
    assert!(screen[0].starts_with("greedy: buggy → fixed   8 pairs in 67 s"), "{screen:#?}");
    assert!(
        screen[2].starts_with("FIXED  response p99 is 95 times shorter (95 to 95 times, 9"),
        "{screen:#?}"
    );
    let text = words(&screen);
    assert!(
        text.contains(
            "The cause is gone (long poll in scenario_greedy::buggy::import), and nothing took"
        ),
        "{text}"
    );
    assert!(text.contains("would say: p99 = 62.5 µs → 62.5 µs"), "{text}");
    assert!(
        places(
            &screen,
            &["FIXED", "response p99 *", "* decides", "response   A", "report", "next"]
        )
        .is_sorted()
    );
}

#[test]
fn variants_stand_by_their_kind_and_the_best_fix_is_compared_next() {
    let screen = screen(&variants());
    let kinds = [
        "faulty",
        "fixes",
        "tempting, and no fix",
        "look faulty, are healthy",
        "learned",
        "checks",
        "report",
        "next",
    ];
    assert!(places(&screen, &kinds).is_sorted(), "{screen:#?}");
    let text = screen.join("\n");
    assert!(
        text.contains("55 of 56 hold, 1 undecided") && text.contains("the load was late"),
        "{text}"
    );
    assert!(text.contains("cargo lab compare greedy"), "{text}");
}
