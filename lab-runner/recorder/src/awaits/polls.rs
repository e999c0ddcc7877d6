//! The profiler of waits as the kit calls it: a state for each followed future, from its first poll
//! to its end.

use super::{log, stacks, waker};
use crate::price::{Priced, price as price_of};
use crate::walk;
use lab_kit::clock;
use lab_kit::follow::{Followed, FollowedPolls, WaitProfiler, install};
use lab_recording::awaits::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};
use waker::State;

/// The event on the threads of the program: a wait, with the clone, the call and the drop of its
/// waker.
const WAIT: &str = "wait";
/// Waits in a block of a cost measurement.
const WAITS: u32 = 250;

struct Waits;

impl WaitProfiler for Waits {
    fn follow(&self, followed: Followed) -> Box<dyn FollowedPolls> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let future = match followed {
            Followed::Request(number) => Future::Request(number as u32),
            Followed::Named(name) => {
                Future::Named(stacks::number_of_name(name), NEXT.fetch_add(1, Ordering::Relaxed))
            }
        };
        Box::new(Polls { future, state: State::for_future(future) })
    }
}

struct Polls {
    future: Future,
    state: &'static State,
}

impl FollowedPolls for Polls {
    fn poll(&mut self, cx: &mut Context<'_>, poll: &mut dyn FnMut(&mut Context<'_>) -> bool) {
        self.state
            .poll(self.future, cx.waker(), &mut |waker| poll(&mut Context::from_waker(waker)));
    }
}

impl Drop for Polls {
    fn drop(&mut self) {
        self.state.end();
    }
}

/// Follows the futures of this process from now on. The recording begins with the latest waits that
/// ended before it.
pub(crate) fn prepare() {
    // A second profiler in one process would find the first one installed, and its waits recorded.
    let _ = install(Box::new(Waits));
}

/// Records the waits that are open now, and the end of the recording.
pub(crate) fn close() {
    let now_ns = clock::now_ns();
    waker::record_open(now_ns);
    log::close_at(now_ns);
}

/// The cost of a wait, without a store into the file.
pub(crate) fn price() -> Priced {
    if let Err(why) = walk::frame_pointers_work() {
        return (WAIT, Err(why));
    }
    let future = Future::Request(u32::MAX >> 1);
    let state = State::for_future(future);
    let mut leaf: Option<Waker> = None;
    let mut wait = || {
        state.poll(future, Waker::noop(), &mut |waker| {
            leaf = Some(waker.clone());
            true
        });
        leaf.take().into_iter().for_each(Waker::wake);
    };
    let price = price_of(WAITS, || (), |_block| (0..WAITS).for_each(|_| wait()));
    state.end();
    (WAIT, Ok(price))
}

/// Waits so far, by the name of their price.
pub(crate) fn counted() -> (&'static str, u64) {
    (WAIT, log::counted())
}
