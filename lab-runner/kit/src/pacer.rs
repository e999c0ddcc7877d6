//! The pacer: sends requests on schedule from its own OS thread, against absolute deadlines.
//!
//! The pacer does not depend on the service under test. A late request is sent at once, and its lag
//! is recorded; the next deadline does not move. So the load is open: a stalled service cannot slow
//! its clients down, which would hide the stall.
//!
//! *Example.* Requests are due at 0, 1 and 2 ms, and the first send is interrupted for 1.5 ms. The
//! second request is sent at 1.5 ms, with a lag of 0.5 ms, and the third one at 2 ms, on time.

pub use lab_recording::request_log::Cost;

use crate::clock;
use std::thread;

/// Time before a deadline at which the pacer stops sleeping and spins. 150 µs are too few: on a
/// virtual machine an idle core returns to the hypervisor, and one wake-up in a hundred is a
/// quarter of a millisecond late. As a consequence the pacer never sleeps from 1 000 requests a
/// second on. It takes a core that no worker needs, though a blocking thread of the variant may
/// need it.
pub const SPIN_NS: u64 = 1_000_000;

/// A send that takes longer was interrupted by the kernel or the hypervisor. It is left out of the
/// cost.
const INTERRUPTED_NS: u64 = 100_000;

/// The next step towards a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Sleep until this instant.
    Sleep(u64),
    /// Read the clock again.
    Spin,
    /// Send now.
    Send,
}

/// The next step at `now_ns` towards a request that is due at `due_ns`.
///
/// With a spare core the pacer sleeps until [`SPIN_NS`] before the deadline and then spins. Without
/// one, spinning would take CPU time from the service, so the pacer sleeps until the deadline and
/// accepts the lag, which is measured.
pub fn step(now_ns: u64, due_ns: u64, spare_core: bool) -> Step {
    let margin = if spare_core { SPIN_NS } else { 0 };
    if now_ns >= due_ns {
        Step::Send
    } else if now_ns + margin < due_ns {
        Step::Sleep(due_ns - margin)
    } else {
        Step::Spin
    }
}

/// Calls `send(number, now_ns)` at each deadline. `send` returns the nanoseconds that it spent
/// waking the target. Allocates nothing and takes no lock.
pub fn follow(
    due_ns: impl IntoIterator<Item = u64>,
    spare_core: bool,
    mut send: impl FnMut(usize, u64) -> u64,
) -> Cost {
    clock::lower_timer_slack();
    let (begin_ns, cpu_begin_ns) = (clock::now_ns(), clock::thread_cpu_ns());
    let mut cost = Cost::default();
    let mut now = clock::now_ns();
    for (number, due) in due_ns.into_iter().enumerate() {
        let sent = wait_until(due, now, spare_core);
        let wake_ns = send(number, sent);
        now = clock::now_ns();
        if now - sent < INTERRUPTED_NS {
            cost.send_ns += now - sent;
            cost.wake_ns += wake_ns;
        }
    }
    Cost {
        cpu_ns: clock::thread_cpu_ns() - cpu_begin_ns,
        wall_ns: clock::now_ns() - begin_ns,
        ..cost
    }
}

/// Waits for a deadline, given the last reading of the clock, and returns the first reading at or
/// after the deadline.
fn wait_until(due_ns: u64, mut now: u64, spare_core: bool) -> u64 {
    loop {
        match step(now, due_ns, spare_core) {
            Step::Sleep(until) => clock::sleep_until_ns(until),
            Step::Spin => std::hint::spin_loop(),
            Step::Send => return now,
        }
        now = clock::now_ns();
    }
}

/// Number of cores that this process may use, by its affinity and its container's quota.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sleeps_spins_and_sends() {
        let due = 5 * SPIN_NS;
        assert_eq!(step(0, due, true), Step::Sleep(due - SPIN_NS));
        assert_eq!(step(due - 10, due, true), Step::Spin);
        assert_eq!(step(due - 10, due, false), Step::Sleep(due));
        assert_eq!(step(due, due, true), Step::Send);
    }

    #[test]
    fn every_deadline_is_served_once_in_order_and_never_early() {
        let start = clock::now_ns() + 1_000_000;
        let due: Vec<u64> = (0..200).map(|i| start + i * 20_000).collect();
        let mut sent = Vec::new();
        let cost = follow(due.iter().copied(), true, |number, now| {
            sent.push((number, now));
            0
        });
        assert!(sent.iter().map(|s| s.0).eq(0..200));
        assert!(sent.iter().zip(&due).all(|(s, due)| s.1 >= *due));
        assert!(cost.send_ns > 0 && cost.send_ns <= cost.wall_ns && cost.wake_ns == 0, "{cost:?}");
    }

    #[test]
    fn a_stall_of_the_target_moves_no_deadline() {
        let start = clock::now_ns();
        let due: Vec<u64> = (0..50).map(|i| start + i * 1_000_000).collect();
        let mut lags = Vec::new();
        follow(due.iter().copied(), false, |number, now| {
            lags.push(now - due[number]);
            if number == 10 {
                thread::sleep(std::time::Duration::from_millis(20));
            }
            0
        });
        // Numbers 11 to 29 were due during the stall: they are sent late, and none is dropped.
        assert_eq!(lags.len(), 50);
        assert!(lags[11] >= 18_000_000, "the stall shows as lag");
    }

    proptest! {
        #[test]
        fn a_step_never_passes_its_deadline(now: u32, due: u32, spare: bool) {
            let (now, due) = (u64::from(now), u64::from(due));
            match step(now, due, spare) {
                Step::Send => prop_assert!(now >= due),
                Step::Spin => prop_assert!(spare && now < due && due - now <= SPIN_NS),
                Step::Sleep(until) => prop_assert!(now < until && until <= due),
            }
        }
    }
}
