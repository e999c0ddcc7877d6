//! Quiet stall.
//!
//! The order desk books an order when its entry is in the audit trail. The trail is on a disk that
//! is flushed now and then, which takes a moment; an order that waits for it is noted in the trail
//! as well, so that auditors know why its time is odd. On quiet days all is well. On other days the
//! desk stops in the middle of the morning: no order is booked any more, every client waits, and
//! the process does nothing at all. No thread is blocked, the CPU is idle, the disk is idle, and
//! a restart helps until the next time.
//!
//! TODO(lab): every order must be booked, however long the disk pauses, and those that waited must
//! still be noted.
//!
//!     cargo lab exercise check quiet-stall

use lab_exercises::audit::{self, Disk, Entry, Order};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::sleep;

fn main() -> ExitCode {
    lab_exercises::run(|cx| audit::serve(cx, Trail::on, book))
}

/// An order that waits for longer is noted, and noted again after as long.
const NOTED_AFTER: Duration = Duration::from_millis(25);

/// The audit trail: entries in the order in which they were appended.
struct Trail {
    disk: Mutex<Disk>,
}

impl Trail {
    fn on(disk: Disk) -> Trail {
        Trail { disk: Mutex::new(disk) }
    }

    /// Appends an entry.
    async fn append(&self, entry: Entry) {
        let disk = self.disk.lock().await;
        disk.write(entry).await;
    }
}

/// Books an order.
async fn book(trail: Arc<Trail>, order: Order) -> anyhow::Result<()> {
    let mut booked = pin!(trail.append(order.placed()));
    loop {
        tokio::select! {
            biased;
            () = &mut booked => return Ok(()),
            () = sleep(NOTED_AFTER) => trail.append(order.report()).await,
        }
    }
}
