use super::*;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Wake;

const FUTURE: Future = Future::Request(7);

/// The waker of a runtime, which counts its calls.
#[derive(Default)]
struct Counted(AtomicUsize);

impl Wake for Counted {
    fn wake(self: Arc<Counted>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn runtime() -> (Arc<Counted>, Waker) {
    let counted = Arc::new(Counted::default());
    (Arc::clone(&counted), Waker::from(counted))
}

/// A leaf that is polled once and keeps its waker.
#[inline(never)]
fn lock(waker: &Waker) -> Waker {
    waker.clone()
}

fn wait_of(state: &State) -> Record {
    state.wait(
        FUTURE,
        state.begin_ns.load(Ordering::Relaxed),
        clock::now_ns(),
        [Kind::Woken, Kind::Polled],
    )
}

#[test]
fn a_clone_wakes_the_runtime_and_tells_where_it_was_made() {
    let (woken, runtime) = runtime();
    let state = State::for_future(FUTURE);
    let mut leaf = None;
    state.poll(FUTURE, &runtime, &mut |waker| {
        leaf = Some(lock(waker));
        true
    });
    assert_eq!((wait_of(state).kind, woken.0.load(Ordering::Relaxed)), (Kind::Polled, 0));
    leaf.take().unwrap().wake();
    let wait = wait_of(state);
    assert_eq!(
        (wait.kind, wait.waker, woken.0.load(Ordering::Relaxed)),
        (Kind::Woken, By::Outside, 1)
    );
    assert!(wait.place > 0 && wait.waker_stack > 0 && wait.place != wait.waker_stack);
    state.end();
}

#[test]
fn a_kept_clone_is_not_the_waker_of_the_next_poll() {
    let (_, runtime) = runtime();
    let state = State::for_future(FUTURE);
    let mut leaf: Option<Waker> = None;
    for _ in 0..3 {
        state.poll(FUTURE, &runtime, &mut |waker| {
            assert!(leaf.as_ref().is_none_or(|kept| !kept.will_wake(waker)), "so the leaf clones");
            leaf = Some(waker.clone());
            true
        });
    }
    let leaf = leaf.unwrap();
    // SAFETY: the waker is one of this module.
    let (_, slot) = unsafe { of(leaf.data()) };
    assert_eq!(slot.poll.load(Ordering::Relaxed), 3);
    drop(leaf);
    state.end();
}

#[test]
fn a_state_is_free_when_its_future_and_its_wakers_are_gone() {
    let (woken, runtime) = runtime();
    let state = State::for_future(FUTURE);
    let mut clones = Vec::new();
    state.poll(FUTURE, &runtime, &mut |waker| {
        // More than there are slots.
        clones.extend((0..2 * SLOTS).map(|_| waker.clone()));
        true
    });
    clones.push(clones[3].clone());
    assert_eq!(state.references.load(Ordering::Relaxed) as usize, 2 * SLOTS + 2);
    state.end();
    clones.pop().unwrap().wake();
    assert_eq!(woken.0.load(Ordering::Relaxed), 0, "the future is gone");
    clones.truncate(1);
    assert_eq!(state.references.load(Ordering::Relaxed), 1, "of the clone that is left");
    let used = state.slots.iter().filter(|slot| slot.used.load(Ordering::Relaxed) == 1);
    assert_eq!(used.count(), 1);
}

#[test]
fn a_panic_ends_the_poll_of_its_thread() {
    let (_, runtime) = runtime();
    let state = State::for_future(FUTURE);
    let poll = std::panic::AssertUnwindSafe(|| {
        state.poll(FUTURE, &runtime, &mut |_| panic!("a bug of the program"));
    });
    assert!(std::panic::catch_unwind(poll).is_err());
    assert!(POLLING.get().state.is_null());
    state.end();
}

#[test]
fn each_poll_of_a_set_of_futures_is_counted_with_all_of_its_leaves() {
    const LEAVES: u64 = 100;
    const POLLS: u64 = 5;
    let (_, runtime) = runtime();
    let state = State::for_future(FUTURE);
    let mut leaves: Vec<Option<Waker>> = vec![None; LEAVES as usize];
    let before = crowds();
    for _ in 0..POLLS {
        state.poll(FUTURE, &runtime, &mut |waker| {
            for leaf in &mut leaves {
                // As leaves do: what would wake the same task is kept.
                if leaf.as_ref().is_none_or(|kept| !kept.will_wake(waker)) {
                    *leaf = Some(waker.clone());
                }
            }
            true
        });
    }
    let counted = crowds();
    assert!(counted.polls >= before.polls + POLLS);
    assert!(counted.leaves >= before.leaves + POLLS * LEAVES);
    leaves.clear();
    state.end();
}
