//! Per-event costs of a profiler: CPU time of its events on the threads of the program. Each kind
//! of event is repeated before the profiler starts, on a thread of its own.

use lab_kit::clock;
use lab_recording::overhead::{BLOCKS, Price};
use std::hint::black_box;
use std::thread;

/// A kind of event with its cost, or the reason why that is unknown.
pub(crate) type Priced = (&'static str, Result<Price, String>);

/// The cost of one event. `block` does `events` of them; `between` is called before each block and
/// not timed.
pub(crate) fn price(events: u32, mut between: impl FnMut(), mut block: impl FnMut(usize)) -> Price {
    let mut one = |number: usize| {
        between();
        let before = clock::thread_cpu_ns();
        block(number);
        (clock::thread_cpu_ns() - before) as f64 / f64::from(events)
    };
    // Warm-up: the first block runs with cold caches.
    one(0);
    Price::of(std::array::from_fn::<f64, BLOCKS, _>(one))
}

/// Calls `event` below a number of stack frames: a walk takes longer on a deep stack. The blocks of
/// one cost cover the usual depths of stacks in async programs, from 4 to 80 frames, so that the
/// interval of the cost covers them too.
pub(crate) fn at_depth(block: usize, event: &mut dyn FnMut()) {
    descend(4 * (block + 1), event);
}

#[inline(never)]
fn descend(frames: usize, event: &mut dyn FnMut()) {
    match black_box(frames) {
        0 => event(),
        _ => descend(frames - 1, event),
    }
    // Prevents a tail call, which would leave a single frame.
    black_box(());
}

/// Measures costs on a thread of their own.
///
/// # Errors
/// If the thread cannot be started, or if it panicked.
pub(crate) fn on_a_thread<T: Send>(measure: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("lab-price".into()).spawn_scoped(scope, measure);
        let thread =
            thread.map_err(|error| format!("cannot start a thread to measure costs: {error}"))?;
        thread.join().map_err(|_| "the thread that measures costs panicked".to_owned())
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
        assert_eq!(on_a_thread(|| 7), Ok(7));
        assert!(on_a_thread(|| assert_eq!(count, 0)).is_err());
    }
}
