//! Who is charged, rule by rule.

use crate::scheduler::tests::made::{
    EventExt, IMPORT, MS, REQUEST, analysed, edge, edges, event, known, of_task, poll, thread,
};
use lab_recording::scheduler::{CoreWait, Dropped, Event, Known, What};

#[test]
fn one_greedy_poll_is_charged_with_all_that_waits_for_its_worker() {
    let lane = vec![
        thread(7),
        poll(0, IMPORT, 1, 0, 100),
        poll(0, REQUEST, 2, 100, 101).after(60),
        poll(0, REQUEST, 3, 101, 102).after(40),
    ];
    let analysed = analysed(vec![lane], &known(110));
    // Task 3 also waits for the poll of task 2.
    assert_eq!(
        edges(&analysed),
        [edge("imports", "requests", 99.0, 2), edge("requests", "requests", 1.0, 1)]
    );
    let blame = analysed.sched.blame.unwrap();
    assert_eq!((blame.waits, blame.waited_ms), (2, 100.0));
    let [poll, other] = &analysed.inflicted[..] else { panic!("two polls inflicted something") };
    assert_eq!((poll.thread, poll.begin_ns, poll.length_ns, poll.task), (7, 0, 100 * MS, 1));
    assert_eq!((poll.by_victim.clone(), other.task), (vec![(0, 99e6, 2)], 2));
    assert_eq!(
        analysed.sched.task_kinds[0].name, "requests",
        "those that waited longest come first"
    );
    let worker = &analysed.sched.workers[0];
    assert_eq!(
        (worker.stalled_ms, worker.busy_ms, worker.outside_ms, worker.idle_ms),
        (100.0, 2.0, 8.0, 0.0)
    );
}

#[test]
fn two_workers_that_are_held_share() {
    let held = vec![poll(0, IMPORT, 1, 0, 100), poll(0, REQUEST, 3, 100, 101).after(50)];
    let serving = vec![poll(1, REQUEST, 2, 0, 80)];
    let lanes = vec![held, serving];
    // From 50 to 80 both poll, from 80 to 100 only the one that took the task.
    let analysed = analysed(lanes, &known(110));
    assert_eq!(
        edges(&analysed),
        [edge("imports", "requests", 35.0, 1), edge("requests", "requests", 15.0, 1)]
    );
}

#[test]
fn a_blocked_worker_beside_one_that_serves_has_its_share_only() {
    let blocked = vec![poll(0, IMPORT, 1, 0, 100)];
    let serving: Vec<Event> = (0..10)
        .map(|i| poll(1, REQUEST, 10 + i, 10 * i, 10 * i + 10).after(10 * i.min(1)))
        .collect();
    let analysed = analysed(vec![blocked, serving], &known(100));
    assert_eq!(
        edges(&analysed),
        [edge("imports", "requests", 45.0, 9), edge("requests", "requests", 45.0, 9)]
    );
    let import = analysed.inflicted.iter().find(|poll| poll.task == 1).unwrap();
    assert_eq!(import.by_victim, [(0, 45e6, 9)], "a poll took part in each wait once");
    assert_eq!(analysed.inflicted.len(), 10);
}

#[test]
fn a_wait_counts_once_for_a_group_that_polls_many_times() {
    let mut lane: Vec<Event> = (0..10).map(|i| poll(0, IMPORT, 1, i, i + 1)).collect();
    lane.push(poll(0, REQUEST, 2, 10, 11).after(9));
    assert_eq!(edges(&analysed(vec![lane], &known(20))), [edge("imports", "requests", 9.0, 1)]);
    // A long poll beside short ones of the worker that takes the task: one wait, not one for each
    // of these.
    let mut short: Vec<Event> = (0..5).map(|i| poll(0, REQUEST, 1, 2 * i, 2 * i + 1)).collect();
    short.push(poll(0, REQUEST, 2, 10, 11).after(10));
    let analysed = analysed(vec![short, vec![poll(1, IMPORT, 3, 0, 20)]], &known(20));
    let import = analysed.inflicted.iter().find(|poll| poll.task == 3).unwrap();
    assert_eq!(import.by_victim, [(0, 2.5e6, 1)]);
    let outside = edge("OutsidePolls", "requests", 5.0, 1);
    let [imports, requests] =
        ["imports", "requests"].map(|culprit| edge(culprit, "requests", 2.5, 1));
    assert_eq!(edges(&analysed), [outside, imports, requests]);
}

#[test]
fn a_worker_that_sleeps_or_is_outside_of_polls_is_charged_as_such() {
    let lane = vec![
        event(What::Unpark, 30, 0),
        poll(0, REQUEST, 1, 40, 41).after(40),
        event(What::Park, 50, 0),
        event(What::Unpark, 60, 0),
        poll(0, REQUEST, 2, 61, 62).after(15),
        event(What::Park, 63, 0),
    ];
    let analysed = analysed(vec![lane], &known(100));
    assert_eq!(
        edges(&analysed),
        [edge("OutsidePolls", "requests", 15.0, 2), edge("WorkerAsleep", "requests", 40.0, 2)]
    );
    let worker = &analysed.sched.workers[0];
    assert_eq!((worker.idle_ms, worker.outside_ms, worker.busy_ms), (77.0, 21.0, 2.0));
}

#[test]
fn a_poll_is_charged_though_another_worker_sleeps_if_only_its_own_can_take_the_task() {
    let lanes = vec![
        vec![poll(0, IMPORT, 1, 0, 100), poll(0, REQUEST, 2, 100, 101).after(100)],
        vec![event(What::Unpark, 150, 1), event(What::Park, 160, 1)],
    ];
    assert_eq!(edges(&analysed(lanes, &known(200))), [edge("imports", "requests", 100.0, 1)]);
}

#[test]
fn a_task_whose_budget_is_spent_waits_for_itself() {
    let lane = vec![
        of_task(What::Spawn, 1, REQUEST, 0),
        poll(0, REQUEST, 1, 0, 10).spent(),
        poll(0, IMPORT, 2, 10, 20),
        poll(0, REQUEST, 1, 20, 30).after(6),
    ];
    let analysed = analysed(vec![lane], &known(40));
    assert_eq!(
        edges(&analysed),
        [edge("OwnBudget", "requests", 4.0, 1), edge("imports", "requests", 6.0, 1)]
    );
    assert_eq!(analysed.sched.task_kinds[0].budget_spent, 1);
}

#[test]
fn a_number_that_is_given_away_again_is_another_task() {
    let lane = vec![
        of_task(What::Spawn, 1, REQUEST, 0),
        of_task(What::End, 1, REQUEST, 9),
        poll(0, REQUEST, 1, 1, 10).spent(),
        of_task(What::Spawn, 1, IMPORT, 12),
        of_task(What::End, 1, IMPORT, 25),
        poll(0, IMPORT, 1, 20, 30).after(5),
    ];
    let analysed = analysed(vec![lane], &known(40));
    assert_eq!(edges(&analysed), [edge("OutsidePolls", "imports", 5.0, 1)]);
    assert_eq!(
        analysed
            .sched
            .task_kinds
            .iter()
            .map(|task_kind| (task_kind.spawned, task_kind.ended))
            .collect::<Vec<_>>(),
        [(1, 1); 2]
    );
    assert_eq!(analysed.sched.blocking_ended, 0);
}

#[test]
fn what_ends_and_never_began_is_a_task_of_spawn_blocking() {
    let worker = vec![
        of_task(What::End, 3, REQUEST, 4),
        poll(0, REQUEST, 3, 1, 5),
        poll(0, REQUEST, 4, 5, 6),
        of_task(What::Spawn, 5, REQUEST, 7),
        of_task(What::End, 9, IMPORT, 7),
        poll(0, REQUEST, 4, 7, 8),
    ];
    let pool = vec![
        of_task(What::End, 6, IMPORT, 9),
        of_task(What::End, 4, REQUEST, 10),
        of_task(What::End, 5, REQUEST, 11),
        of_task(What::End, 5, IMPORT, 12),
    ];
    let analysed = analysed(vec![worker, pool], &known(20));
    assert_eq!(analysed.sched.blocking_ended, 3, "6, 9, and 5 once more");
    assert_eq!((analysed.sched.task_kinds.len(), analysed.sched.task_kinds[0].ended), (1, 3));
}

#[test]
fn a_poll_that_gave_its_worker_away_holds_it_no_more() {
    let first = vec![
        thread(1),
        event(What::Unpark, 1, 0),
        poll(0, IMPORT, 1, 10, 100),
        event(What::Park, 150, 3),
    ];
    let second = vec![
        poll(0, REQUEST, 2, 30, 40).after(25),
        event(What::Park, 45, 0),
        event(What::Unpark, 80, 0),
        poll(0, REQUEST, 3, 82, 90).after(4),
    ];
    let analysed = analysed(vec![first, second], &known(200));
    let expected = [
        edge("OutsidePolls", "requests", 5.0 + 2.0, 2),
        edge("WorkerAsleep", "requests", 2.0, 1),
        edge("imports", "requests", 20.0, 1),
    ];
    assert_eq!(edges(&analysed), expected);
    assert_eq!(analysed.sched.hand_offs, 1);
    assert_eq!(
        (analysed.inflicted[0].begin_ns, analysed.inflicted[0].length_ns),
        (10 * MS, 20 * MS)
    );
    let worker = &analysed.sched.workers[0];
    assert_eq!((worker.stalled_ms, worker.busy_ms, worker.idle_ms), (20.0 + 10.0, 8.0, 1.0 + 35.0));
    assert_eq!(worker.outside_ms, 200.0 - 74.0);
}

#[test]
fn of_several_looks_at_an_open_poll_the_longest_counts() {
    let lane = |last: Event| {
        vec![
            poll(0, IMPORT, 1, 0, 10).open(),
            of_task(What::Spawn, 2, REQUEST, 15),
            poll(0, IMPORT, 1, 0, 30).open(),
            of_task(What::Spawn, 3, REQUEST, 35),
            last,
        ]
    };
    let mut whole = lane(poll(0, IMPORT, 1, 0, 50));
    whole.push(poll(0, REQUEST, 2, 50, 51).after(35));
    let ended = analysed(vec![whole], &known(60));
    assert_eq!(edges(&ended), [edge("imports", "requests", 35.0, 1)]);
    let polls = |name: &str| {
        ended.sched.task_kinds.iter().find(|task_kind| task_kind.name == name).unwrap().polls
    };
    assert_eq!((polls("imports"), ended.sched.workers[0].polls), (1, 2));
    let killed = analysed(vec![lane(poll(0, IMPORT, 1, 0, 60).open())], &known(60));
    assert_eq!((killed.sched.workers[0].stalled_ms, killed.sched.workers[0].polls), (60.0, 1));
}

#[test]
fn nobody_is_charged_where_events_are_missing() {
    let lane = vec![poll(0, IMPORT, 1, 0, 10), poll(0, REQUEST, 2, 50, 51).after(45)];
    let dropped = vec![Dropped { lane: 0, from_ns: 12 * MS, until_ns: 40 * MS, events: 12_288 }];
    let analysed = analysed(vec![lane], &Known { dropped, ..known(60) });
    let expected = [
        edge("OutsidePolls", "requests", 12.0, 1),
        edge("Unknown", "requests", 28.0, 1),
        edge("imports", "requests", 5.0, 1),
    ];
    assert_eq!(edges(&analysed), expected);
    assert_eq!(analysed.sched.dropped, 12_288);
    assert!(
        analysed.sched.notes[0].starts_with("12 288 events are missing in 1 block"),
        "{:?}",
        analysed.sched.notes
    );
}

#[test]
fn what_was_before_the_recording_is_not_known() {
    let lane = vec![poll(0, IMPORT, 1, 20, 30), poll(0, REQUEST, 2, 30, 31).after(25)];
    let analysed = analysed(vec![lane], &Known { from_ns: 10 * MS, ..known(60) });
    let expected = [
        edge("OutsidePolls", "requests", 10.0, 1),
        edge("Unknown", "requests", 5.0, 1),
        edge("imports", "requests", 10.0, 1),
    ];
    assert_eq!(edges(&analysed), expected);
}

#[test]
fn the_kernel_has_its_part_of_a_window() {
    let lane = vec![
        thread(7),
        event(What::Unpark, 5, 0),
        poll(0, IMPORT, 1, 5, 25),
        poll(0, REQUEST, 2, 25, 30).after(20),
        event(What::Park, 30, 0),
    ];
    let wait =
        |(at, waited): (u64, u64)| CoreWait { at_ns: at * MS, thread: 7, waited_ns: waited * MS };
    // From 10 to 20 half of the time awake, from 20 to 40 a fifth: it sleeps from 30 on.
    let core_waits = [(10, 100), (20, 105), (40, 107)].map(wait).to_vec();
    let analysed = analysed(vec![lane], &Known { core_waits, ..known(40) });
    assert_eq!(
        edges(&analysed),
        [edge("Kernel", "requests", 6.0, 1), edge("imports", "requests", 14.0, 1)]
    );
    assert_eq!(analysed.sched.workers[0].core_wait_ms, Some(7.0));
    assert!(analysed.sched.notes.is_empty(), "{:?}", analysed.sched.notes);
}
