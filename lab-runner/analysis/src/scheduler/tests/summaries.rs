//! The parts of a summary beside blame: the worst window, the probe, notes, and stacks.

use crate::scheduler::tests::made::{
    EventExt, IMPORT, MS, REQUEST, analysed, event, known, poll, thread,
};
use crate::scheduler::{Analysed, Doing, Stacks, stacks};
use crate::stacks::symbols::Symbols;
use lab_recording::scheduler::{Counters, Known, Probe, What};
use lab_recording::stall::{Recording, Sample};
use std::path::Path;

fn faulty() -> Analysed {
    let mut lane = vec![thread(7)];
    lane.extend((0..100).map(|i| poll(0, REQUEST, i, i * 10, i * 10 + 1).after(1)));
    lane.push(poll(0, IMPORT, 500, 1_000, 1_150));
    lane.push(poll(0, REQUEST, 501, 1_150, 1_151).after(149));
    lane.push(event(What::Park, 1_160, 0));
    lane.push(event(What::Unpark, 1_990, 0));
    analysed(vec![lane], &known(2_000))
}

#[test]
fn the_worst_stretch_is_where_polls_made_others_wait() {
    let worst = faulty().sched.worst.unwrap();
    assert_eq!((worst.from_ms, worst.ms, worst.waiting.len()), (950.0, 200.0, 200));
    assert_eq!(worst.waited_ms, 149.0 + 4.0);
    assert!(
        worst.waiting[51..200].iter().all(|waiting| (*waiting - 1.0).abs() < 1e-9),
        "{:?}",
        worst.waiting
    );
    let segments = &worst.rows[0].segments;
    let long = segments.iter().find(|segment| segment.ms == 150.0).unwrap();
    assert_eq!((long.at_ms, long.doing), (50.0, Doing::Polls(1)));
    assert!(
        (segments.iter().map(|segment| segment.ms).sum::<f64>() - 200.0).abs() < 1e-9,
        "pieces leave no gap"
    );
    let short = analysed(
        vec![vec![poll(0, IMPORT, 1, 0, 5), poll(0, REQUEST, 2, 5, 6).after(1)]],
        &known(10),
    );
    assert_eq!(short.sched.worst.map(|worst| (worst.from_ms, worst.ms)), Some((0.0, 10.0)));
}

#[test]
fn the_whole_run_is_drawn_without_a_gap_and_its_long_poll_is_where_it_was() {
    let whole = faulty().sched.whole.unwrap();
    assert_eq!((whole.from_ms, whole.ms, whole.rows.len()), (0.0, 2_000.0, 1));
    let segments = &whole.rows[0].segments;
    let long = segments.iter().max_by(|a, b| a.ms.total_cmp(&b.ms)).unwrap();
    assert_eq!((long.at_ms, long.ms, long.doing), (1_160.0, 830.0, Doing::Asleep));
    let polled = segments.iter().find(|segment| segment.doing == Doing::Polls(1)).unwrap();
    assert_eq!((polled.at_ms, polled.ms), (1_000.0, 150.0));
    assert!((segments.iter().map(|segment| segment.ms).sum::<f64>() - 2_000.0).abs() < 1e-9);
}

#[test]
fn polls_too_short_to_be_seen_are_joined() {
    let tiny = |i: u64| lab_recording::scheduler::Event {
        at_ns: i * 1_000,
        length_ns: 900,
        ..poll(0, REQUEST, i, 0, 0).after(1)
    };
    let lane = (10_000..60_000).map(tiny).collect();
    let worst = analysed(vec![lane], &known(100)).sched.worst.unwrap();
    let segments = &worst.rows[0].segments;
    assert!((400..=600).contains(&segments.len()), "{}", segments.len());
    let sum: f64 = segments.iter().map(|segment| segment.ms).sum();
    assert!((sum - 100.0).abs() < 1e-9, "{sum}");
}

#[test]
fn the_probe_tells_what_it_could_not_see() {
    let probe = |asked: u64, yielded: Option<u64>, answered: Option<u64>| Probe {
        asked_ns: asked * MS,
        yielded_ns: yielded.map(|ms| ms * MS),
        answered_ns: answered.map(|ms| ms * MS),
    };
    let probes =
        vec![probe(0, Some(1), Some(2)), probe(10, Some(60), Some(75)), probe(90, None, None)];
    let counters = (0..1_000).map(|at_ns| Counters { at_ns, ..Counters::default() }).collect();
    let sched = analysed(vec![], &Known { probes, counters, ..known(100) }).sched;
    let probe = sched.probe.unwrap();
    assert_eq!((probe.wake_ups, probe.yields, probe.long_yields), (3, 2, 1));
    assert_eq!(
        (probe.yield_us.max, probe.wake_delay_us.max, probe.wake_delay_us.count),
        (15_000.0, 50_000.0, 3)
    );
    assert_eq!(sched.counters.len(), 250);
}

#[test]
fn notes_say_what_is_missing() {
    let known = Known {
        cut: true,
        stopped: false,
        has_latency: false,
        unwatched: 1,
        trouble: Some("x".into()),
        ..known(9)
    };
    let sched = analysed(vec![vec![poll(0, IMPORT, 1, 0, 5).after(1)]], &known).sched;
    assert_eq!((sched.notes.len(), sched.dropped, sched.blame, sched.worst), (5, 1, None, None));
}

fn sample(at_ms: u64, ticks: u32, frames: Vec<u64>) -> Sample {
    Sample {
        at_ns: at_ms * MS,
        begin_ns: 1_000 * MS,
        task: 500,
        poll: 1,
        cpu_ns: 0,
        thread: 7,
        ticks,
        on_cpu: true,
        guessed: false,
        in_syscall: false,
        truncated: false,
        frames,
    }
}

fn totals(stacks: &Stacks) -> f64 {
    stacks.ms.values().sum()
}

#[test]
fn a_polls_delay_is_parted_by_its_samples() {
    let mut faulty = faulty();
    let recording = Recording {
        samples: vec![sample(1_010, 1, vec![5]), sample(1_020, 3, vec![])],
        ..Recording::default()
    };
    let mut symbols = Symbols::of_program("", Path::new("/nowhere"), (0, 0));
    let waited = faulty.sched.blame.as_ref().unwrap().waited_ms;
    let parted = stacks(&mut faulty, Some((&recording, &mut symbols)));
    assert!((totals(&parted) - waited).abs() < 1e-6);
    let unknown = "requests waits;[unknown]";
    assert!(
        (parted.ms[unknown] - 149.0).abs() < 1e-6 && (parted.waits[unknown] - 1.0).abs() < 1e-9,
        "{parted:?}"
    );
    assert!((parted.ms["requests waits;[outside polls]"] - 99.0).abs() < 1e-6, "{parted:?}");
    let without = stacks(&mut faulty, None);
    assert!((totals(&without) - waited).abs() < 1e-6);
    assert!(
        (without.ms["requests waits;[a poll of a.rs:1, not sampled]"] - 149.0).abs() < 1e-6,
        "{without:?}"
    );
    assert!(faulty.sched.task_kinds.iter().all(|task_kind| task_kind.function.is_none()));
}

#[test]
fn short_polls_have_a_frame_of_their_own_and_no_name_parts_a_line() {
    let short = |i: u64| lab_recording::scheduler::Event {
        length_ns: 100_000,
        ..poll(0, REQUEST, i, i, i).after(1)
    };
    let mut few = analysed(vec![vec![short(5), short(6)]], &known(10));
    few.sched.task_kinds[0].name = "a;b".into();
    let stacks = stacks(&mut few, None);
    assert!((stacks.ms["a:b waits;[short polls of a.rs:2]"] - 0.1).abs() < 1e-9, "{stacks:?}");
    assert_eq!(few.inflicted, []);
}

#[cfg(target_os = "linux")]
#[test]
fn a_group_is_told_no_function_that_is_nobodys_own() {
    let of_a_library = humantime::format_duration
        as fn(std::time::Duration) -> humantime::FormattedDuration as usize
        as u64;
    let foreign = libc::getpid as unsafe extern "C" fn() -> libc::pid_t as usize as u64;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut symbols = Symbols::of_program(&maps, &std::env::current_exe().unwrap(), (0, 0));
    let recording = Recording {
        samples: vec![sample(1_010, 1, vec![foreign, of_a_library + 1])],
        ..Recording::default()
    };
    let mut faulty = faulty();
    let stacks = stacks(&mut faulty, Some((&recording, &mut symbols)));
    let seen = stacks.ms.keys().find(|stack| stack.ends_with("format_duration;getpid"));
    assert!(seen.is_some_and(|stack| stack.starts_with("requests waits;")), "{stacks:?}");
    let functions: Vec<_> =
        faulty.sched.task_kinds.iter().map(|task_kind| task_kind.function.as_deref()).collect();
    assert_eq!(
        functions,
        [None, None],
        "what a task calls in a library is not where it is to be mended"
    );
}
