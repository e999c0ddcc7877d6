//! The slowest requests, step by step: running, awaiting and where, runnable.

use crate::awaits::{Places, RequestWaits, Site};
use lab_recording::request_log::Entry;
use serde::{Deserialize, Serialize};

/// Requests that are kept.
const MOST_REQUESTS: usize = 5;
/// Shorter steps than this part of the response are merged with their neighbours.
const LEAST_PART: u64 = 200;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// It is due and not sent: the load generator is late.
    PacerLag,
    /// It is sent and was never polled.
    FirstWait,
    /// It is polled, or between two polls without a recorded wait.
    Running,
    /// It waits for the call of its waker.
    Awaiting,
    /// It was woken and waits for its poll.
    Runnable,
}

impl Doing {
    /// As a label.
    pub fn in_words(self) -> &'static str {
        match self {
            Doing::PacerLag => "pacer lag",
            Doing::FirstWait => "waiting for the first poll",
            Doing::Running => "running",
            Doing::Awaiting => "awaiting",
            Doing::Runnable => "runnable",
        }
    }
}

/// A part of a response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What the request did for most of it.
    pub doing: Doing,
    /// Where it awaited; none while it did something else, or at an unknown place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Site>,
    /// Its length, in nanoseconds.
    pub ns: u64,
}

/// A request from its intended send time to its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// The request's number.
    pub request: u32,
    /// Its response, in nanoseconds.
    pub response_ns: u64,
    /// What it did, in order; the lengths add up to the response.
    pub steps: Vec<Step>,
    /// How many steps there were before short ones were merged.
    pub unmerged: u64,
}

/// The timelines of the slowest requests. `requests` have the longest response first; `entries` are
/// all requests of the log, by number; `start_ns` is the time zero of the records.
pub fn timelines(
    requests: &[RequestWaits],
    entries: &[Entry],
    places: &Places,
    start_ns: u64,
) -> Vec<Timeline> {
    let slowest = requests.iter().take(MOST_REQUESTS);
    slowest
        .filter_map(|request| {
            let first_poll_ns = entries.get(request.number as usize)?.first_poll_ns?;
            let steps = steps(request, places, first_poll_ns.saturating_sub(start_ns));
            let response_ns = request.parts.total_ns();
            let unmerged = steps.len() as u64;
            let steps = merged(steps, response_ns / LEAST_PART);
            Some(Timeline { request: request.number, response_ns, steps, unmerged })
        })
        .collect()
}

/// All steps of a request, whose first poll is at a time of the records.
fn steps(request: &RequestWaits, places: &Places, first_poll_ns: u64) -> Vec<Step> {
    let parts = &request.parts;
    let step = |doing, ns| Step { doing, at: None, ns };
    let mut steps =
        vec![step(Doing::PacerLag, parts.lag_ns), step(Doing::FirstWait, parts.first_wait_ns)];
    let mut waits: Vec<_> = request.waits.iter().collect();
    waits.sort_by_key(|wait| wait.begin_ns);
    let (mut now_ns, mut ran_ns) = (first_poll_ns, 0);
    for wait in waits {
        let running_ns = wait.begin_ns.saturating_sub(now_ns);
        ran_ns += running_ns;
        let at = places.at(wait).map(|(_, place)| place.site.clone());
        steps.push(step(Doing::Running, running_ns));
        steps.push(Step { at, ..step(Doing::Awaiting, wait.awaited_ns) });
        steps.push(step(Doing::Runnable, wait.runnable_ns));
        let waited_ns = wait.awaited_ns.saturating_add(wait.runnable_ns);
        now_ns = wait.begin_ns.saturating_add(waited_ns);
    }
    steps.push(step(Doing::Running, parts.running_ns.saturating_sub(ran_ns)));
    steps.retain(|step| step.ns > 0);
    steps
}

/// Merges neighbours until each step has a length: a step that is long enough stands by itself, and
/// short ones between are one, called by what takes most of it.
///
/// *Example:* with a least length of 10, the steps running 2, awaiting 5, running 4, awaiting 90 are
/// awaiting 11, awaiting 90, for of the first three awaiting is the longest.
fn merged(steps: Vec<Step>, least_ns: u64) -> Vec<Step> {
    let mut merged: Vec<Step> = Vec::new();
    let mut short: Vec<Step> = Vec::new();
    for step in steps {
        let is_long = step.ns >= least_ns;
        if !is_long {
            short.push(step.clone());
        }
        let so_far: u64 = short.iter().map(|step| step.ns).sum();
        if is_long || so_far >= least_ns {
            merged.extend(together(&mut short));
        }
        if is_long {
            merged.push(step);
        }
    }
    merged.extend(together(&mut short));
    merged
}

/// One step in place of several, of which none is left; none if there are none.
fn together(steps: &mut Vec<Step>) -> Option<Step> {
    let ns = steps.iter().map(|step| step.ns).sum();
    let most = steps.drain(..).max_by_key(|step| step.ns)?;
    Some(Step { ns, ..most })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::awaits::split;
    use crate::awaits::split::tests::{entry, wait};
    use lab_recording::awaits::Recording;

    #[test]
    fn the_steps_of_a_request_add_up_to_its_response() {
        let entries = [entry(1_000, 1_001, 1_003, 1_040)];
        let recording = Recording {
            start_ns: 1_000,
            closed_ns: Some(9_999),
            records: vec![wait(20, 9, 1), wait(4, 10, 2)],
            ..Recording::default()
        };
        let (_, requests) = split(&recording, &entries, 0);
        let places = Places::of([], []);
        let timeline = timelines(&requests, &entries, &places, 1_000).remove(0);
        let steps: Vec<(Doing, u64)> =
            timeline.steps.iter().map(|step| (step.doing, step.ns)).collect();
        let first = [(Doing::PacerLag, 1), (Doing::FirstWait, 2), (Doing::Running, 1)];
        let second = [(Doing::Awaiting, 10), (Doing::Runnable, 2), (Doing::Running, 4)];
        let third = [(Doing::Awaiting, 9), (Doing::Runnable, 1), (Doing::Running, 10)];
        assert_eq!(steps, [first, second, third].concat());
        assert_eq!(timeline.response_ns, steps.iter().map(|(_, ns)| ns).sum::<u64>());
    }

    #[test]
    fn short_steps_are_merged_and_no_time_is_lost() {
        let step = |doing, ns| Step { doing, at: None, ns };
        let steps = [
            step(Doing::Running, 2),
            step(Doing::Awaiting, 5),
            step(Doing::Running, 4),
            step(Doing::Awaiting, 90),
            step(Doing::Runnable, 3),
        ];
        let merged = merged(steps.to_vec(), 10);
        let expected =
            [step(Doing::Awaiting, 11), step(Doing::Awaiting, 90), step(Doing::Runnable, 3)];
        assert_eq!(merged, expected);
    }
}
