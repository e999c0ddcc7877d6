//! The threads of a run, which must end with it: otherwise they would disturb the following runs.

use std::time::{Duration, Instant};

/// Time in which threads must end after the variant's function has returned.
const PATIENCE: Duration = Duration::from_secs(5);

/// Number of threads of this process; none where `/proc` is missing.
pub fn count() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}

/// Waits until there are no more threads than before.
///
/// # Errors
/// If there are more threads after [`PATIENCE`].
pub fn wait_for(before: Option<usize>) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    while let (Some(before), Some(now)) = (before, count()) {
        if now <= before {
            break;
        }
        anyhow::ensure!(
            Instant::now() < until,
            "{} threads of the run have not ended: use lab run, which has a process for each run",
            now - before
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_thread_that_ends_is_waited_for() {
        let before = count();
        let (end, ended) = mpsc::channel::<()>();
        let thread =
            std::thread::Builder::new().name("waits".into()).spawn(move || ended.recv()).unwrap();
        assert!(count() > before || before.is_none());
        drop(end);
        thread.join().unwrap().unwrap_err();
        // Other tests of this process have threads too, which end on their own.
        wait_for(before.map(|before| before + 64)).unwrap();
    }
}
