//! A client that blocks its thread until the answer is there, as many database drivers do.

use std::thread;
use std::time::Duration;

/// Sleeps in place of a slow query.
pub fn query() {
    thread::sleep(Duration::from_millis(20));
}
