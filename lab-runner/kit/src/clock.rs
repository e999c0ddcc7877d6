//! The one clock of the lab: `CLOCK_MONOTONIC` in nanoseconds, the same axis in parent, child and
//! kernel.
//!
//! `std::time::Instant` reads the same clock and hides its value; a recording needs the value.

use rustix::time::{ClockId, Timespec, clock_gettime};

const NANOS: u64 = 1_000_000_000;

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub fn now_ns() -> u64 {
    nanos(clock_gettime(ClockId::Monotonic))
}

/// CPU time that the calling thread has used, in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    nanos(clock_gettime(ClockId::ThreadCPUTime))
}

/// CPU time that the whole process has used, in nanoseconds.
pub fn process_cpu_ns() -> u64 {
    nanos(clock_gettime(ClockId::ProcessCPUTime))
}

/// Sleeps until `CLOCK_MONOTONIC` reaches `at_ns`. May return early when a signal arrives, so
/// callers loop.
pub fn sleep_until_ns(at_ns: u64) {
    let at = Timespec { tv_sec: (at_ns / NANOS) as i64, tv_nsec: (at_ns % NANOS) as i64 };
    // The only possible errors are an interrupted sleep and an invalid time; this time is valid.
    let _ = rustix::thread::clock_nanosleep_absolute(ClockId::Monotonic, &at);
}

/// Lets the kernel wake this thread as precisely as it can. By default Linux may delay a wake-up by
/// 50 µs to batch it with others. Does nothing on other systems.
pub fn lower_timer_slack() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
}

fn nanos(time: Timespec) -> u64 {
    time.tv_sec as u64 * NANOS + time.tv_nsec as u64
}
