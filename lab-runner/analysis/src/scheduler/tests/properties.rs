//! What holds of any timeline, sane or not.

use crate::scheduler::tests::made::{Made, known, name, sums_hold, sums_hold_over};
use crate::scheduler::{Analysed, analyse};
use lab_recording::scheduler::{CoreWait, Dropped, Event, Known, What};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const KINDS: [What; 6] =
    [What::Poll, What::Spawn, What::End, What::Park, What::Unpark, What::Thread];

/// A step of a worker: sleep, be outside, or poll, for so long; of a poll its place, how long it
/// was waited for, and its budget.
pub type Step = (u8, u64, u16, Option<u64>, bool);

pub fn step() -> impl Strategy<Value = Step> {
    (0_u8..6, 0_u64..2_000_000, 0_u16..3, prop::option::of(0_u64..20_000_000), any::<bool>())
}

pub fn sane(worker: u16, steps: &[Step]) -> Vec<Event> {
    let mut at_ns = 1_000;
    let mut lane = Vec::new();
    for (kind, length_ns, place, latency_ns, budget_spent) in steps.iter().copied() {
        let event =
            Event { at_ns, worker, ..crate::scheduler::tests::made::event(What::Park, 0, worker) };
        match kind {
            0 => lane
                .extend([event, Event { what: What::Unpark, at_ns: at_ns + length_ns, ..event }]),
            1 => {}
            _ => {
                let task = u64::from(place) * 4 + u64::from(kind);
                let latency_ns = latency_ns.map(|latency| latency.min(at_ns));
                lane.push(Event {
                    what: What::Poll,
                    task,
                    length_ns,
                    latency_ns,
                    place,
                    budget_spent,
                    ..event
                });
            }
        }
        at_ns += length_ns;
    }
    lane
}

fn hostile() -> impl Strategy<Value = Event> {
    let time = || prop_oneof![Just(0), Just(u64::MAX), 0_u64..100, any::<u64>()];
    let numbers =
        (time(), time(), 0_u64..6, prop::option::of(time()), select(vec![0_u16, 1, 2, u16::MAX]));
    (select(KINDS.to_vec()), numbers, 0_u16..3, 0_u8..2, any::<(bool, bool)>()).prop_map(
        |(
            what,
            (at_ns, length_ns, task, latency_ns, place),
            worker,
            runtime,
            (budget_spent, open),
        )| Event {
            what,
            at_ns,
            length_ns,
            task,
            latency_ns,
            place,
            worker,
            runtime,
            budget_spent,
            open,
        },
    )
}

fn whole(analysed: &Analysed, wall_ms: f64) {
    sums_hold(analysed);
    workers_hold(analysed, wall_ms);
}

fn workers_hold(analysed: &Analysed, wall_ms: f64) {
    for worker in &analysed.sched.workers {
        let sum = worker.busy_ms + worker.stalled_ms + worker.idle_ms + worker.outside_ms;
        assert!((sum - wall_ms).abs() < 1e-6 * wall_ms.max(1.0), "{worker:?} {wall_ms}");
    }
}

proptest! {
    #[test]
    fn charges_are_those_of_the_rules(steps in vec(vec(step(), 0..12), 1..4)) {
        let lanes: Vec<Vec<Event>> = steps.iter().enumerate().map(|(lane, steps)| sane(lane as u16, steps)).collect();
        let known = known(100);
        let expected = crate::scheduler::tests::oracle::charges(&lanes, &known);
        let analysed = analyse(&Made(lanes), &known, &name);
        let edges = crate::scheduler::tests::made::edges(&analysed);
        let found: Vec<_> = edges.into_iter().filter(|edge| edge.0 != "OwnBudget").collect();
        prop_assert_eq!(found.len(), expected.len(), "{:?} {:?}", found, expected);
        for ((culprit, victim, ms, waits), (names, (ns, of))) in found.into_iter().zip(expected) {
            prop_assert_eq!(((culprit, victim), waits), (names, of));
            prop_assert!((ms - ns / 1e6).abs() < 2e-6, "{} {}", ms, ns);
        }
    }

    #[test]
    fn all_waiting_is_charged_once(
        lanes in vec(vec(step(), 0..40), 1..5),
        samples in vec((0_u64..3, 0_u64..40_000_000, 0_u64..5_000_000), 0..12),
        dropped in vec((0_u16..5, 0_u64..40_000_000, 0_u64..5_000_000), 0..3),
    ) {
        let lanes: Vec<Vec<Event>> = lanes.iter().enumerate().map(|(lane, steps)| {
            let mut events = vec![crate::scheduler::tests::made::thread(lane as u64)];
            events.extend(sane(lane as u16, steps));
            events
        }).collect();
        let wait = |(thread, at_ns, waited_ns): &(u64, u64, u64)| CoreWait { at_ns: *at_ns, thread: *thread, waited_ns: *waited_ns };
        let range = |(lane, from, length): &(u16, u64, u64)| Dropped { lane: *lane, from_ns: *from, until_ns: from + length, events: 1 };
        let known = Known {
            core_waits: samples.iter().map(wait).collect(),
            dropped: dropped.iter().map(range).collect(),
            ..known(100)
        };
        let polls = lanes.iter().flatten().filter(|event| event.what == What::Poll);
        let waited: f64 = polls.map(|poll| poll.latency_ns.unwrap_or(0) as f64 / 1e6).sum();
        let analysed = analyse(&Made(lanes), &known, &name);
        whole(&analysed, 100.0);
        let blame = analysed.sched.blame.as_ref().unwrap();
        let own: f64 = blame.edges.iter().filter(|edge| edge.culprit == crate::scheduler::Culprit::OwnBudget).map(|edge| edge.ms).sum();
        prop_assert!((blame.waited_ms - own - waited).abs() < 1e-6 * waited.max(1.0));
        if let Some(worst) = &analysed.sched.worst {
            for row in &worst.rows {
                prop_assert!((row.segments.iter().map(|segment| segment.ms).sum::<f64>() - worst.ms).abs() < 1e-6);
            }
            prop_assert!((worst.waiting.iter().sum::<f64>() / 200.0 * worst.ms - worst.waited_ms).abs() < 1e-3 * worst.waited_ms.max(1.0));
        }
    }

    #[test]
    fn no_recording_is_too_strange(
        lanes in vec(vec(hostile(), 0..30), 0..4),
        times in any::<(u64, u64)>(),
        samples in vec((0_u64..6, any::<u64>(), any::<u64>()), 0..12),
        dropped in vec((0_u16..5, any::<u64>(), any::<u64>()), 0..3),
    ) {
        let wait = |(thread, at_ns, waited_ns): &(u64, u64, u64)| CoreWait { at_ns: *at_ns, thread: *thread, waited_ns: *waited_ns };
        let range = |(lane, from_ns, until_ns): &(u16, u64, u64)| Dropped { lane: *lane, from_ns: *from_ns, until_ns: *until_ns, events: u64::MAX };
        let known = Known {
            from_ns: times.0,
            until_ns: times.1,
            core_waits: samples.iter().map(wait).collect(),
            dropped: dropped.iter().map(range).collect(),
            ..known(100)
        };
        let analysed = analyse(&Made(lanes), &known, &name);
        sums_hold_over(&analysed, u64::MAX as f64 / 1e6);
        workers_hold(&analysed, known.until_ns.saturating_sub(known.from_ns) as f64 / 1e6);
    }
}
