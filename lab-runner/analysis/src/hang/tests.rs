use crate::hang::*;
use lab_recording::post_mortem::*;
use proptest::collection::vec;
use proptest::prelude::*;

mod made;
use made::*;

fn text(explanation: &Explanation) -> String {
    explanation.steps.join("\n")
}

#[track_caller]
fn assert_says(explanation: &Explanation, words: &[&str]) {
    for said in words {
        assert!(text(explanation).contains(said), "{said:?} is missing in:\n{}", text(explanation));
    }
}

#[test]
fn a_runtime_dropped_in_block_in_place_waits_for_itself() {
    for end in [&DROP[..], &TIMEOUT[..]] {
        let ends = Thread {
            poll: Some(Polled { task: 12, for_ms: 3e3 }),
            ..inside_worker(4711, &in_place(end))
        };
        let mut dead = dead(vec![outside(1, &RECV), ends, idle_worker(4712)]);
        dead.tasks = Some(vec![LiveTask {
            state: TaskState::Polled(4711),
            ..task(12, "src/shutdown.rs:41")
        }]);
        let explained = explain(&dead);
        assert_eq!(
            (explained.shape, explained.has_runtime, explained.has_lock),
            (Shape::Cycle, true, false)
        );
        assert_eq!(
            explained.steps,
            [
                "task 12 (shutdown.rs:41) is polled by thread 4711, in block_in_place, and waits \
                 in the shutdown of its runtime \
                 (app.rs:14, my_app::stop) for all its threads to end",
                "thread 4711 is one of them: it cannot end before its poll returns",
            ]
        );
        assert_eq!(explained.at.unwrap().line, Some(14));
    }
}

#[test]
fn without_task_numbers_it_is_a_task_polled_by_a_thread() {
    let dead = dead(vec![outside(1, &RECV), inside_worker(4711, &in_place(&DROP))]);
    let explained = explain(&dead);
    assert_eq!(explained.shape, Shape::Cycle);
    assert_says(
        &explained,
        &["a task polled by thread 4711, in block_in_place, waits in the shutdown of its runtime"],
    );
}

#[test]
fn a_runtime_ended_on_its_own_pool_waits_for_itself() {
    for end in [&DROP[..], &TIMEOUT[..]] {
        let dead = dead(vec![outside(1, &RECV), idle_worker(2), inside_pool(3, end), idle_pool(4)]);
        let explained = explain(&dead);
        assert_eq!((explained.shape, explained.has_runtime), (Shape::Cycle, true));
        assert_says(
            &explained,
            &[
                "a blocking task on thread 3 waits in the shutdown of its runtime",
                "before its blocking task returns",
            ],
        );
    }
}

#[test]
fn the_end_of_a_runtime_waits_for_a_task_that_never_yields() {
    for end in [&DROP[..], &TIMEOUT[..]] {
        let spins = Thread {
            on_cpu: Some(0.97),
            ..inside_worker(5, &["my_app::crunch::{{closure}} | src/app.rs:31"])
        };
        let dead = dead(vec![outside(1, end), spins, idle_worker(6)]);
        let explained = explain(&dead);
        assert_eq!((explained.shape, explained.has_runtime), (Shape::NeverYields, true));
        assert_says(
            &explained,
            &[
                "thread 1 (thread-1) waits in the shutdown of a runtime (app.rs:14, my_app::stop) \
                 for all its threads to end",
                "thread 5 is one of them: it cannot end before its poll returns",
                "thread 5 computes inside a poll and does not yield (app.rs:31, my_app::crunch)",
            ],
        );
        assert_eq!(explained.at.unwrap().function, "my_app::crunch::{{closure}}");
    }
}

#[test]
fn a_blocking_task_that_stands_in_a_call_keeps_a_runtime_too() {
    let reads = inside_pool(5, &["read", "my_app::read_input | src/app.rs:9"]);
    let explained = explain(&dead(vec![outside(1, &DROP), reads, idle_worker(6)]));
    assert_eq!(explained.shape, Shape::NeverYields);
    assert_says(
        &explained,
        &["thread 5 is in a call inside a blocking task and does not yield (app.rs:9"],
    );
}

#[test]
fn one_that_computes_and_is_not_waited_for_is_told_and_not_blamed() {
    let spins =
        Thread { on_cpu: Some(0.97), ..inside_worker(5, &["my_app::crunch | src/app.rs:31"]) };
    let explained = explain(&dead(vec![outside(1, &BLOCK_ON), spins]));
    assert_eq!((explained.shape, explained.at.is_none()), (Shape::NoCycle, true));
    assert_says(
        &explained,
        &["thread 5 computes inside a poll", "but no thread or task is known to wait for it"],
    );
}

#[test]
fn a_slow_drain_is_no_cycle() {
    let mut dead = dead(vec![outside(1, &BLOCK_ON), idle_worker(2), idle_worker(3), idle_pool(4)]);
    dead.tasks = Some((0..37).map(|number| task(number, "src/app.rs:3")).collect());
    let explained = explain(&dead);
    assert_eq!(
        (explained.shape, explained.has_lock, explained.has_runtime),
        (Shape::NoCycle, false, false)
    );
    assert_eq!(
        explained.steps,
        [
            "thread 1 (thread-1) waits in block_on for its future (app.rs:14, my_app::stop)",
            "37 tasks wait, up to 5.0 s old, for something else than a lock or channel of lab-kit",
        ]
    );
}

#[test]
fn with_several_runtimes_whose_thread_it_is_is_doubted_or_told_by_its_task() {
    let mut dead = dead(vec![inside_worker(7, &in_place(&DROP))]);
    dead.runtimes.push(Runtime { number: 1, ..Runtime::default() });
    let explained = explain(&dead);
    assert_eq!(explained.shape, Shape::Cycle);
    assert_says(
        &explained,
        &["if it belongs to that one of 2 runtimes, which its stack does not show"],
    );
    // A runtime that still counts its tasks does not end: its task waits for that of another one,
    // where somebody computes.
    dead.threads
        .push(Thread { on_cpu: Some(1.0), ..inside_pool(8, &["my_app::crunch | src/app.rs:31"]) });
    dead.threads[0].poll = Some(Polled { task: 12, for_ms: 1.0 });
    dead.tasks = Some(vec![task(12, "src/app.rs:1")]);
    dead.runtimes[0].alive_tasks = 3;
    assert_eq!(explain(&dead).shape, Shape::NeverYields);
}

#[test]
fn async_locks_crosswise_are_a_cycle() {
    let mut dead = dead(vec![outside(1, &BLOCK_ON), idle_worker(2), idle_worker(3)]);
    dead.tasks =
        Some(vec![task(10, "src/app.rs:3"), task(11, "src/app.rs:4"), task(12, "src/app.rs:5")]);
    dead.watched = vec![
        lock(
            WatchedKind::AsyncLock,
            "from",
            &[(2, Some(10), 9.0)],
            &[(2, Some(11), 7.0), (2, Some(12), 3.0)],
        ),
        lock(WatchedKind::AsyncLock, "to", &[(2, Some(11), 8.0)], &[(3, Some(10), 6.0)]),
    ];
    let explained = explain(&dead);
    assert_eq!(
        (explained.shape, explained.has_lock, explained.has_runtime),
        (Shape::Cycle, true, false)
    );
    assert_eq!(explained.steps.len(), 2);
    assert_says(
        &explained,
        &[
            "task 11 (app.rs:4) waits since 7 ms (waits.rs:2) for the lock `from` (made.rs:1), \
             which task 10 (app.rs:3) holds since 9 ms (holds.rs:2)",
            "task 10 (app.rs:3) waits since 6 ms (waits.rs:3) for the lock `to` (made.rs:1), \
             which task 11 (app.rs:4) holds",
        ],
    );
    let at = explained.at.unwrap();
    assert_eq!(
        (at.function.as_str(), at.line),
        ("[waits for to]", Some(3)),
        "who came last closes it"
    );
}

#[test]
fn the_outermost_future_waits_as_its_thread() {
    let mut dead = dead(vec![outside(1, &BLOCK_ON), idle_worker(2)]);
    dead.watched = vec![
        lock(WatchedKind::AsyncLock, "a", &[(1, None, 9.0)], &[(2, Some(10), 7.0)]),
        lock(WatchedKind::AsyncLock, "b", &[(2, Some(10), 8.0)], &[(1, None, 6.0)]),
    ];
    let explained = explain(&dead);
    assert_eq!(explained.shape, Shape::Cycle);
    assert_says(
        &explained,
        &["thread 1 (thread-1) waits since 6 ms (waits.rs:1) for the lock `b`"],
    );
    assert_eq!(explained.at.unwrap().line, Some(1), "where it asked, and not where it blocks");
}

#[test]
fn a_lock_asked_for_by_who_has_it_is_a_cycle_of_one() {
    let mut dead = dead(vec![idle_worker(2)]);
    let twice = lock(WatchedKind::AsyncLock, "twice", &[(2, Some(10), 9.0)], &[(2, Some(10), 8.0)]);
    dead.watched = vec![twice];
    let explained = explain(&dead);
    assert_eq!((explained.shape, explained.steps.len()), (Shape::Cycle, 1));
}

#[test]
fn std_locks_crosswise_are_a_cycle_of_threads() {
    let mut dead = dead(vec![outside(1, &LOCK), inside_worker(2, &LOCK), outside(3, &LOCK)]);
    dead.watched = vec![
        lock(WatchedKind::Lock, "a", &[(1, None, 9.0)], &[(2, Some(5), 7.0)]),
        lock(WatchedKind::Lock, "b", &[(2, Some(5), 8.0)], &[(1, None, 6.0), (3, None, 5.0)]),
    ];
    let explained = explain(&dead);
    assert_eq!((explained.shape, explained.has_lock), (Shape::Cycle, true));
    assert_says(
        &explained,
        &[
            "task 5 is polled by thread 2 and waits since 7 ms (waits.rs:2) for the lock `a` \
             (made.rs:1), which thread 1 (thread-1) holds",
            "thread 1 (thread-1) waits since 6 ms (waits.rs:1) for the lock `b` (made.rs:1), \
             which task 5 on thread 2 holds",
        ],
    );
    assert_eq!(explained.at.unwrap().function, "my_app::transfer");
}

#[test]
fn locks_that_nobody_watches_are_told_without_a_cycle() {
    let explained = explain(&dead(vec![outside(1, &LOCK), inside_worker(2, &LOCK)]));
    assert_eq!((explained.shape, explained.has_lock), (Shape::NoCycle, true));
    assert_says(
        &explained,
        &[
            "thread 1 (thread-1) waits for a lock that blocks its thread (app.rs:21, my_app::transfer), whose holder is unknown: it is not a lock of lab-kit",
        ],
    );
}

#[test]
fn channels_full_both_ways_are_a_cycle() {
    let mut dead = dead(vec![idle_worker(2)]);
    dead.watched = vec![
        channel("there", &[(2, Some(10), 9.0)], &[(2, Some(11), 20.0)]),
        channel("back", &[(2, Some(11), 8.0)], &[(2, Some(10), 20.0)]),
    ];
    let explained = explain(&dead);
    assert_eq!((explained.shape, explained.has_lock), (Shape::Cycle, false));
    assert_says(
        &explained,
        &["task 11 waits since 8 ms (waits.rs:2) at the channel `back` (made.rs:1) for task 10 \
             on the other side"],
    );
}

#[test]
fn a_channel_with_another_sender_who_may_go_on_is_no_cycle() {
    let mut dead = dead(vec![idle_worker(2)]);
    let others = [(2, Some(11), 20.0), (2, Some(12), 20.0)];
    dead.watched = vec![
        channel("in", &[(2, Some(10), 9.0)], &others),
        channel("out", &[(2, Some(11), 8.0)], &[(2, Some(10), 20.0)]),
    ];
    assert_eq!(explain(&dead).shape, Shape::NoCycle);
    dead.watched.push(channel("more", &[(2, Some(12), 8.0)], &[(2, Some(10), 20.0)]));
    let explained = explain(&dead);
    assert_eq!(explained.shape, Shape::Cycle, "once both wait for the receiver");
    assert_says(&explained, &["one of 2 on the other side, all of which wait"]);
}

#[test]
fn a_lock_held_at_a_channel_nobody_drains_is_a_chain_that_ends_there() {
    let mut dead = dead(vec![outside(
        1,
        &["tokio::sync::mpsc::bounded::Sender<T>::blocking_send", "my_app::feed | src/app.rs:8"],
    )]);
    dead.tasks = Some(vec![task(10, "src/app.rs:3")]);
    dead.watched = vec![
        channel("feed", &[(1, None, 9.0)], &[]),
        lock(WatchedKind::AsyncLock, "state", &[(1, None, 10.0)], &[(2, Some(10), 7.0)]),
    ];
    let explained = explain(&dead);
    assert_eq!(
        (explained.shape, explained.has_lock, explained.at.is_none()),
        (Shape::NoCycle, true, true)
    );
    assert_eq!(
        explained.steps,
        [
            "task 10 (app.rs:3) waits since 7 ms (waits.rs:2) for the lock `state` (made.rs:1), \
             which thread 1 (thread-1) holds since 10 ms (holds.rs:1)",
            "thread 1 (thread-1) waits since 9 ms (waits.rs:1) at the channel `feed` (made.rs:1), \
             whose other side is unknown",
        ]
    );
}

#[test]
fn a_lock_handed_to_one_who_is_not_polled_is_held_by_nobody() {
    let mut dead = dead(vec![idle_worker(2)]);
    dead.watched = vec![lock(WatchedKind::AsyncLock, "queue", &[], &[(2, Some(10), 7.0)])];
    assert_says(
        &explain(&dead),
        &["task 10 waits", "which has no holder: it was handed to a waiter that is not polled"],
    );
}

#[test]
fn a_lock_held_across_the_end_of_a_runtime_is_no_part_of_the_shorter_cycle() {
    let ends = Thread {
        poll: Some(Polled { task: 12, for_ms: 3e3 }),
        ..inside_worker(7, &in_place(&DROP))
    };
    let mut dead = dead(vec![ends, inside_worker(8, &LOCK)]);
    dead.watched =
        vec![lock(WatchedKind::Lock, "held", &[(7, Some(12), 9.0)], &[(8, Some(13), 7.0)])];
    let explained = explain(&dead);
    assert_eq!(
        (explained.shape, explained.has_runtime, explained.has_lock),
        (Shape::Cycle, true, false)
    );
}

#[test]
fn hundreds_of_threads_and_thousands_of_tasks_take_one_screen() {
    let mut threads = vec![outside(1, &RECV), inside_worker(2, &in_place(&DROP))];
    threads.extend((10..260).map(|tid| inside_pool(tid, &LOCK)));
    threads.extend((260..500).map(idle_pool));
    // Each in a place of its own.
    threads.extend(
        (500..520).map(|tid| {
            inside_pool(tid, &["read", &format!("my_app::read_{tid} | src/app.rs:{tid}")])
        }),
    );
    let mut dead = dead(threads);
    dead.tasks = Some(
        (0..10_000).map(|number| task(number, &format!("src/app.rs:{}", number % 30))).collect(),
    );
    let waiters: Vec<_> = (0..2_000).map(|task| (2, Some(task), 5.0)).collect();
    dead.watched = (0..2_000u64)
        .map(|index| {
            lock(
                WatchedKind::AsyncLock,
                "many",
                &[(2, Some(5_000 + index), 9.0)],
                &waiters[index as usize..],
            )
        })
        .collect();
    dead.notes = vec!["one".into(), "two".into()];
    let groups = groups(&dead);
    assert_eq!(
        (groups.threads[0].count, groups.threads[1].count, groups.tasks.len()),
        (250, 240, 30)
    );
    assert_eq!(
        groups.threads[0].role,
        "a pool thread inside a blocking task, waits for a lock that blocks its thread"
    );
    let explained = explain(&dead);
    assert_eq!(explained.shape, Shape::Cycle);
    let lines = lines(&dead, &explained);
    assert!(lines.len() < 20, "{lines:#?}");
    let of = |label: &str| {
        lines.iter().filter(|line| line.0 == label).map(|line| line.1.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of("hang"), ["wait-for cycle at app.rs:14, my_app::stop"]);
    assert_eq!(of("threads")[4], "20 threads more, in 20 other places", "{lines:#?}");
    assert!(of("tasks")[2].starts_with("9332 tasks more, of 28 other kinds"), "{lines:#?}");
    assert_eq!(of("locks")[1], "1999 more locks and channels in use");
}

#[test]
fn a_long_cycle_is_cut_on_screen_and_whole_in_the_explanation() {
    let mut dead = dead(Vec::new());
    let next = |index: u64| (index + 1) % 100;
    dead.watched = (0..100)
        .map(|index| {
            lock(
                WatchedKind::AsyncLock,
                "ring",
                &[(2, Some(index), 9.0)],
                &[(2, Some(next(index)), 8.0)],
            )
        })
        .collect();
    let explained = explain(&dead);
    assert_eq!((explained.shape, explained.steps.len()), (Shape::Cycle, 100));
    let lines = lines(&dead, &explained);
    assert_eq!(
        lines.iter().filter(|line| line.1 == "and so on, 95 steps more").count(),
        1,
        "{lines:#?}"
    );
}

#[test]
fn nothing_at_all_is_no_cycle() {
    let explained = explain(&PostMortem::default());
    assert_eq!((explained.shape, explained.steps.len()), (Shape::NoCycle, 0));
    assert_eq!(lines(&PostMortem::default(), &explained).len(), 1);
}

fn names() -> impl Strategy<Value = String> {
    let known: Vec<String> = [&DROP[..], &TIMEOUT, &RECV, &BLOCK_ON, &LOCK, &WORKER, &POLL, &POOL]
        .concat()
        .iter()
        .map(|name| (*name).into())
        .collect();
    prop_oneof![3 => proptest::sample::select(known), 1 => "\\PC{0,24}", 1 => "[<>:{}#a-z-]{0,24}"]
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let frame = (names(), proptest::option::of("\\PC{0,12}"), proptest::option::of(any::<u32>()))
        .prop_map(|(function, file, line)| Frame { function, file, line });
    vec(frame, 0..12)
}

fn parties() -> impl Strategy<Value = Vec<Party>> {
    let party = (0..6u32, proptest::option::of(0..6u64), any::<f64>(), "\\PC{0,8}")
        .prop_map(|(tid, task, for_ms, place)| Party { tid, task, for_ms, place });
    vec(party, 0..4)
}

fn any_dead() -> impl Strategy<Value = PostMortem> {
    let thread = (
        0..6u32,
        frames(),
        any::<bool>(),
        proptest::option::of(any::<f64>()),
        proptest::option::of(0..6u64),
    )
        .prop_map(|(tid, stack, same_later, on_cpu, task)| Thread {
            tid,
            stack,
            same_later,
            on_cpu,
            poll: task.map(|task| Polled { task, for_ms: 1.0 }),
            ..Thread::default()
        });
    let state = prop_oneof![Just(TaskState::Waits), (0..6u32).prop_map(TaskState::Polled)];
    let task = (0..6u64, state, any::<f64>()).prop_map(|(number, state, age_ms)| LiveTask {
        number,
        state,
        age_ms,
        ..LiveTask::default()
    });
    let kind = prop_oneof![
        Just(WatchedKind::Lock),
        Just(WatchedKind::AsyncLock),
        Just(WatchedKind::Channel)
    ];
    let watched =
        (kind, parties(), parties(), parties()).prop_map(|(kind, holders, waiters, others)| {
            Watched { kind, holders, waiters, others, ..Watched::default() }
        });
    (vec(thread, 0..6), proptest::option::of(vec(task, 0..6)), vec(watched, 0..5), 0..3u8).prop_map(
        |(threads, tasks, watched, runtimes)| PostMortem {
            threads,
            tasks,
            watched,
            runtimes: (0..runtimes)
                .map(|number| Runtime { number, ..Runtime::default() })
                .collect(),
            ..PostMortem::default()
        },
    )
}

proptest! {
    #[test]
    fn no_post_mortem_makes_it_panic(dead in any_dead()) {
        let explained = explain(&dead);
        prop_assert!(lines(&dead, &explained).len() <= 20);
        prop_assert!(explained.steps.iter().all(|step| !step.is_empty()));
        prop_assert_eq!(explain(&dead), explained, "the same post-mortem always says the same");
    }
}
