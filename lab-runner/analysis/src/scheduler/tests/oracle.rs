//! The rules once more, wait by wait and without any cleverness, to hold the analysis against.

use crate::scheduler::tests::made::name;
use lab_recording::scheduler::{Event, Known, What};
use std::collections::{BTreeMap, BTreeSet};

/// Nanoseconds and waits by the names of culprit and victim. For lanes that are one worker each, of
/// one runtime.
pub fn charges(lanes: &[Vec<Event>], known: &Known) -> BTreeMap<(String, String), (f64, u64)> {
    let mut all: BTreeMap<(String, String), (f64, u64)> = BTreeMap::new();
    for (worker, lane) in lanes.iter().enumerate() {
        let waits = lane
            .iter()
            .filter(|event| event.what == What::Poll && event.latency_ns.is_some_and(|ns| ns > 0));
        for wait in waits {
            let mut of_wait: BTreeMap<String, f64> = BTreeMap::new();
            for (culprit, ns) in of_one(lanes, worker, wait, known) {
                *of_wait.entry(culprit).or_default() += ns;
            }
            for (culprit, ns) in of_wait {
                let charge = all.entry((culprit, task_kind(wait, known))).or_default();
                *charge = (charge.0 + ns, charge.1 + 1);
            }
        }
    }
    all
}

fn task_kind(poll: &Event, known: &Known) -> String {
    known.places.get(usize::from(poll.place)).and_then(name).unwrap_or_else(|| "not known".into())
}

fn of_one(lanes: &[Vec<Event>], worker: usize, wait: &Event, known: &Known) -> Vec<(String, f64)> {
    let (from, until) = (wait.runnable_ns().unwrap(), wait.at_ns);
    let bounds = lanes.iter().flatten().flat_map(|event| [event.at_ns, event.end_ns()]);
    let mut bounds: BTreeSet<u64> = bounds.filter(|at| (from..until).contains(at)).collect();
    bounds.extend([from, until]);
    let bounds: Vec<u64> = bounds.into_iter().collect();
    let mut charges = Vec::new();
    for bound in bounds.windows(2) {
        let ns = (bound[1] - bound[0]) as f64;
        match polled(&lanes[worker], bound[0]) {
            Some(_) => {
                let polls: Vec<&Event> =
                    lanes.iter().filter_map(|lane| polled(lane, bound[0])).collect();
                charges.extend(
                    polls.iter().map(|poll| (task_kind(poll, known), ns / polls.len() as f64)),
                );
            }
            None if asleep(&lanes[worker], bound[0]) => charges.push(("WorkerAsleep".into(), ns)),
            None => charges.push(("OutsidePolls".into(), ns)),
        }
    }
    charges
}

fn polled(lane: &[Event], at: u64) -> Option<&Event> {
    lane.iter().find(|event| event.what == What::Poll && event.at_ns <= at && at < event.end_ns())
}

fn asleep(lane: &[Event], at: u64) -> bool {
    let last = lane
        .iter()
        .rfind(|event| event.at_ns <= at && matches!(event.what, What::Park | What::Unpark));
    last.is_some_and(|event| event.what == What::Park)
}
