//! The stretch of a recording in which tasks waited most, and what each worker did in it.

use crate::scheduler::charge::State;
use crate::scheduler::early::{Direction, early};
use crate::scheduler::handoff::HandOffs;
use crate::scheduler::part::{Beyond, Part};
use crate::scheduler::survey::Survey;
use crate::scheduler::sweep::{Sweep, SweepObserver};
use crate::scheduler::{Doing, Row, Segment, Timeline};
use lab_recording::scheduler::Blocks;
use std::ops::Range;

/// The length of the stretch, in nanoseconds.
const STRETCH_NS: u64 = 200_000_000;
/// Steps by which it is moved to find the worst.
const STEP_NS: u64 = 10_000_000;
/// The number of steps of a recording; a longer one has longer steps.
const MOST_STEPS: u64 = 1_000_000;
/// Pieces shorter than this, and than this part of what is shown, are joined with those beside
/// them.
const SHORTEST_NS: u64 = 100_000;
const SHORTEST_PART: u64 = 1_000;
/// Steps of the number of tasks that wait.
const WAITING: usize = 200;

/// Adds waiting up in equal steps of time.
pub struct Steps {
    from: u64,
    step: u64,
    /// The step that was added to last, and where it begins: most of what comes is inside of it.
    last: (usize, u64),
    /// Nanoseconds of waiting for workers that poll, and of all.
    sums: Vec<(f64, f64)>,
}

impl Steps {
    pub fn over(from: u64, until: u64) -> Steps {
        let wall = until.saturating_sub(from);
        let step = STEP_NS.max(wall.div_ceil(MOST_STEPS));
        Steps { from, step, last: (0, from), sums: vec![(0.0, 0.0); wall.div_ceil(step) as usize] }
    }

    pub fn add(&mut self, from: u64, until: u64, waiting: u64, in_play: u64) {
        if waiting == 0 {
            return;
        }
        let (begin, width, steps) = (self.from, self.step, self.sums.len());
        let (step, at) = self.last;
        let mut add = |step: usize, ns: u64| {
            self.last = (step, begin + step as u64 * width);
            self.sums[step].0 += ns as f64 * in_play as f64;
            self.sums[step].1 += ns as f64 * waiting as f64;
        };
        match from >= at && until - at <= width && step < steps {
            true => add(step, until - from),
            false => spread(begin, width, steps, from, until, add),
        }
    }

    /// The worst stretch: in which most is charged to polls, or if nothing is, in which most is
    /// waited.
    pub fn worst(&self, until: u64) -> Option<Range<u64>> {
        let width = ((STRETCH_NS / self.step) as usize).clamp(1, self.sums.len().max(1));
        let windows = self.sums.windows(width).enumerate().map(|(at, steps)| {
            let sum = steps.iter().fold((0.0, 0.0), |sum, step| (sum.0 + step.0, sum.1 + step.1));
            (at, sum)
        });
        let more = |a: &(f64, f64), b: &(f64, f64)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1));
        // Of equals the first.
        let (at, sum) = windows
            .reduce(|most, next| if more(&next.1, &most.1).is_gt() { next } else { most })?;
        let from = self.from.saturating_add((at as u64).saturating_mul(self.step));
        (sum.1 > 0.0).then(|| from..from.saturating_add(STRETCH_NS.min(until.saturating_sub(from))))
    }
}

/// Cuts a time at the bounds of so many steps and calls `each` with the nanoseconds in each step
/// that it reaches into.
fn spread(
    begin: u64,
    step: u64,
    steps: usize,
    from: u64,
    until: u64,
    mut each: impl FnMut(usize, u64),
) {
    let end = begin.saturating_add(step.saturating_mul(steps as u64));
    let (mut from, until) = (from.max(begin), until.min(end));
    while from < until {
        let number = (from - begin) / step;
        let next = begin.saturating_add((number + 1).saturating_mul(step)).min(until);
        each(number as usize, next - from);
        from = next;
    }
}

/// What workers did in a stretch, as it is seen going backward.
struct Scene {
    at: Range<u64>,
    rows: Vec<Backward>,
    waiting: Vec<f64>,
    waited: f64,
}

impl SweepObserver for Scene {
    const CHARGES: bool = false;

    fn looks_at(&self) -> Range<u64> {
        self.at.clone()
    }

    fn waited(&mut self, from: u64, until: u64, waiting: u64, _in_play: u64) {
        let (begin, end) = (self.at.start, self.at.end);
        if waiting == 0 || until <= begin || from >= end {
            return;
        }
        let inside = until.min(end) - from.max(begin);
        self.waited += inside as f64 * waiting as f64;
        let step = (end - begin).div_ceil(WAITING as u64).max(1);
        spread(begin, step, WAITING, from.max(begin), until.min(end), |at, ns| {
            let width = step.min((end - begin).saturating_sub(at as u64 * step)).max(1);
            self.waiting[at] += ns as f64 * waiting as f64 / width as f64;
        });
    }

    fn did(&mut self, worker: usize, from: u64, until: u64, what: State) {
        let (from, until) = (from.max(self.at.start), until.min(self.at.end));
        if from < until {
            self.rows[worker].add(from, until, what);
        }
    }
}

/// The pieces of one worker, the last first, and those that are too short so far.
struct Backward {
    /// Shorter ones are joined.
    shortest_ns: u64,
    segments: Vec<(u64, u64, State)>,
    short: Vec<(State, u64)>,
    short_from: u64,
    short_until: u64,
}

impl Backward {
    fn over(range: &Range<u64>) -> Backward {
        let shortest_ns = SHORTEST_NS.max(range.end.saturating_sub(range.start) / SHORTEST_PART);
        Backward {
            shortest_ns,
            segments: Vec::new(),
            short: Vec::new(),
            short_from: 0,
            short_until: 0,
        }
    }

    fn add(&mut self, from: u64, until: u64, what: State) {
        if until - from >= self.shortest_ns {
            self.join();
            self.push(from, until, what);
            return;
        }
        if self.short.is_empty() {
            self.short_until = until;
        }
        self.short_from = from;
        match self.short.iter_mut().find(|(known, _)| *known == what) {
            Some((_, ns)) => *ns += until - from,
            None => self.short.push((what, until - from)),
        }
        if self.short_until - self.short_from >= self.shortest_ns {
            self.join();
        }
    }

    fn join(&mut self) {
        let most = self.short.iter().max_by_key(|(_, ns)| *ns).map(|(what, _)| *what);
        self.short.clear();
        if let Some(what) = most {
            self.push(self.short_from, self.short_until, what);
        }
    }

    fn push(&mut self, from: u64, until: u64, what: State) {
        match self.segments.last_mut() {
            Some((begin, _, same))
                if *same == what && *begin == until && !matches!(what, State::Polls(_)) =>
            {
                *begin = from
            }
            _ => self.segments.push((from, until, what)),
        }
    }

    fn row(mut self, begin: u64, (runtime, worker): (u8, u16)) -> Row {
        self.join();
        let ms = |ns: u64| ns as f64 / 1e6;
        let segment = |(from, until, what): (u64, u64, State)| {
            let doing = match what {
                State::Polls(slot) => Doing::Polls(slot),
                State::Asleep => Doing::Asleep,
                State::Outside | State::Unknown => Doing::Outside,
            };
            Segment { at_ms: ms(from - begin), ms: ms(until - from), doing }
        };
        Row { runtime, worker, segments: self.segments.into_iter().rev().map(segment).collect() }
    }
}

/// What happened in a stretch; task kinds by their slots.
pub fn timeline<B: Blocks + Sync>(
    blocks: &B,
    survey: &Survey,
    hand_offs: &HandOffs,
    at: Range<u64>,
    [from_ns, until_ns]: [u64; 2],
) -> Timeline {
    let part = Part::new(blocks, survey, &at);
    let beyond =
        early(blocks, Direction::Backward, |blocks| Beyond::new(blocks, &part.ends(), survey, &at));
    let scene = Scene::new(survey, &at);
    let swept = early(&part, Direction::Backward, |part| {
        Sweep::new(part, survey, &hand_offs.cuts, &[], until_ns, scene).with(beyond).run()
    });
    swept.watch.timeline(survey, from_ns)
}

impl Scene {
    fn new(survey: &Survey, at: &Range<u64>) -> Scene {
        let rows = survey.crew.of.iter().map(|_| Backward::over(at)).collect();
        Scene { at: at.clone(), rows, waiting: vec![0.0; WAITING], waited: 0.0 }
    }

    fn timeline(self, survey: &Survey, from_ns: u64) -> Timeline {
        let at = self.at;
        let rows = self.rows.into_iter().zip(&survey.crew.of);
        let mut rows: Vec<Row> = rows.map(|(row, of)| row.row(at.start, *of)).collect();
        rows.sort_by_key(|row| (row.runtime, row.worker));
        Timeline {
            from_ms: (at.start - from_ns) as f64 / 1e6,
            ms: (at.end - at.start) as f64 / 1e6,
            waited_ms: self.waited / 1e6,
            rows,
            waiting: self.waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::handoff::{hand_offs, shared};
    use crate::scheduler::survey::survey;
    use crate::scheduler::tests::made::{Made, known};
    use crate::scheduler::tests::properties::{sane, step};
    use lab_recording::scheduler::{Event, What};
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// The lane, with looks at each poll while it was open.
    fn looked_at(lane: Vec<Event>, every: u64) -> Vec<Event> {
        let looks = |poll: &Event| -> Vec<Event> {
            let ends =
                (1..).map(|look| look * every).take_while(|length_ns| *length_ns < poll.length_ns);
            ends.filter(|_| poll.what == What::Poll)
                .map(|length_ns| Event { length_ns, open: true, ..*poll })
                .collect()
        };
        lane.into_iter()
            .flat_map(|event| looks(&event).into_iter().chain([event]).collect::<Vec<_>>())
            .collect()
    }

    proptest! {
        #[test]
        fn a_part_with_the_waits_beyond_it_is_as_good_as_the_whole(
            steps in vec(vec(step(), 0..60), 1..4),
            every in 200_000_u64..3_000_000,
            from in 0_u64..40_000_000,
            length in 1_000_u64..20_000_000,
        ) {
            let lane = |(lane, steps): (usize, &Vec<_>)| looked_at(sane(lane as u16, steps), every);
            let blocks = Made(steps.iter().enumerate().map(lane).collect());
            let (known, at) = (known(200), from..from + length);
            let survey = survey(&blocks, &known);
            let hand_offs = hand_offs(&blocks, &survey, &shared(&survey));
            let whole = Sweep::new(&blocks, &survey, &hand_offs.cuts, &[], known.until_ns, Scene::new(&survey, &at)).run();
            let part = timeline(&blocks, &survey, &hand_offs, at, [0, known.until_ns]);
            prop_assert_eq!(part, whole.watch.timeline(&survey, 0));
        }
    }
}
