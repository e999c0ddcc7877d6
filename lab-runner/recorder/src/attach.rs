//! The wait of a run under tokio-console until somebody is watching: the child serves the console
//! and waits for a file, which the parent makes.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long a run waits for a client.
pub const LIMIT: Duration = Duration::from_secs(60);
/// How long the child may take to serve.
pub const SERVE: Duration = Duration::from_secs(5);
/// A client that is connected asks for its first update within this.
pub const SUBSCRIBES: Duration = Duration::from_millis(500);
/// Between two looks.
pub const EVERY: Duration = Duration::from_millis(50);
/// The file that starts the run.
const START: &str = "start";

/// In the child: waits for the parent. It gives up a little after the parent would, in case that is
/// gone.
pub fn wait_for_start(folder: &Path) {
    let until = Instant::now() + SERVE + LIMIT + SUBSCRIBES;
    while fs::remove_file(folder.join(START)).is_err() && Instant::now() < until {
        thread::sleep(EVERY);
    }
}

/// In the parent: starts the run.
pub fn start(folder: &Path) {
    // If this fails the child starts by itself at its own limit.
    let _ = fs::write(folder.join(START), "");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn the_child_waits_for_its_parent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let (sender, receiver) = channel();
        let child = thread::Builder::new().spawn(move || {
            wait_for_start(&path);
            sender.send(()).unwrap();
        });
        let child = child.unwrap();
        assert!(receiver.recv_timeout(4 * EVERY).is_err(), "it waits");
        start(folder.path());
        child.join().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    }
}
