use crate::report::html::*;
use crate::report::latency::tests::compared;
use crate::report::sched::tests::{faulty, healthy, profile_of};
use lab_analysis::overhead::{Cost, PerEvent, Range};
use lab_analysis::profile::{Profile, View as RunView};
use lab_analysis::scheduler::{Sched, Timeline};
use lab_analysis::stacks::Folded;
use lab_analysis::stacks::stalls::{LongPoll, Wait};
use lab_recording::Ending;
use lab_recording::frame::Frame;
use lab_recording::observations::{MemoryAt, RequestPoll, SlowRequest};
use lab_recording::profiler::{Profiler, ProfilerStatus};
use lab_recording::spec::{Pair, Purpose, Side, Spec};

mod opening;

fn page_of(results: &Results) -> anyhow::Result<String> {
    crate::report::page(results)
}

fn spec() -> Spec {
    Spec::new("greedy", "buggy", lab_recording::Kind::Buggy, lab_recording::Load::DEFAULT)
}

/// What must never be anything but text.
const HOSTILE: &str = "<script>alert(1)</script>\"'><i onclick=\"x\">&amp;";

fn profile(profiler: Profiler, side: Side, stacks: &str) -> Profile {
    let variant = if side == Side::A { "buggy" } else { "fixed" };
    let pair =
        Pair { number: 1, side, label: None, metrics: Vec::new(), interim: false, wanted: None };
    let purpose = Purpose::Profile { profiler, pair: Some(pair), ratio: 1 };
    let parsed = Folded::parse(stacks.as_bytes());
    let view = RunView {
        name: profiler.to_string(),
        unit: "us".into(),
        shows: "where the time goes".into(),
        damage: parsed.notes(),
        folded: parsed.folded,
        samples: None,
    };
    Profile {
        folder: "".into(),
        spec: Spec { purpose, variant: variant.into(), ..spec() },
        profiler,
        ending: Ending::Finished,
        note: ProfilerStatus {
            counts: [("samples_delivered".to_owned(), 1_990)].into(),
            ..ProfilerStatus::default()
        },
        views: vec![view],
        slow: None,
        memory: Vec::new(),
        long_polls: Vec::new(),
        in_polls: None,
        sched: None,
        awaits: None,
        stuck_threads: Vec::new(),
        hand_offs: Vec::new(),
        panics: Vec::new(),
        post_mortem: None,
        overhead: Err("the clock is missing".into()),
        metrics: Default::default(),
        ops: Some(100),
        closed_ns: None,
        held: None,
    }
}

const BEFORE: &str = "main;app::poll;app::work 900\nmain;app::rest 100\n";
const AFTER: &str = "main;app::poll;app::work 100\nmain;app::rest 120\nmain;app::idle 50\n";

fn with(profiles: Vec<Profile>) -> Results {
    Results { profiles, ..compared() }
}

fn cpu() -> Vec<Profile> {
    vec![profile(Profiler::Cpu, Side::A, BEFORE), profile(Profiler::Cpu, Side::B, AFTER)]
}

/// A long poll, a slow request and memory over time, all of which say this.
fn moments(mut profile: Profile, says: &str) -> Profile {
    let frame = |line| Frame {
        function: says.into(),
        file: Some(format!("/home/{says}/src/app.rs")),
        line,
    };
    profile.long_polls = vec![LongPoll {
        task: 7,
        thread: 1,
        poll: 3,
        begin_ns: 0,
        seen_ns: 25_000_000,
        samples: 25,
        on_cpu: 0.25,
        runnable: 0.1,
        stack: vec![frame(Some(7)), frame(None)],
        blamed: None,
        stack_share: 0.9,
        ran: None,
        waits: vec![Wait { channel: says.into(), syscall: Some(0), file: None, seen: 12 }],
    }];
    let poll = |at_us| RequestPoll { at_us, us: 10.0, step: says.into() };
    profile.slow = Some(SlowRequest {
        request: 9,
        us: 1_000.0,
        polls: vec![poll(0.0), poll(900.0)],
        left_out: 2,
    });
    profile.memory = [0.0, 10.0, 20.0]
        .map(|ms| MemoryAt { ms, allocated: 5_000_000, active: 6_000_000, resident: 8_000_000 })
        .into();
    profile
}

/// Fails unless every element is closed in its order.
pub(crate) fn assert_well_formed(page: &str) {
    const VOID: [&str; 4] = ["meta", "link", "input", "br"];
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    let (body, tail) = body.split_once("<script>").unwrap();
    let (_, tail) = tail.split_once("</script>").unwrap();
    let mut open: Vec<String> = Vec::new();
    for segment in format!("{head}{body}{tail}").split('<').skip(1) {
        let (tag, text) =
            segment.split_once('>').unwrap_or_else(|| panic!("each tag ends: {segment}"));
        let name = tag.split([' ', '\n']).next().unwrap();
        match name.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed), "{segment}"),
            None if tag.ends_with('/') || VOID.contains(&name) || name == "!doctype" => {}
            None => open.push(name.to_owned()),
        }
        assert!(!text.contains('>'), "{text}");
    }
    assert!(open.is_empty(), "{open:?} stay open");
}

fn assert_loads_nothing(page: &str) {
    for word in [
        "src=",
        "href=\"http",
        "@import",
        "url(",
        "fetch(",
        "XMLHttpRequest",
        "import(",
        "<iframe",
        "<object",
    ] {
        assert!(!page.contains(word), "{word} is in the page");
    }
    assert!(page.contains("default-src 'none'"));
    assert_eq!(page.matches("<script").count(), 1, "our own");
}

#[test]
fn a_comparison_is_one_page_with_all_its_parts_that_loads_nothing() {
    let mut profiles = cpu();
    profiles.push(moments(profile(Profiler::Stall, Side::A, BEFORE), "app::work"));
    profiles.push(profile(Profiler::Stall, Side::B, ""));
    let page = page_of(&with(profiles)).unwrap();
    assert_well_formed(&page);
    assert_loads_nothing(&page);
    for part in [
        "response by percentile",
        "response over time",
        "Change of each metric within pairs",
        "before: buggy",
        "difference, drawn as fixed",
        "app::work shrunk: 9.00 us per request buggy, 1.00 us fixed",
        "app::idle new",
        "Shows where the time goes",
        "samples delivered 1 990",
        "no samples",
        "no samples: there is nothing to draw fixed",
        "1 poll longer than the limit",
        "/src/app.rs:7<",
        "was polled 4 times",
        "buggy: at most 5.00 MB allocated",
        "order of pairs",
    ] {
        assert!(page.contains(part), "{part} is not in the page");
    }
}

fn watched(profile: Profile, high: f64) -> Profile {
    let share = Range { low: high / 4.0, mid: high / 2.0, high };
    let ns = Range { low: 40.0, mid: 41.0, high: 50.0 };
    let polls = PerEvent { what: "poll".into(), count: 1_000, ns };
    let cost =
        Cost { run_ms: 100.0, share, per_event: vec![polls], complete: true, ..Cost::default() };
    Profile { overhead: Ok(cost), ..profile }
}

#[test]
fn the_page_has_the_overhead_or_states_that_there_is_no_profiled_run() {
    let nobody = page_of(&with(Vec::new())).unwrap();
    assert!(
        nobody.contains("<summary>Profiling overhead</summary>")
            && nobody.contains("No profiled run"),
        "{nobody}"
    );
    let [before, after] = <[Profile; 2]>::try_from(cpu()).unwrap();
    let page = page_of(&with(vec![watched(before, 0.02), after])).unwrap();
    assert_well_formed(&page);
    for part in [
        "<summary>Profiling overhead</summary>",
        "1.00 % (0.500 to 2.00 %)",
        "1 000 of 41.0 ns",
        "not measured: the clock is missing",
    ] {
        assert!(page.contains(part), "{part} is not in the page");
    }
}

#[test]
fn what_is_smaller_than_what_overhead_cost_is_no_headline() {
    // The work is nine tenths of what was seen.
    let page = |high: f64| {
        page_of(&with(vec![watched(profile(Profiler::Cpu, Side::A, BEFORE), high)])).unwrap()
    };
    let (stands, refused) = (page(0.899), page(0.901));
    let (place, instead) = ("90.0 % in", "nothing above the profiling overhead of 90.1 %");
    assert!(stands.contains(place) && !stands.contains("nothing above the profiling overhead"));
    assert!(refused.contains(instead) && !refused.contains(place));
}

#[test]
fn what_comes_from_outside_stays_text() {
    let hostile_stacks = format!("main;{HOSTILE};<b>bold</b> 900\n");
    let mut profiles = vec![moments(profile(Profiler::Cpu, Side::A, &hostile_stacks), HOSTILE)];
    profiles.push(Profile {
        note: ProfilerStatus::unavailable(HOSTILE),
        views: vec![],
        ..profile(Profiler::Alloc, Side::A, "")
    });
    for profile in &mut profiles {
        profile.spec.variant = HOSTILE.into();
        profile.note.notes = vec![HOSTILE.into()];
        profile.note.counts = [(HOSTILE.to_owned(), 1)].into();
        for view in &mut profile.views {
            (view.name, view.unit, view.shows) = (HOSTILE.into(), HOSTILE.into(), HOSTILE.into());
            view.damage = vec![HOSTILE.into()];
        }
    }
    let mut report = Results { lost_profiles: vec![HOSTILE.into()], ..with(profiles) };
    report.folder = HOSTILE.into();
    (report.spec.scenario, report.spec.command) = (HOSTILE.into(), HOSTILE.into());
    report.spec.environment.cpu = Some(HOSTILE.into());
    let comparison = report.comparison.as_mut().unwrap();
    (comparison.before, comparison.after) = (HOSTILE.into(), HOSTILE.into());
    comparison.warnings = vec![HOSTILE.into()];
    comparison.pairs[0].dropped = Some(HOSTILE.into());
    report.runs.iter_mut().for_each(|(run, _)| run.notes = vec![HOSTILE.into()]);
    let mut single = Results { comparison: None, ..report.clone() };
    single.runs.truncate(1);
    single.runs[0].0.recording.outcome.ending = Ending::Failed;
    single.runs[0].0.recording.outcome.text = Some(HOSTILE.into());
    for report in [report, single] {
        let page = page_of(&report).unwrap();
        assert_well_formed(&page);
        assert!(
            !page.contains("<script>alert") && !page.contains("<i ") && !page.contains("<b>bold")
        );
        assert!(
            page.matches("&lt;script").count() + page.matches("&#60;script").count() > 10,
            "they are there as text"
        );
        assert_eq!(page.matches("<script").count(), 1, "our own");
    }
}

#[test]
fn a_profiler_that_is_missing_or_damaged_is_told_and_the_rest_is_shown() {
    let missing = Profile {
        note: ProfilerStatus::unavailable("no jemalloc here"),
        views: vec![],
        ..profile(Profiler::Alloc, Side::A, "")
    };
    let mut damaged = profile(Profiler::Stall, Side::A, "no weight\na;b 3\n");
    damaged.note.notes.push("stall-polls.json is damaged and not shown".into());
    damaged.ending = Ending::Hung;
    let mut profiles = cpu();
    profiles.extend([missing, damaged]);
    let report = Results {
        lost_profiles: vec!["b-fixed-cpu: cannot understand spec.json".into()],
        ..with(profiles)
    };
    let page = page_of(&report).unwrap();
    for part in [
        "<b>alloc</b> not available: no jemalloc here",
        "<b>profile</b> not available: cannot be read: b-fixed-cpu",
        "left out 1 of the lines",
        "stall-polls.json is damaged",
        "the run under this profiler hung",
        "app::work",
    ] {
        assert!(page.contains(part), "{part} is not in the page");
    }
    assert!(page_of(&compared()).unwrap().contains("No profiler ran"));
}

/// As many stacks as a busy service has, deep, with long names.
fn large(seed: usize) -> String {
    let mut text = String::new();
    for i in 0..4_000_usize {
        let frame = |depth: usize| {
            let branch = if depth < 25 { 0 } else { (i * 31 + seed + depth * 7) % (depth * 3) };
            format!(
                "a_service::with_a_long_path::module_{branch}::Handler<T>::function_at_{depth}::{{closure}}"
            )
        };
        let frames: Vec<String> = (0..45).map(frame).collect();
        text += &format!("{} {}\n", frames.join(";"), 1 + i % 50);
    }
    text
}

#[test]
fn a_large_recording_under_every_profiler_is_a_small_page() {
    let sides = [Side::A, Side::B];
    let of =
        |profiler| sides.map(|side| profile(profiler, side, &large(usize::from(side == Side::B))));
    let report = with(Profiler::ALL.into_iter().flat_map(of).collect());
    let page = page_of(&report).unwrap();
    assert!(page.len() < 4_000_000, "{} bytes", page.len());
    assert!(page.contains("of a picture are left out") && page.contains("function_at_44"));
    assert_well_formed(&page);
}

#[test]
fn one_run_and_several_have_their_own_tables() {
    let runs = compared().runs;
    let one = Results { comparison: None, runs: runs[..1].to_vec(), ..compared() };
    let page = page_of(&one).unwrap();
    assert_well_formed(&page);
    assert!(
        page.contains("Where the time went, by percentile")
            && page.contains("of its requests were answered within") | page.contains("b ")
    );
    let several = Results { comparison: None, ..compared() };
    let page = page_of(&several).unwrap();
    assert_well_formed(&page);
    assert!(page.contains("All runs, side by side"));
}

#[test]
fn a_scheduler_that_was_looked_at_has_a_section_with_pictures_and_tables() {
    let page = page_of(&with(vec![profile_of(Side::A, faulty()), profile_of(Side::B, healthy())]))
        .unwrap();
    assert_well_formed(&page);
    assert_loads_nothing(&page);
    for part in [
        "<h2>Blame</h2>",
        "requests waited for polls of made_up::buggy::import: 608 ms per request buggy",
        "fixed: no culprit",
        "buggy, above",
        "<title>worker 0: import task for 1.31 s after 40.0 ms</title>",
        "buggy: waiting by culprit and task kind; significant rows in bold",
        "name own\">polls of made_up::",
        "its workers spent 65.5 % in polls of import task",
        "0 of 130 yields after 131 wake-ups took 10 ms or more",
        "4.40 s · 88.0 %",
        "polls of a root future are not seen",
    ] {
        assert!(page.contains(part), "{part} is not in the page");
    }
    assert!(
        page.contains("in the 2.00 s in which tasks waited most"),
        "older recordings hold no more"
    );
    let whole = Timeline { from_ms: 0.0, ms: 5_000.0, ..faulty().worst.unwrap() };
    let with_whole =
        page_of(&with(vec![profile_of(Side::A, Sched { whole: Some(whole), ..faulty() })]))
            .unwrap();
    assert!(with_whole.contains("what each worker did in the whole run, 5.00 s"), "{with_whole}");
    let one = Results { comparison: None, ..with(vec![profile_of(Side::A, faulty())]) };
    let page = page_of(&one).unwrap();
    assert_well_formed(&page);
    assert!(
        page.contains("each request waited 612 ms on average, 99.2 % of it")
            && !page.contains(", above")
    );
    assert!(!page_of(&compared()).unwrap().contains("<h2>Blame</h2>"));
}

#[test]
fn names_of_a_scheduler_stay_text_and_an_empty_one_is_no_panic() {
    let mut hostile = faulty();
    for task_kind in &mut hostile.task_kinds {
        (task_kind.name, task_kind.spawned_at) = (HOSTILE.into(), format!("{HOSTILE}:1"));
        task_kind.function = Some(HOSTILE.into());
    }
    hostile.notes = vec![HOSTILE.into()];
    let mut before = profile_of(Side::A, hostile);
    before.spec.variant = HOSTILE.into();
    let page = page_of(&with(vec![before, profile_of(Side::B, Sched::default())])).unwrap();
    assert_well_formed(&page);
    assert!(!page.contains("<script>alert") && !page.contains("<i "));
    assert_eq!(page.matches("<script").count(), 1, "our own");
}
