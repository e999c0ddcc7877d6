//! What the events of a profiler take on the threads of the program: each is done again and again
//! before anybody looks, on a thread that is there for nothing else.

use lab_kit::clock;
use lab_recording::overhead::{BLOCKS, Price};
use std::hint::black_box;
use std::thread;

/// An event with its cost, or why that is unknown.
pub(crate) type Priced = (&'static str, Result<Price, String>);

/// The cost of one event, by doing so many of them in each block. `between` is called before each
/// block and not timed.
pub(crate) fn price(events: u32, mut between: impl FnMut(), mut block: impl FnMut(usize)) -> Price {
    let mut one = |number: usize| {
        between();
        let before = clock::thread_cpu_ns();
        block(number);
        (clock::thread_cpu_ns() - before) as f64 / f64::from(events)
    };
    // The first one finds neither code nor memory where it will be.
    one(0);
    Price::of(std::array::from_fn::<f64, BLOCKS, _>(one))
}

/// Calls it that many functions down, for who walks a stack takes longer on a deep one. The blocks
/// of one cost go through the depths that stacks of asynchronous programs have, so that its
/// interval is theirs.
pub(crate) fn at_depth(block: usize, event: &mut dyn FnMut()) {
    descend(4 * (block + 1), event);
}

#[inline(never)]
fn descend(frames: usize, event: &mut dyn FnMut()) {
    match black_box(frames) {
        0 => event(),
        _ => descend(frames - 1, event),
    }
    // Else there would be one frame for all of them.
    black_box(());
}

/// Measures costs on a thread of their own, whose end is its callbacks' business.
///
/// # Errors
/// If there can be no such thread, or if it panicked.
pub(crate) fn apart<T: Send>(take: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let taken = thread::Builder::new().name("lab-price".into()).spawn_scoped(scope, take);
        let taken =
            taken.map_err(|error| format!("cannot start a thread to measure costs: {error}"))?;
        taken.join().map_err(|_| "the thread that measures costs panicked".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_does_its_events_once_more_to_warm_up() {
        let (mut blocks, mut prepared) = (Vec::new(), 0);
        let price = price(1, || prepared += 1, |number| blocks.push(number));
        assert_eq!(
            (blocks.len(), prepared, &blocks[..3]),
            (BLOCKS + 1, BLOCKS + 1, &[0, 0, 1][..])
        );
        assert!(
            price.low_ns <= price.ns && price.ns <= price.high_ns && price.low_ns >= 0.0,
            "{price:?}"
        );
    }

    #[test]
    fn an_event_happens_as_often_as_it_is_called_whatever_the_depth() {
        let mut count = 0;
        (0..BLOCKS).for_each(|block| at_depth(block, &mut || count += 1));
        assert_eq!(count, BLOCKS);
        assert_eq!(apart(|| 7), Ok(7));
        assert!(apart(|| assert_eq!(count, 0)).is_err());
    }
}
