use crate::report::html::tests::assert_well_formed;
use crate::report::latency::tests::compared;
use crate::report::sched::*;
use lab_analysis::overhead::{Cost, Range};
use lab_analysis::profile::Profile;
use lab_analysis::scheduler::{
    Blame, Culprit, Doing, Edge, ProbeSummary, Quantiles, Row, Sched, Segment, TaskKind, Timeline,
    Worker,
};
use lab_recording::Ending;
use lab_recording::profiler::{Profiler, ProfilerStatus};
use lab_recording::scheduler::Counters;
use lab_recording::spec::{Pair, Purpose, Side, Spec};

fn spec() -> Spec {
    Spec::new("greedy", "buggy", lab_recording::Kind::Buggy, lab_recording::Load::DEFAULT)
}

const UTF8: Style = Style::new(false);

/// Times around three of them, in microseconds.
fn times(count: u64, p50: f64, p99: f64, max: f64) -> Quantiles {
    let steps = vec![(p50 / 2.0, count / 4), (p50, count / 2), (p99, count / 4), (max, 1)];
    Quantiles { count, sum: p50 * count as f64, p50, p90: p50, p99, max, steps }
}

fn task_kind(
    name: &str,
    place: &str,
    function: Option<&str>,
    poll_us: Quantiles,
    latency_us: Quantiles,
) -> TaskKind {
    TaskKind {
        name: name.into(),
        spawned_at: place.into(),
        function: function.map(Into::into),
        spawned: 6_000,
        made_by: None,
        ended: 6_000,
        polls: poll_us.count,
        budget_spent: 0,
        poll_us,
        latency_us: Some(latency_us),
    }
}

fn edge(culprit: Culprit, victim: usize, ms: f64, waits: u64) -> Edge {
    Edge { culprit, victim, ms, waits }
}

fn worker(busy_ms: f64, stalled_ms: f64, idle_ms: f64) -> Worker {
    let (runtime, worker) = (0, 0);
    Worker {
        runtime,
        worker,
        polls: 6_010,
        busy_ms,
        stalled_ms,
        idle_ms,
        outside_ms: 20.0,
        core_wait_ms: Some(3.0),
    }
}

fn segment(at_ms: f64, ms: f64, doing: Doing) -> Segment {
    Segment { at_ms, ms, doing }
}

/// One task holds the only worker for more than a second at a time.
pub fn faulty() -> Sched {
    let requests = task_kind(
        "requests",
        "src/drive.rs:40",
        None,
        times(6_000, 12.0, 80.0, 1_100.0),
        times(6_000, 510_000.0, 1.2e6, 1.3e6),
    );
    let import = times(7, 1.2e6, 1.3e6, 1.31e6);
    let import = task_kind(
        "src/drive.rs:52",
        "src/drive.rs:52",
        Some("made_up::buggy::import"),
        import,
        times(7, 20.0, 90.0, 95.0),
    );
    let edges = vec![
        edge(Culprit::TaskKind(1), 0, 3_645_000.0, 6_000),
        edge(Culprit::TaskKind(0), 0, 24_000.0, 6_000),
        edge(Culprit::WorkerAsleep, 0, 5_000.0, 4_000),
        edge(Culprit::Kernel, 1, 1.0, 2),
    ];
    let segments = vec![
        segment(0.0, 40.0, Doing::Outside),
        segment(40.0, 1_310.0, Doing::Polls(1)),
        segment(1_350.0, 250.0, Doing::Polls(0)),
        segment(1_600.0, 400.0, Doing::Asleep),
    ];
    let waiting = (0..200_u32)
        .map(|i| if i < 135 { f64::from(i) * 19.0 } else { f64::from(200 - i) * 40.0 })
        .collect();
    Sched {
        wall_ms: 5_000.0,
        events: 18_000,
        dropped: 0,
        task_kinds: vec![requests, import],
        workers: vec![worker(400.0, 4_400.0, 180.0)],
        probe: Some(ProbeSummary {
            wake_ups: 131,
            yields: 130,
            long_yields: 0,
            yield_us: times(130, 2.0, 11.0, 12.0),
            wake_delay_us: times(130, 400_000.0, 1.2e6, 1.3e6),
        }),
        blame: Some(Blame { waits: 6_007, waited_ms: 3_674_001.0, edges }),
        worst: Some(Timeline {
            from_ms: 1_234.0,
            ms: 2_000.0,
            waited_ms: 2_500_000.0,
            rows: vec![Row { runtime: 0, worker: 0, segments }],
            waiting,
        }),
        notes: vec!["polls of a root future are not seen".into()],
        ..Sched::default()
    }
}

/// The same load where nobody holds a worker for long; task kinds are the other way round.
pub fn healthy() -> Sched {
    let requests = task_kind(
        "requests",
        "src/drive.rs:40",
        None,
        times(6_000, 12.0, 80.0, 900.0),
        times(6_000, 20.0, 300.0, 900.0),
    );
    let import = times(900, 90.0, 900.0, 950.0);
    let import = task_kind(
        "src/drive.rs:52",
        "src/drive.rs:52",
        Some("made_up::fixed::import"),
        import,
        times(900, 15.0, 90.0, 95.0),
    );
    let edges = vec![
        edge(Culprit::TaskKind(0), 1, 120.0, 3_000),
        edge(Culprit::WorkerAsleep, 1, 61.0, 2_000),
    ];
    let segments = vec![
        segment(0.0, 3.0, Doing::Polls(0)),
        segment(3.0, 1.0, Doing::Polls(1)),
        segment(4.0, 6.0, Doing::Asleep),
    ];
    Sched {
        task_kinds: vec![import, requests],
        workers: vec![worker(1_500.0, 0.0, 3_480.0)],
        blame: Some(Blame { waits: 5_000, waited_ms: 181.0, edges }),
        worst: Some(Timeline {
            from_ms: 12.0,
            ms: 10.0,
            waited_ms: 4.0,
            rows: vec![Row { runtime: 0, worker: 0, segments }],
            waiting: vec![1.0, 2.0, 0.0, 0.0],
        }),
        notes: Vec::new(),
        ..faulty()
    }
}

/// A run that was looked at; of a comparison, on one side.
pub fn profile_of(side: Side, sched: Sched) -> Profile {
    let variant = if side == Side::A { "buggy" } else { "fixed" };
    let pair =
        Pair { number: 1, side, label: None, metrics: Vec::new(), interim: false, wanted: None };
    let purpose = Purpose::Profile { profiler: Profiler::Stall, pair: Some(pair), ratio: 1 };
    Profile {
        folder: "".into(),
        spec: Spec { purpose, variant: variant.into(), ..spec() },
        profiler: Profiler::Stall,
        ending: Ending::Finished,
        note: ProfilerStatus::default(),
        views: Vec::new(),
        slow: None,
        memory: Vec::new(),
        long_polls: Vec::new(),
        in_polls: None,
        sched: Some(sched),
        awaits: None,
        stuck_threads: Vec::new(),
        hand_offs: Vec::new(),
        panics: Vec::new(),
        post_mortem: None,
        overhead: Err("the clock is missing".into()),
        metrics: Default::default(),
        ops: Some(6_000),
        closed_ns: None,
        held: None,
    }
}

fn with(profiles: Vec<Profile>) -> Results {
    Results { profiles, ..compared() }
}

/// What is printed, in lines without colours.
fn printed(
    report: &Results,
    print: fn(&Results, Style, &mut dyn Write) -> io::Result<()>,
) -> Vec<String> {
    let mut text = Vec::new();
    print(report, UTF8, &mut text).unwrap();
    let text = anstream::adapter::strip_str(&String::from_utf8(text).unwrap()).to_string();
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}

#[test]
fn waiting_that_is_less_than_what_overhead_cost_is_nobody_s() {
    let blames = |high: f64| {
        let cost = Cost { of_wall: Range { low: 0.0, mid: 0.0, high }, ..Cost::default() };
        let one = Profile { overhead: Ok(cost), ..profile_of(Side::A, faulty()) };
        let report = Results { comparison: None, ..with(vec![one]) };
        sentences(&report, &runs(&report), UTF8)
    };
    // Of the waiting the import is charged 99.2 %.
    assert!(blames(0.991)[0].contains("99.2 % of it for polls"), "{:?}", blames(0.991));
    let refused = blames(0.993);
    assert!(
        refused[0].contains("no culprit")
            && refused[0].contains("smaller than the profiling overhead, 99.3 %"),
        "{refused:?}"
    );
}

#[test]
fn a_faulty_run_blames_who_held_its_worker() {
    let one = Results { comparison: None, ..with(vec![profile_of(Side::A, faulty())]) };
    let wanted = [
        "",
        "scheduler  blame          each request waited 612 ms on average, 99.2 % of it for polls \
         of made_up::buggy::import",
        "           poll time      p50/p99/max requests 12.0 µs/80.0 µs/1.10 ms; import task 1.20 \
         s/1.30 s/1.31 s",
        "           latency        p50/p99/max requests 510 ms/1.20 s/1.30 s; import task 20.0 \
         µs/90.0 µs/95.0 µs",
        "           polls          6 007 polls; none ended with a spent budget",
        "           workers        1 worker: 8.00 % busy, 88.0 % stalled in polls of 10 ms and \
         more, 3.60 % asleep, 0.400 % outside polls; its threads waited 3.00 ms for a core",
        "           yield probe    0 of 130 yields after 131 wake-ups took 10 ms or more, the \
         longest 12.0 µs; wake-up delay, up to 1.30 s, is not part of a yield",
        "           note           polls of a root future are not seen",
    ];
    assert_eq!(printed(&one, print), wanted);
}

#[test]
fn two_sides_stand_beside_each_other_with_their_factor() {
    let mut before = faulty();
    before.dropped = 2_000;
    let mut after = healthy();
    after.blame.as_mut().unwrap().edges.push(edge(Culprit::TaskKind(0), 1, 185.4, 6_000));
    // In the order in which folders are read: the side after may come first.
    let both = with(vec![profile_of(Side::B, after), profile_of(Side::A, before)]);
    let lines = printed(&both, print);
    let blame = "scheduler  blame          requests waited for polls of made_up::buggy::import: \
                 608 ms per request buggy, 50.9 µs fixed, 11 935 times less";
    assert_eq!(lines[1], blame);
    assert!(
        lines[2].contains("fixed: no culprit: tasks waited 30.2 µs per request"),
        "{}",
        lines[2]
    );
    assert!(
        lines
            .iter()
            .any(|line| line.ends_with("missing        buggy: 2 000 events missing, 10.0 %")),
        "{lines:#?}"
    );
}

#[test]
fn what_is_counted_beside_polls_is_told_where_there_is_any() {
    let mut counted = healthy();
    counted.task_kinds[0].budget_spent = 250;
    (counted.hand_offs, counted.blocking_ended) = (1, 30);
    let at = |global_queue, forced_yields| Counters {
        global_queue,
        forced_yields: Some(forced_yields),
        ..Counters::default()
    };
    counted.counters = vec![at(3, 100), at(41, 350), at(0, 360)];
    let lines =
        printed(&Results { comparison: None, ..with(vec![profile_of(Side::A, counted)]) }, print);
    let wanted = "polls          6 900 polls; 250 ended with a spent budget, 50.0 a second; 260 \
                  forced yields; 30 blocking tasks \
                  or workers ended; 1 hand-off in mid-poll; shared queue up to 41";
    assert!(lines.iter().any(|line| line.trim() == wanted), "{lines:#?}");
    assert_eq!(healthy().forced_yields(), None, "not reported");
}

#[test]
fn where_polls_are_not_seen_no_worker_did_nothing() {
    let unseen = Sched {
        polls_not_recorded: true,
        blame: None,
        task_kinds: vec![],
        workers: vec![worker(0.0, 0.0, 1_000.0)],
        ..faulty()
    };
    let report = Results { comparison: None, ..with(vec![profile_of(Side::A, unseen)]) };
    let lines = printed(&report, print);
    let workers = lines.iter().find(|line| line.trim().starts_with("workers")).unwrap();
    assert!(
        workers.contains("1 worker: 98.0 % asleep, 1.96 % awake, polls not recorded"),
        "{workers}"
    );
    let document = serde_json::to_value(json::documents(&runs(&report))).unwrap();
    let worker = document[0]["workers"][0].as_object().unwrap();
    assert!(worker.contains_key("idle_ms") && !worker.contains_key("busy_ms"), "{worker:?}");
}

#[test]
fn many_runs_have_a_line_each_and_none_says_nothing() {
    let several = Results {
        comparison: None,
        ..with(vec![profile_of(Side::A, faulty()), profile_of(Side::B, healthy())])
    };
    let lines = printed(&several, print_which);
    assert_eq!(lines.len(), 3);
    assert!(
        lines[1].starts_with("scheduler  buggy          each request waited 612 ms"),
        "{lines:#?}"
    );
    assert!(lines[2].starts_with(
        "           fixed          no culprit: tasks waited 30.2 µs per request, 66.3 % of it"
    ));
    assert_eq!((printed(&compared(), print), printed(&compared(), print_which)), (vec![], vec![]));
}

#[test]
fn what_was_not_measured_is_said_and_no_zero() {
    let bare = Sched {
        blame: None,
        probe: None,
        task_kinds: vec![],
        workers: vec![],
        worst: None,
        ..healthy()
    };
    let mut profile = profile_of(Side::A, bare);
    profile.ops = None;
    let lines = printed(&Results { comparison: None, ..with(vec![profile]) }, print);
    assert_eq!(
        lines[1..],
        ["scheduler  blame          no culprit: schedule latency was not recorded"]
    );
    let mut lost = profile_of(Side::A, Sched { task_kinds: vec![], ..faulty() });
    lost.ops = None;
    let lines = printed(&Results { comparison: None, ..with(vec![lost]) }, print);
    assert!(
        lines[1].contains(
            "unknown tasks waited 3 674 s in total, 99.2 % of it for polls of unknown tasks"
        ),
        "{lines:#?}"
    );
}

#[test]
fn tasks_that_wait_for_each_other_are_told_so() {
    let mut own = healthy();
    own.blame = Some(Blame {
        waits: 10,
        waited_ms: 1_200.0,
        edges: vec![edge(Culprit::TaskKind(1), 1, 1_200.0, 10)],
    });
    let lines =
        printed(&Results { comparison: None, ..with(vec![profile_of(Side::A, own)]) }, print);
    assert!(
        lines[1].ends_with(
            "each request waited 200 µs on average, 100 % of it for each other: polls of requests"
        ),
        "{lines:#?}"
    );
}

#[test]
fn the_document_follows_its_schema_and_has_names_for_numbers() {
    let bare = Sched {
        blame: None,
        probe: None,
        task_kinds: vec![],
        workers: vec![],
        worst: None,
        ..healthy()
    };
    let report = with(vec![profile_of(Side::A, faulty()), profile_of(Side::B, bare)]);
    let document = serde_json::to_value(crate::report::document(&report)).unwrap();
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../schema/lab.result.v2.json")).unwrap();
    let of_it = serde_json::json!({ "$ref": "#/properties/scheduler", "$defs": schema["$defs"], "properties": schema["properties"] });
    let inner: Vec<String> = jsonschema::validator_for(&of_it)
        .unwrap()
        .iter_errors(&document["scheduler"])
        .map(|e| e.to_string())
        .collect();
    assert!(inner.is_empty(), "{inner:#?}");
    let [before, after] = [&document["scheduler"][0], &document["scheduler"][1]];
    let edge = &before["blame"]["edges"][0];
    assert_eq!(
        edge["culprit"],
        serde_json::json!({
            "kind": "task-kind",
            "name": "src/drive.rs:52",
            "spawned_at": "src/drive.rs:52",
            "function": "made_up::buggy::import",
        })
    );
    assert_eq!(
        (&edge["victim"], &edge["significant"], &edge["waits"]),
        (&"requests".into(), &true.into(), &6_000.into())
    );
    assert_eq!(
        before["blame"]["edges"][2]["culprit"],
        serde_json::json!({ "kind": "worker-asleep" })
    );
    assert!(
        after.get("blame").is_none()
            && after.get("probe").is_none()
            && before["probe"]["long_yields"] == 0
    );
    assert!(
        serde_json::to_value(crate::report::document(&compared()))
            .unwrap()
            .get("scheduler")
            .is_none()
    );
}

#[test]
fn pictures_are_well_formed_and_bounded_and_say_what_they_show() {
    let mut many = faulty();
    let worst = many.worst.as_mut().unwrap();
    let segments = (0..50_000_u32)
        .map(|i| segment(f64::from(i) * 0.04, 0.02 + f64::from(i % 7) * 0.001, Doing::Polls(1)));
    worst.rows = vec![Row { runtime: 1, worker: 3, segments: segments.collect() }; 40];
    worst.waiting = vec![f64::NAN; 100_000];
    let report = with(vec![profile_of(Side::A, many), profile_of(Side::B, healthy())]);
    let runs = runs(&report);
    let palette = palette::Palette::new(&runs);
    let (svg, sentences) = timeline::draw(&runs[0], &palette, 1_000, UTF8).unwrap();
    assert!(svg.len() < 250_000, "{} bytes", svg.len());
    assert!(
        sentences[1].starts_with("Segments shorter than")
            && sentences[2] == "24 workers are left out.",
        "{sentences:?}"
    );
    assert!(
        sentences[0].starts_with("buggy, 2.00 s from 1.23 s on: its workers spent"),
        "{sentences:?}"
    );
    let (histogram, words) =
        histogram::draw("poll time", &runs, UTF8, |task_kind| Some(&task_kind.poll_us)).unwrap();
    assert!(
        words.starts_with(
            "requests: buggy p50 12.0 µs, p99 80.0 µs, max 1.10 ms, 6 000 of them; fixed p50"
        ),
        "{words}"
    );
    for svg in [svg, histogram] {
        assert_well_formed(&format!("<style></style>{svg}<script></script>"));
    }
    assert!(histogram::draw("none", &[], UTF8, |task_kind| Some(&task_kind.poll_us)).is_none());
}
