//! The line on a terminal that says what is being run.
//!
//! It is written by a thread of its own: a terminal that is paused (Ctrl-S) makes whoever writes to
//! it wait, and a parent that waits there would miss the deadline of its run.

use lab_recording::spec::Spec;
use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How often the line is written anew.
const TICK: Duration = Duration::from_millis(100);

/// The line of one run. It disappears when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Dropped to end the thread.
    running: Option<Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Progress {
    /// Shows the line of the run with this number, of so many. Nothing is shown if there is no
    /// thread to be had: the run matters more.
    pub fn begin(number: usize, of: usize, spec: &Spec) -> Progress {
        let head = format!("{number}/{of} {} {}", spec.scenario, spec.variant);
        // A batch takes what it takes.
        let expected_s = (spec.load.warmup() + spec.load.duration()).as_secs_f64();
        let (running, ended) = channel::<()>();
        let begin = Instant::now();
        let write = move || {
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let line = line(&head, begin.elapsed(), expected_s);
                let _ = write!(io::stderr(), "\r\x1b[K{line}");
            }
            let _ = write!(io::stderr(), "\r\x1b[K");
        };
        let thread = thread::Builder::new().name("lab-progress".into()).spawn(write).ok();
        Progress { running: Some(running), thread }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.running.take());
        // What is printed next comes after the line was removed.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// `3/16 greedy fixed  1.2 s of 3.3 s`
fn line(head: &str, elapsed: Duration, expected_s: f64) -> String {
    let elapsed_s = elapsed.as_secs_f64();
    match expected_s {
        0.0 => format!("{head}  {elapsed_s:.1} s"),
        expected_s => format!("{head}  {elapsed_s:.1} s of {expected_s:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_long_a_run_takes_if_that_is_known() {
        let elapsed = Duration::from_millis(1_240);
        assert_eq!(line("3/16 greedy fixed", elapsed, 3.3), "3/16 greedy fixed  1.2 s of 3.3 s");
        assert_eq!(line("1/1 unordered buggy", elapsed, 0.0), "1/1 unordered buggy  1.2 s");
    }
}
