//! Each rule both ways: it speaks at its limits and is silent below any of them; and made-up runs
//! whose answer is known.

use crate::diagnosis::rules::RULES;
use crate::diagnosis::sign::Sign;
use crate::diagnosis::suspect::{Suspect, Suspicion};
use crate::diagnosis::*;
use crate::overhead::{self, Range};
use crate::profile::View;
use crate::scheduler::{
    self, Blame, Culprit, Edge, Quantiles, Row, Sched, Segment, TaskKind, Timeline, Worker,
};
use crate::stacks::Folded;
use crate::stacks::doing::{Doing, InPolls};
use crate::stacks::stalls::LongPoll;
use lab_recording::Ending;
use lab_recording::frame::Frame;
use lab_recording::observations::MemoryAt;
use lab_recording::profiler::{Profiler, ProfilerStatus};
use lab_recording::scheduler::Counters;
use lab_recording::spec::Spec;
use lab_recording::stall::format::OUTSIDE_TASKS;
use lab_recording::threads::{HandOff, StuckThread};

fn spec() -> Spec {
    Spec::new("greedy", "buggy", lab_recording::Kind::Buggy, lab_recording::Load::DEFAULT)
}

fn at_its_limits(rule: &Rule) -> Suspect {
    rule.when
        .iter()
        .fold(Suspect::new(rule.of, None), |suspect, limit| suspect.with(limit.sign, limit.least))
}

#[test]
fn every_rule_speaks_at_its_limits_and_is_silent_below_any_of_them() {
    for rule in RULES {
        let suspect = at_its_limits(rule);
        assert_eq!(judge(&suspect).map(|rule| rule.cause), Some(rule.cause), "{rule:?}");
        for limit in rule.when {
            let below = suspect.clone().with(limit.sign, 0.99 * limit.least);
            assert!(
                judge(&below).is_none_or(|found| !std::ptr::eq(found, rule)),
                "{limit:?} of {rule:?}"
            );
            let mut unknown = suspect.clone();
            unknown.signs.remove(&limit.sign);
            assert!(
                judge(&unknown).is_none_or(|found| !std::ptr::eq(found, rule)),
                "what is not known accuses nobody"
            );
        }
    }
}

#[test]
fn every_rule_gives_its_reasons() {
    for rule in RULES {
        let texts = [rule.refuted_by, rule.remedy, rule.chapter];
        assert!(!rule.when.is_empty() && texts.iter().all(|text| !text.is_empty()), "{rule:?}");
        assert!(
            rule.when.iter().all(|limit| limit.least > 0.0 && !limit.why.is_empty()),
            "{rule:?}"
        );
    }
}

fn frame(function: &str) -> Frame {
    Frame { function: function.into(), file: Some("src/shop.rs".into()), line: Some(12) }
}

fn long_poll(ms: u64, on_cpu: f64, runnable: f64, innermost: &str) -> LongPoll {
    LongPoll {
        task: 7,
        thread: 1,
        poll: 1,
        begin_ns: 0,
        seen_ns: ms * 1_000_000,
        samples: ms as usize,
        on_cpu,
        runnable,
        stack: vec![frame(innermost), frame("shop::import::{{closure}}")],
        blamed: Some(frame("shop::import")),
        stack_share: 1.0,
        ran: None,
        waits: Vec::new(),
    }
}

/// Requests that waited so long for polls of `shop::import`, of which each of its tasks has so many
/// milliseconds.
fn sched(waited_ms: f64, waits: u64, task_ms: f64) -> Sched {
    let task_kind = |name: &str, function: Option<&str>, sum_ms: f64| TaskKind {
        name: name.into(),
        spawned_at: "src/main.rs:7".into(),
        function: function.map(Into::into),
        ended: 1,
        polls: 9,
        poll_us: Quantiles { sum: 1e3 * sum_ms, ..Quantiles::default() },
        ..TaskKind::default()
    };
    let edges = vec![Edge { culprit: Culprit::TaskKind(1), victim: 0, ms: waited_ms, waits }];
    Sched {
        task_kinds: vec![
            task_kind("requests", None, 1.0),
            task_kind("src/main.rs:7", Some("shop::import"), task_ms),
        ],
        workers: vec![Worker { busy_ms: 500.0, idle_ms: 500.0, ..Worker::default() }],
        blame: Some(Blame { waits, waited_ms, edges }),
        ..Sched::default()
    }
}

fn profile(profiler: Profiler) -> Profile {
    Profile {
        folder: "".into(),
        spec: spec(),
        profiler,
        ending: Ending::Finished,
        note: ProfilerStatus::default(),
        views: Vec::new(),
        slow: None,
        memory: Vec::new(),
        long_polls: Vec::new(),
        in_polls: Some(vec![in_polls(Doing::Computes, 1.0)]),
        sched: None,
        awaits: None,
        stuck_threads: Vec::new(),
        hand_offs: Vec::new(),
        panics: Vec::new(),
        post_mortem: None,
        overhead: Err("the clock is missing".into()),
        metrics: Default::default(),
        ops: Some(1_000),
        closed_ns: None,
        held: None,
    }
}

fn in_polls(doing: Doing, ms: f64) -> InPolls {
    InPolls { function: "shop::import".into(), file: None, line: None, doing, ms }
}

fn profile_under(sched: Sched, long_polls: Vec<LongPoll>) -> Profile {
    Profile { sched: Some(sched), long_polls, ..profile(Profiler::Sched) }
}

fn of(profile: Profile) -> Diagnosis {
    let profiles = [profile];
    diagnose(&Case {
        measured: None,
        profiles: &profiles,
        post_mortem: None,
        panics: &[],
        own_crate: None,
    })
}

fn causes(profile: Profile) -> Vec<Cause> {
    of(profile).findings.iter().map(|finding| finding.cause).collect()
}

#[test]
fn a_poll_that_does_all_the_work_is_long_and_slices_of_it_are_not() {
    let all_at_once = of(profile_under(
        sched(90_000.0, 900, 1_400.0),
        vec![long_poll(1_400, 1.0, 0.0, "serde_json::parse")],
    ));
    let finding = &all_at_once.findings[0];
    assert_eq!(
        (finding.cause, finding.function.as_deref(), finding.line),
        (Cause::LongPoll, Some("shop::import"), Some(12))
    );
    assert_eq!(finding.cost, Cost { ms: Some(90_000.0), requests: Some(900) });
    let polls_of_12_ms = |count: usize, victims_poll_us: f64| {
        let mut sched = sched(9_000.0, 900, 1_400.0);
        sched.wall_ms = 10_000.0;
        sched.task_kinds[0].poll_us.p50 = victims_poll_us;
        let poll = long_poll(12, 1.0, 0.0, "serde_json::parse");
        causes(profile_under(sched, vec![poll; count]))
    };
    assert_eq!(polls_of_12_ms(100, 4_000.0), [], "three turns of those that wait");
    assert_eq!(polls_of_12_ms(2, 20.0), [], "the longest of many short polls");
    assert_eq!(
        polls_of_12_ms(100, 20.0),
        [Cause::LongPoll],
        "six hundred turns, however long the task lives"
    );
    assert_eq!(polls_of_12_ms(400, 20.0), [], "it works all the time, and yields");
    let slices_of_9_ms = |work_ms: f64| {
        let mut sched = sched(9_000.0, 900, work_ms);
        sched.wall_ms = 10_000.0;
        sched.task_kinds[1].poll_us.p50 = 9_000.0;
        let poll = long_poll(12, 1.0, 0.0, "serde_json::parse");
        causes(profile_under(sched, vec![poll; 80]))
    };
    assert_eq!(slices_of_9_ms(7_500.0), [], "the longer of many slices, in a task that works");
    assert_eq!(slices_of_9_ms(1_000.0), [Cause::LongPoll], "a task that works now and then");
    assert_eq!(
        causes(profile_under(
            sched(9_000.0, 900, 1_400.0),
            vec![long_poll(120, 1.0, 0.0, "serde_json::parse")]
        )),
        [Cause::LongPoll],
        "slices that people notice are too long, however many there are"
    );
}

#[test]
fn a_long_poll_that_nobody_waits_for_harms_nobody() {
    let waited_for_once = sched(53.0, 1, 1_400.0);
    assert_eq!(
        causes(profile_under(waited_for_once, vec![long_poll(149, 1.0, 0.0, "serde_json::parse")])),
        []
    );
    assert_eq!(
        causes(profile_under(
            sched(0.0, 0, 1_400.0),
            vec![long_poll(1_400, 1.0, 0.0, "serde_json::parse")]
        )),
        []
    );
}

/// The import inflicts all waiting but for what is `rest`.
fn watched(share: f64, rest_ms: f64) -> Diagnosis {
    let mut sched = sched(9_000.0, 900, 1_400.0);
    sched.blame.iter_mut().for_each(|blame| blame.waited_ms = 9_000.0 + rest_ms);
    let cost = overhead::Cost {
        of_wall: Range { low: 0.0, mid: share / 2.0, high: share },
        ..overhead::Cost::default()
    };
    let profile = profile_under(sched, vec![long_poll(1_400, 1.0, 0.0, "serde_json::parse")]);
    of(Profile { overhead: Ok(cost), ..profile })
}

#[test]
fn what_is_smaller_than_what_overhead_cost_accuses_nobody_and_is_told() {
    // A tenth of all waiting.
    let (above, below) = (watched(0.099, 81_000.0), watched(0.101, 81_000.0));
    assert_eq!((above.findings[0].cause, above.below_overhead.len()), (Cause::LongPoll, 0));
    assert_eq!(
        (below.findings.len(), below.conclusion()),
        (0, Cause::NotEnoughEvidence),
        "the long poll is still there"
    );
    let small = &below.below_overhead[0];
    assert_eq!((small.cause, small.function.as_deref()), (Cause::LongPoll, Some("shop::import")));
    assert_eq!(small.reason, "10.0 % is smaller than the profiling overhead, 10.1 %");
}

#[test]
fn a_poll_that_had_no_core_is_not_long() {
    assert_eq!(
        causes(profile_under(
            sched(900.0, 9, 20.0),
            vec![long_poll(90, 0.05, 0.95, "serde_json::parse")]
        )),
        []
    );
}

#[test]
fn what_runs_outside_of_tasks_is_charged_with_the_waits_for_that() {
    let of = |culprit: Culprit| {
        let mut sched = sched(9_000.0, 90, 250.0);
        sched.workers = vec![Worker { outside_ms: 500.0, idle_ms: 500.0, ..Worker::default() }];
        sched.blame.as_mut().unwrap().edges[0].culprit = culprit;
        let poll =
            LongPoll { task: OUTSIDE_TASKS, ..long_poll(250, 0.95, 0.05, "serde_json::parse") };
        causes(profile_under(sched, vec![poll]))
    };
    assert_eq!(of(Culprit::OutsidePolls), [Cause::LongPoll]);
    assert_eq!(of(Culprit::WorkerAsleep), [], "nobody waits for it");
}

#[test]
fn what_waits_in_the_kernel_is_told_from_what_waits_for_a_lock_or_for_a_runtime() {
    let found = |innermost: &str| {
        causes(profile_under(sched(9_000.0, 90, 250.0), vec![long_poll(250, 0.0, 0.0, innermost)]))
    };
    assert_eq!(found("read"), [Cause::BlockingCall]);
    assert_eq!(
        found("std::sys::sync::mutex::futex::Mutex::lock_contended"),
        [Cause::LockAcrossStall]
    );
    assert_eq!(found("parking_lot::raw_mutex::RawMutex::lock_slow"), [Cause::LockAcrossStall]);
    assert_eq!(
        found("tokio::runtime::blocking::pool::BlockingPool::shutdown"),
        [Cause::SelfShutdown]
    );
}

#[test]
fn a_set_is_quadratic_if_what_is_turned_away_takes_its_time() {
    let set = |ms: f64, away: f64, spent: u64| {
        let mut sched = sched(0.0, 0, ms);
        sched.task_kinds[1].budget_spent = spent;
        let in_polls = vec![in_polls(Doing::Combines, ms - away), in_polls(Doing::TurnsAway, away)];
        causes(Profile { in_polls: Some(in_polls), ..profile_under(sched, Vec::new()) })
    };
    assert_eq!(set(1_200.0, 120.0, 600), [Cause::QuadraticCombinator]);
    assert_eq!(set(60.0, 6.0, 600), [], "bounded");
    assert_eq!(set(1_200.0, 6.0, 600), [], "its pieces compute");
    assert_eq!(set(1_200.0, 120.0, 3), [], "a small set");
}

#[test]
fn a_pool_is_exhausted_if_work_waits_and_no_thread_is_added() {
    let looks = |threads: fn(u64) -> u64| {
        let look = |n: u64| Counters {
            at_ns: n * 20_000_000,
            blocking_queue: Some(2),
            blocking_threads: Some(threads(n)),
            idle_blocking_threads: Some(0),
            ..Counters::default()
        };
        let mut profile = profile_under(
            Sched { counters: (0..9).map(look).collect(), ..sched(0.0, 0, 1.0) },
            Vec::new(),
        );
        profile.hand_offs = vec![HandOff {
            of_runtime: false,
            place: String::new(),
            function: "shop::index".into(),
            file: None,
            line: None,
            seen: 3,
        }];
        profile
    };
    let full = of(looks(|_| 1));
    assert_eq!(
        (full.findings[0].cause, full.findings[0].function.as_deref()),
        (Cause::PoolExhausted, Some("shop::index"))
    );
    assert_eq!(full.findings[0].cost.ms, Some(320.0));
    assert_eq!(causes(looks(|n| n)), [], "a pool that grows");
}

#[test]
fn a_thread_of_the_runtime_that_stands_in_its_end_ends_itself_and_another_may_wait() {
    let stands = |outermost: &str| {
        let names = [
            "tokio::runtime::blocking::shutdown::Receiver::wait",
            "shop::serve::{{closure}}",
            outermost,
        ];
        let stuck_threads = StuckThread {
            stack: names.map(frame).into(),
            for_ms: 1_000.0,
            looks: 10,
            ..StuckThread::default()
        };
        of(Profile {
            stuck_threads: vec![stuck_threads],
            ..profile_under(sched(0.0, 0, 1.0), Vec::new())
        })
    };
    let inside = stands("tokio::runtime::blocking::pool::Inner::run");
    assert_eq!(
        (inside.findings[0].cause, inside.findings[0].function.as_deref()),
        (Cause::SelfShutdown, Some("shop::serve"))
    );
    assert_eq!(stands("main").findings, []);
}

#[test]
fn a_symptom_is_not_told_beside_its_cause_and_a_cause_elsewhere_is() {
    let both = |elsewhere: &str| {
        let mut ends =
            long_poll(1_000, 0.0, 0.0, "tokio::runtime::blocking::pool::BlockingPool::shutdown");
        ends.blamed = Some(frame(elsewhere));
        causes(profile_under(
            sched(9_000.0, 90, 1_400.0),
            vec![long_poll(1_400, 1.0, 0.0, "serde_json::parse"), ends],
        ))
    };
    assert_eq!(both("shop::serve"), [Cause::LongPoll, Cause::SelfShutdown]);
    let at = |cause: Cause, at: &str| Finding {
        cause,
        function: Some(at.into()),
        file: None,
        line: None,
        cost: Cost::default(),
        evidence: Vec::new(),
        refuted_by: "",
        remedy: "",
        chapter: "",
    };
    let ends = at(Cause::SelfShutdown, "shop::serve");
    assert!(
        ends.explains(&at(Cause::BlockingCall, "shop::serve"))
            && ends.explains(&at(Cause::AbortedWork, "main"))
    );
    assert!(!ends.explains(&at(Cause::LongPoll, "shop::import")) && !ends.explains(&ends));
    assert!(at(Cause::LongPoll, "shop::import").explains(&at(Cause::Overload, "")));
    assert!(at(Cause::Panic, "shop::pay").explains(&at(Cause::LongPoll, "shop::pay")));
    assert!(!at(Cause::Panic, "shop::pay").explains(&at(Cause::LongPoll, "shop::import")));
    let set = at(Cause::QuadraticCombinator, "shop::drain");
    assert!(set.explains(&at(Cause::LongPoll, "shop::drain")));
    assert!(!set.explains(&at(Cause::LongPoll, "shop::import")));
    assert!(!at(Cause::LongPoll, "shop::drain").explains(&set));
}

#[test]
fn memory_leaks_if_it_grows_to_the_end_of_the_load() {
    let grows = |live: fn(u64) -> u64| {
        let look = |n: u64| MemoryAt {
            ms: n as f64 * 50.0,
            allocated: live(n),
            active: live(n),
            resident: live(n),
        };
        causes(Profile { memory: (0..60).map(look).collect(), ..profile(Profiler::Alloc) })
    };
    assert_eq!(grows(|n| 1_000_000 + 100_000 * n), [Cause::Leak]);
    assert_eq!(
        grows(|n| 1_000_000 + 100_000 * n.min(30)),
        [],
        "a backlog that is full by the middle of the load"
    );
    assert_eq!(grows(|n| 1_000_000 + 100 * n), [], "what is lost in the allocator");
}

/// A profile of a run whose memory grows by 100 kB in 50 ms, with these views.
fn leaks(views: &[(&str, &str)]) -> Profile {
    let look = |n: u64| {
        let live = 1_000_000 + 100_000 * n;
        MemoryAt { ms: n as f64 * 50.0, allocated: live, active: live, resident: live }
    };
    let view = |(name, stacks): &(&str, &str)| View {
        name: (*name).into(),
        unit: "bytes".into(),
        shows: String::new(),
        folded: Folded::parse(stacks.as_bytes()).folded,
        samples: None,
        damage: Vec::new(),
    };
    Profile {
        memory: (0..60).map(look).collect(),
        views: views.iter().map(view).collect(),
        ..profile(Profiler::Alloc)
    }
}

const TABLE: &str = "main;shop::load;alloc::vec::Vec::push 9000000\n";
const SESSIONS: &str = "\
tokio::runtime::task::raw::poll;shop::session::{closure#0};alloc::vec::Vec::push 4000000
tokio::runtime::task::raw::poll;lab_kit::requests::serve;shop::serve;tokio::task::spawn 500000
tokio::runtime::task::raw::poll;lab_kit::requests::serve;tokio::task::spawn 400000
";

#[test]
fn a_leak_is_in_the_function_whose_memory_grew_and_not_in_the_one_that_holds_most() {
    let live = format!("{TABLE}{SESSIONS}");
    let named = |views: &[(&str, &str)]| {
        let found = of(leaks(views));
        assert_eq!(found.findings.len(), 1, "{found:?}");
        (found.findings[0].function.clone(), found.findings[0].evidence.clone())
    };
    let (function, evidence) = named(&[("alloc live", &live), ("alloc growth", SESSIONS)]);
    assert_eq!(function.as_deref(), Some("shop::session"));
    let share = "81.6 % of the memory that was added after the first sixth of the load and kept \
                 was allocated inside shop::session";
    assert_eq!(evidence.last().map(String::as_str), Some(share));
    let (function, evidence) = named(&[("alloc live", &live)]);
    assert_eq!(function.as_deref(), Some("shop::load"), "without growth, what is alive");
    assert!(evidence.last().unwrap().contains("memory alive at the end"), "{evidence:?}");
    let (function, _) = named(&[("alloc live", &live), ("alloc growth", "")]);
    assert_eq!(function.as_deref(), Some("shop::load"), "growth without a sample says nothing");
    assert_eq!(named(&[]).0, None);
}

#[test]
fn a_leak_of_many_functions_or_of_libraries_alone_is_in_no_one_of_them() {
    let named = |growth: &str| of(leaks(&[("alloc growth", growth)])).findings[0].function.clone();
    let many: String = (0..10).map(|n| format!("main;shop::part_{n} 1000\n")).collect();
    assert_eq!(named(&many), None);
    assert_eq!(named("main;lab_kit::requests::serve;serde_json::parse 1000\n"), None);
    assert_eq!(named("main;shop::keep<shop::Order>;alloc::x 1000\n").unwrap(), "shop::keep");
}

#[test]
fn a_sixth_grows_if_it_adds_a_quarter_of_the_mean() {
    let grows = |live: fn(u64) -> u64| {
        let look = |n: u64| MemoryAt {
            ms: n as f64 * 50.0,
            allocated: live(n),
            active: live(n),
            resident: live(n),
        };
        causes(Profile { memory: (0..60).map(look).collect(), ..profile(Profiler::Alloc) })
    };
    // Sixths are ten looks long. The cache is full after 24 looks, and requests in flight add a
    // little more at each look.
    assert_eq!(grows(|n| 1_000_000 + 100_000 * n.min(24) + 500 * n), []);
    // What a session holds grows as well, so that later sixths add more than earlier ones.
    assert_eq!(grows(|n| 1_000_000 + 10_000 * n * n), [Cause::Leak]);
    assert_eq!(grows(|n| 1_000_000 + 300 * n * n * n), [Cause::Leak], "a slow start");
    let with_dump = |n: u64| 1_000_000 + 10_000 * n + if n == 9 { 90_000 } else { 0 };
    assert_eq!(grows(with_dump), [Cause::Leak], "a dump of the heap after the first sixth");
    assert_eq!(grows(|n| 3_000_000 - 2_000_000 / (1 + n / 4)), [], "it fills up ever more slowly");
}

#[test]
fn who_did_not_look_does_not_call_anything_healthy() {
    let blind = of(profile(Profiler::Alloc));
    assert_eq!((blind.conclusion(), blind.findings.len()), (Cause::NotEnoughEvidence, 0));
    assert!(
        blind.not_examined.iter().any(|what| what.contains("the profiler sched did not run")),
        "{blind:?}"
    );
    assert_eq!(of(profile_under(sched(0.0, 0, 1.0), Vec::new())).conclusion(), Cause::Healthy);
    let unavailable = Profile {
        note: ProfilerStatus::unavailable("no hooks"),
        ..profile_under(sched(0.0, 0, 1.0), Vec::new())
    };
    assert!(of(unavailable).not_examined.iter().any(|what| what.contains("no hooks")));
}

#[test]
fn signs_have_words_with_their_numbers() {
    assert_eq!(Sign::LongestPollMs.in_words(1_432.0), "longest poll 1.43 s");
    assert_eq!(
        Sign::ShareOfTask.in_words(0.5),
        "one poll did 50.0 % of the work of a task of this kind"
    );
    let of = |suspicion| RULES.iter().filter(|rule| rule.of == suspicion).count();
    assert!(of(Suspicion::Polls) >= 4);
}

fn panic_in(outermost: &str, text: &str, times: u64) -> Panic {
    let names = ["std::panicking::begin_panic", "shop::order::{{closure}}", outermost];
    Panic {
        thread: "tokio-rt-worker".into(),
        text: text.into(),
        stack: names.map(frame).into(),
        times,
    }
}

fn with_panics(panics: Vec<Panic>) -> Diagnosis {
    let waits = profile_under(
        sched(90_000.0, 900, 1_400.0),
        vec![long_poll(1_400, 1.0, 0.0, "serde_json::parse")],
    );
    of(Profile { panics, ..waits })
}

#[test]
fn a_panic_of_a_task_is_the_first_finding_with_its_text_its_place_and_its_count() {
    let text = "panicked at src/shop.rs:12:5:\nno such order";
    let found = with_panics(vec![panic_in("tokio::runtime::task::raw::poll", text, 7)]);
    let causes: Vec<Cause> = found.findings.iter().map(|finding| finding.cause).collect();
    assert_eq!(causes, [Cause::Panic, Cause::LongPoll], "before the costlier one");
    let first = &found.findings[0];
    assert_eq!((first.function.as_deref(), first.line), (Some("shop::order"), Some(12)));
    assert_eq!(first.evidence[0], "tasks panicked 7 times");
    assert!(first.evidence[1].contains("src/shop.rs:12:5: no such order"), "{:?}", first.evidence);
}

#[test]
fn a_panic_outside_of_tasks_or_of_a_runtime_that_refuses_is_no_panic_of_a_task() {
    let causes = |outermost: &str, text: &str| {
        let found = with_panics(vec![panic_in(outermost, text, 1)]);
        found.findings.iter().map(|finding| finding.cause).collect::<Vec<_>>()
    };
    assert_eq!(causes("main", "no such order"), [Cause::LongPoll]);
    assert_eq!(causes("my_app::runtime::task::raw::poll", "no such order"), [Cause::LongPoll]);
    let refuses = "Cannot drop a runtime in a context where blocking is not allowed";
    assert!(!causes("tokio::runtime::task::raw::poll", refuses).contains(&Cause::Panic));
}

#[test]
fn a_worker_in_a_poll_that_people_notice_withholds_healthy() {
    let found = |ms: u64, runnable: f64| {
        of(profile_under(
            sched(0.0, 0, 1.0),
            vec![long_poll(ms, 1.0, runnable, "serde_json::parse")],
        ))
    };
    let stands = found(250, 0.0);
    assert_eq!((stands.findings.len(), stands.conclusion()), (0, Cause::NotEnoughEvidence));
    assert_eq!(stands.unexplained, ["a worker was inside one poll of shop::import for 250 ms"]);
    assert_eq!(found(90, 0.0).conclusion(), Cause::Healthy);
    assert_eq!(found(250, 0.7).conclusion(), Cause::Healthy, "it had no core");
}

/// A healthy-looking profiled run beside a measured one with these metrics.
fn beside(measured: &[(&str, f64)], profiled: &[(&str, f64)]) -> Diagnosis {
    let run = crate::comparison::paired::tests::run(1, "a", measured);
    let metrics = profiled.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    let profiles = [Profile { metrics, ..profile_under(sched(0.0, 0, 1.0), Vec::new()) }];
    diagnose(&Case {
        measured: Some(&run),
        profiles: &profiles,
        post_mortem: None,
        panics: &[],
        own_crate: None,
    })
}

#[test]
fn a_symptom_that_the_profiled_run_does_not_have_withholds_healthy() {
    let missing = beside(&[("response_p99_us", 240_000.0)], &[("response_p99_us", 900.0)]);
    assert_eq!(missing.conclusion(), Cause::NotEnoughEvidence);
    assert_eq!(
        missing.unexplained,
        ["the slow requests of the measured run are not in the sched run: p99 900 µs there, \
             240 ms here"]
    );
    for (measured, profiled) in [(240_000.0, 200_000.0), (9_000.0, 30.0)] {
        let found = beside(&[("response_p99_us", measured)], &[("response_p99_us", profiled)]);
        assert_eq!(
            (found.conclusion(), found.unexplained),
            (Cause::Healthy, Vec::<String>::new()),
            "{measured}"
        );
    }
    assert_eq!(
        beside(&[], &[]).conclusion(),
        Cause::Healthy,
        "what was not measured is no symptom"
    );
}

#[test]
fn a_request_without_an_answer_withholds_healthy_and_an_error_does_not() {
    let left = beside(&[("lost", 0.0), ("unfinished", 3.0)], &[("lost", 0.0), ("unfinished", 0.0)]);
    assert_ne!(left.conclusion(), Cause::Healthy);
    assert!(left.unexplained[0].starts_with("3 requests have no answer"), "{:?}", left.unexplained);
    assert!(left.unexplained[1].contains("not in the sched run"), "{:?}", left.unexplained);
    let errors = beside(&[("lost", 0.0), ("unfinished", 0.0), ("errors", 30.0)], &[]);
    assert_eq!((errors.conclusion(), errors.unexplained.len()), (Cause::Healthy, 0));
}

/// Requests that each have one poll of 12 ms and wait for each other, with workers that were so
/// busy.
fn requests_of_12_ms(busy_ms: f64, longest_ms: u64) -> Vec<Cause> {
    let mut of_requests = sched(90_000.0, 900, 12.0);
    of_requests.task_kinds[0].function = Some("shop::import".into());
    of_requests.task_kinds[0].poll_us.p50 = 12_000.0;
    of_requests.task_kinds[0].poll_us.sum = 12_000.0;
    of_requests.task_kinds[1].function = None;
    of_requests.blame.iter_mut().flat_map(|blame| &mut blame.edges).for_each(|edge| {
        edge.culprit = Culprit::TaskKind(0);
    });
    of_requests.workers[0].busy_ms = busy_ms;
    of_requests.workers[0].idle_ms = 1_000.0 - busy_ms;
    causes(profile_under(of_requests, vec![long_poll(longest_ms, 1.0, 0.0, "serde_json::parse")]))
}

#[test]
fn a_handler_under_too_much_load_is_not_accused_of_what_each_request_does() {
    assert_eq!(requests_of_12_ms(990.0, 12), []);
    assert_eq!(requests_of_12_ms(300.0, 12), [Cause::LongPoll], "there was time for all");
    assert_eq!(requests_of_12_ms(990.0, 60), [Cause::LongPoll], "one of them is unlike the others");
}

/// A poll of `shop::import` for half of a second on one of two workers, with so many tasks that wait
/// meanwhile, and what the other worker does.
fn beside_another_worker(waiting: f64, other: scheduler::Doing) -> Vec<Cause> {
    let mut two = sched(90_000.0, 900, 500.0);
    let segment = |doing| Segment { at_ms: 0.0, ms: 500.0, doing };
    let row = |worker: u16, doing| Row { worker, segments: vec![segment(doing)], ..Row::default() };
    two.whole = Some(Timeline {
        ms: 1_000.0,
        waiting: [vec![waiting; 50], vec![0.0; 50]].concat(),
        rows: vec![row(0, scheduler::Doing::Polls(1)), row(1, other)],
        ..Timeline::default()
    });
    causes(profile_under(two, vec![long_poll(500, 1.0, 0.0, "serde_json::parse")]))
}

#[test]
fn a_worker_that_sleeps_beside_a_long_poll_while_requests_wait_does_not_look_for_them() {
    assert_eq!(beside_another_worker(40.0, scheduler::Doing::Asleep), [Cause::DriverStarvation]);
    assert_eq!(beside_another_worker(40.0, scheduler::Doing::Polls(0)), [Cause::LongPoll]);
    assert_eq!(
        beside_another_worker(1.0, scheduler::Doing::Asleep),
        [Cause::LongPoll],
        "one task may wait in the slot of the worker that woke it"
    );
}

/// A poll that was open for the last milliseconds of a load of a second.
fn open_for(ms: u64) -> Vec<Cause> {
    let mut poll = long_poll(ms, 1.0, 0.0, "shop::add_up");
    poll.begin_ns = 2_000_000_000 - 1_000_000 * ms;
    let mut open = profile_under(sched(0.0, 0, 900.0), vec![poll]);
    open.spec.load.duration_ms = 1_000;
    open.closed_ns = Some(2_000_000_000);
    causes(open)
}

#[test]
fn a_poll_that_is_open_for_the_whole_load_never_yields() {
    assert_eq!(open_for(950), [Cause::NeverYields], "whether somebody waits for it or not");
    assert_eq!(open_for(700), [Cause::LongPoll], "it may have an end");
    assert_eq!(open_for(300), [], "nobody waited for it");
    let answered_after = |unfinished: f64| {
        let mut poll = long_poll(950, 1.0, 0.0, "shop::import");
        poll.begin_ns = 1_050_000_000;
        let mut open = profile_under(sched(90_000.0, 900, 900.0), vec![poll]);
        open.spec.load.duration_ms = 1_000;
        open.closed_ns = Some(2_010_000_000);
        open.metrics.insert("unfinished".into(), unfinished);
        causes(open)
    };
    assert_eq!(answered_after(0.0), [Cause::LongPoll], "it ended before those that waited for it");
    assert_eq!(answered_after(900.0), [Cause::NeverYields]);
    let mut starved = long_poll(950, 1.0, 0.6, "shop::add_up");
    starved.begin_ns = 1_050_000_000;
    let mut open = profile_under(sched(0.0, 0, 900.0), vec![starved]);
    open.spec.load.duration_ms = 1_000;
    open.closed_ns = Some(2_000_000_000);
    assert_eq!(causes(open), [], "the host kept it from its end");
}

/// So many threads of a pool of four, each for two seconds in such a job, with work behind them.
fn pool_of_four(threads: u32, job: &str) -> Vec<Cause> {
    let mut full = sched(0.0, 0, 1.0);
    let reading = |at_ns: u64| Counters {
        at_ns,
        blocking_queue: Some(7),
        blocking_threads: Some(4),
        idle_blocking_threads: Some(0),
        ..Counters::default()
    };
    full.counters = (0..100).map(|number| reading(number * 20_000_000)).collect();
    let stack = [
        job,
        "shop::render",
        "tokio::runtime::task::raw::poll",
        "tokio::runtime::blocking::pool::Inner::run",
    ];
    let thread = |tid| StuckThread {
        tid,
        stack: stack.map(frame_without_file).into(),
        for_ms: 1_900.0,
        ..StuckThread::default()
    };
    let stuck_threads = (0..threads).map(thread).collect();
    causes(Profile { stuck_threads, ..profile_under(full, Vec::new()) })
}

fn frame_without_file(function: &str) -> Frame {
    Frame { function: function.into(), file: None, line: None }
}

#[test]
fn a_pool_whose_jobs_all_wait_is_deadlocked_and_one_with_a_job_that_goes_on_is_too_small() {
    let waits = "tokio::runtime::park::CachedParkThread::block_on";
    assert_eq!(pool_of_four(4, waits), [Cause::PoolDeadlock]);
    assert_eq!(pool_of_four(3, waits), [Cause::PoolExhausted]);
    assert_eq!(pool_of_four(4, "std::thread::sleep"), [Cause::PoolExhausted]);
}

/// A task with a million polls of so many microseconds, beside 1 000 answered requests in 3 s.
fn polled_a_million_times(us: f64) -> Vec<Cause> {
    let mut often = sched(0.0, 0, 1.0);
    often.wall_ms = 3_000.0;
    often.task_kinds[1].polls = 1_000_000;
    often.task_kinds[1].poll_us.sum = us * 1e6;
    causes(profile_under(often, Vec::new()))
}

/// As many polls of half a microsecond, in so many tasks, of which so many ended.
fn a_million_polls_of(tasks: u64, ended: u64) -> Vec<Cause> {
    let mut woken = sched(0.0, 0, 1.0);
    woken.wall_ms = 3_000.0;
    woken.task_kinds[1].polls = 1_000_000;
    woken.task_kinds[1].poll_us.sum = 500_000.0;
    (woken.task_kinds[1].spawned, woken.task_kinds[1].ended) = (tasks, ended);
    causes(profile_under(woken, Vec::new()))
}

#[test]
fn many_tasks_that_each_request_wakes_in_vain_are_a_storm_and_a_few_are_a_busy_loop() {
    assert_eq!(a_million_polls_of(1_000, 0), [Cause::WakeStorm]);
    assert_eq!(a_million_polls_of(2, 0), [Cause::BusyLoop]);
    assert_eq!(a_million_polls_of(1_000_000, 1_000_000), [], "each poll is a task's whole work");
}

#[test]
fn a_loop_without_an_event_is_busy_and_one_that_yields_after_each_piece_of_work_is_not() {
    assert_eq!(polled_a_million_times(0.5), [Cause::BusyLoop]);
    assert_eq!(polled_a_million_times(1.5), []);
}

/// A task with 50 000 polls in 3 s, of so many microseconds each and with so many spent budgets,
/// beside 100 answered requests.
fn spends_budgets(us: f64, spent: u64) -> Vec<Cause> {
    let mut often = sched(0.0, 0, 1.0);
    often.wall_ms = 3_000.0;
    often.task_kinds[1].polls = 50_000;
    often.task_kinds[1].poll_us.sum = us * 50_000.0;
    often.task_kinds[1].budget_spent = spent;
    causes(Profile { ops: Some(100), ..profile_under(often, Vec::new()) })
}

#[test]
fn a_loop_over_what_is_always_ready_is_busy_and_one_that_takes_messages_is_not() {
    assert_eq!(spends_budgets(20.0, 50_000), [Cause::BusyLoop]);
    assert_eq!(spends_budgets(20.0, 25_000), [], "half of the polls waited for more");
    assert_eq!(spends_budgets(200.0, 50_000), [], "more than a microsecond for each message");
}

#[test]
fn requests_that_wait_for_busy_workers_are_overload_and_name_what_occupies_them() {
    let found = |busy_ms: f64, p50_us: f64| {
        let run = crate::comparison::paired::tests::run(1, "a", &[("response_p50_us", p50_us)]);
        let mut sched = sched(90_000.0, 900, 1_400.0);
        sched.workers = vec![Worker { busy_ms, idle_ms: 1_000.0 - busy_ms, ..Worker::default() }];
        let all = crate::awaits::Parts { runnable_ns: 9_000_000_000, ..Default::default() };
        let split = crate::awaits::Split { requests: 100, all, ..Default::default() };
        let awaits = Some(crate::awaits::Awaits { split, ..Default::default() });
        let profile = Profile { awaits, ..profile_under(sched, Vec::new()) };
        let case = Case {
            measured: Some(&run),
            profiles: &[profile],
            panics: &[],
            post_mortem: None,
            own_crate: None,
        };
        let findings = diagnose(&case).findings;
        findings.into_iter().map(|finding| (finding.cause, finding.function)).collect::<Vec<_>>()
    };
    assert_eq!(found(950.0, 80_000.0), [(Cause::Overload, Some("shop::import".to_owned()))]);
    assert_eq!(found(500.0, 80_000.0), [], "a worker is free now and then");
    assert_eq!(
        found(950.0, 900.0),
        [],
        "half of the measured requests take less than a millisecond"
    );
}
