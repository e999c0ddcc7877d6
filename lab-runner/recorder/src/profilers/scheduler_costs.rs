//! Per-event costs of the recorder. Events are recorded on a separate thread; the recorder discards
//! them when it starts.

use crate::hooks::{Hooks, SEES_POLLS, Task};
use crate::price::{Priced, price};
use crate::profilers::stall::{POLL, price_of_a_poll};
use crate::scheduler::lane;
use lab_recording::overhead::Price;

/// Events beside polls.
pub(crate) const OTHER: &str = "sleep, waking, spawn or end";
/// Rounds of a block; each round has one event of each kind.
const ROUNDS: u32 = 50;
const KINDS: u32 = 4;
/// The last runtime number, which stands for no particular runtime.
const NO_RUNTIME: u8 = 63;

/// The costs of polls and of all other events.
pub(crate) fn prices(all: &Hooks) -> Vec<Priced> {
    lane::listen(true);
    let mut prices = vec![(OTHER, Ok(price_of_another_event(all)))];
    if SEES_POLLS {
        prices.insert(0, (POLL, price_of_a_poll(all)));
    }
    lane::listen(false);
    prices
}

fn price_of_another_event(all: &Hooks) -> Price {
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
