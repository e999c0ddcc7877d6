//! Polls that gave their worker away: `block_in_place` hands the core to another thread and goes on
//! without one.

use crate::scheduler::lanes::forward;
use crate::scheduler::survey::Survey;
use lab_recording::scheduler::{Blocks, Event, What};

/// Polls that are remembered to have given their worker away; of more it is counted alone.
const MOST: usize = 1_000_000;

/// Where polls gave their worker away.
#[derive(Default)]
pub struct HandOffs {
    /// By lane, in the order of the polls: when the poll began, and when another thread had its
    /// worker.
    pub cuts: Vec<Vec<(u64, u64)>>,
    pub count: u64,
}

/// Workers that several threads were.
pub fn shared(survey: &Survey) -> Vec<bool> {
    let mut lanes = vec![0_u32; survey.crew.of.len()];
    survey.lanes.iter().flat_map(|lane| &lane.workers).for_each(|worker| lanes[*worker] += 1);
    lanes.into_iter().map(|lanes| lanes > 1).collect()
}

/// Looks for polls during which another thread has their worker. Reads only lanes of workers that
/// several threads were.
pub fn hand_offs(blocks: &impl Blocks, survey: &Survey, shared: &[bool]) -> HandOffs {
    let mut found = HandOffs { cuts: vec![Vec::new(); blocks.lanes()], count: 0 };
    let mut running: Vec<Vec<Running>> = vec![Vec::new(); survey.crew.of.len()];
    let lanes = (0..blocks.lanes())
        .filter(|lane| survey.lanes[*lane].workers.iter().any(|worker| shared[*worker]));
    forward(
        blocks,
        lanes,
        |event| event.at_ns,
        |lane, _, event| {
            let works = matches!(event.what, What::Poll | What::Park | What::Unpark);
            if let Some(worker) = survey.crew.get(event).filter(|worker| works && shared[*worker]) {
                found.event(&mut running[worker], lane, event);
            }
        },
    );
    found.cuts.iter_mut().for_each(|cuts| cuts.sort_unstable());
    found
}

/// A poll that may still go on.
#[derive(Clone, Copy)]
struct Running {
    lane: usize,
    begin: u64,
    end: u64,
}

impl HandOffs {
    fn event(&mut self, running: &mut Vec<Running>, lane: usize, event: &Event) {
        let at = event.at_ns;
        running.retain(|poll| {
            let given = poll.lane != lane && poll.begin < at && at < poll.end;
            if given {
                self.add(*poll, at);
            }
            !given && poll.end > at && (poll.lane != lane || poll.begin == at)
        });
        if event.what == What::Poll {
            match running.iter_mut().find(|poll| poll.lane == lane) {
                Some(looked_at) => looked_at.end = looked_at.end.max(event.end_ns()),
                None => running.push(Running { lane, begin: at, end: event.end_ns() }),
            }
        }
    }

    fn add(&mut self, poll: Running, at: u64) {
        self.count += 1;
        if self.count <= MOST as u64 {
            self.cuts[poll.lane].push((poll.begin, at));
        }
    }
}
