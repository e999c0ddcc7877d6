//! Tokio's hooks around each poll, with the least work that a profiler would do in them.

use crate::{beside, check_count};
use lab_kit::overhead::{Answer, Job};
use lab_kit::turns::builder;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::Id;

/// Records of a thread: few enough for the second-level cache. All are written during the warm-up.
const ROOM: usize = 4_096;

static RECORDED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static RECORDS: RefCell<Ring> = RefCell::new(Ring::new());
}

/// Measures both hooks, each with a reading of the clock, and one record a poll in thread-local
/// memory.
pub fn recording(job: &Job) -> Result<Answer, String> {
    let runtime = builder()
        .on_before_task_poll(|_| RECORDS.with_borrow_mut(|ring| ring.begin = Instant::now()))
        .on_after_task_poll(|meta| RECORDS.with_borrow_mut(|ring| ring.put(meta.id())))
        .on_thread_stop(|| RECORDS.with_borrow(Ring::publish_count))
        .build()
        .map_err(|error| error.to_string())?;
    let measured = beside(job, &runtime)?;
    drop(runtime);
    check_count(RECORDED.load(Ordering::Relaxed), job.amount, "polls")?;
    Ok(measured)
}

#[derive(Debug)]
#[expect(dead_code, reason = "the records are only written")]
struct Record {
    task: Id,
    begin: Instant,
    took: Duration,
}

/// The newest records of a thread.
#[derive(Debug)]
struct Ring {
    begin: Instant,
    records: Vec<Record>,
    count: u64,
}

impl Ring {
    fn new() -> Ring {
        Ring { begin: Instant::now(), records: Vec::with_capacity(ROOM), count: 0 }
    }

    fn put(&mut self, task: Id) {
        let record = Record { task, begin: self.begin, took: self.begin.elapsed() };
        let at = self.count as usize % ROOM;
        self.count += 1;
        match self.records.get_mut(at) {
            Some(old) => *old = record,
            None => self.records.push(record),
        }
    }

    fn publish_count(&self) {
        RECORDED.fetch_add(self.count, Ordering::Relaxed);
    }
}
