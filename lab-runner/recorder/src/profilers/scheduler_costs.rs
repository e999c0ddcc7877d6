//! What the recorder takes on the threads of the program, done on a thread of nobody while the
//! lanes listen: what they record of it is thrown away when the recorder starts.

use crate::hooks::{Hooks, SEES_POLLS, Task};
use crate::price::{Priced, price};
use crate::profilers::stall::{POLL, of_a_poll};
use crate::scheduler::lane;
use lab_recording::overhead::Price;

/// What is recorded beside polls.
pub(crate) const OTHER: &str = "sleep, waking, spawn or end";
/// Rounds of a block, of one event of each kind.
const ROUNDS: u32 = 50;
const KINDS: u32 = 4;
/// The number of no particular runtime: the last one, which all beyond the others share.
const NO_RUNTIME: u8 = 63;

/// The costs of polls and of all other events.
pub(crate) fn prices(all: &Hooks) -> Vec<Priced> {
    lane::listen(true);
    let mut prices = vec![(OTHER, Ok(of_another(all)))];
    if SEES_POLLS {
        prices.insert(0, (POLL, of_a_poll(all)));
    }
    lane::listen(false);
    prices
}

fn of_another(all: &Hooks) -> Price {
    let task = Task::made_up(u64::MAX);
    let round = || {
        all.spawned.iter().for_each(|hook| hook(&task));
        all.parks.iter().for_each(|hook| hook(NO_RUNTIME));
        all.unparks.iter().for_each(|hook| hook(NO_RUNTIME));
        all.ended.iter().for_each(|hook| hook(&task));
    };
    let price = price(ROUNDS * KINDS, || (), |_| (0..ROUNDS).for_each(|_| round()));
    all.thread_stops.iter().for_each(|hook| hook());
    price
}
