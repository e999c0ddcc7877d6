//! Tokio's hooks around each poll: what being called costs, and what the least costs that one would
//! do there.

use crate::{beside, saw};
use lab_kit::overhead::{Answer, Job};
use lab_kit::turns::builder;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::Id;

/// Few enough to stay in a cache of the second level, and written all over before anything is
/// timed.
const ROOM: usize = 4_096;

static RECORDED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static RECORDS: RefCell<Ring> = RefCell::new(Ring::new());
}

/// Both hooks, each with a look at the clock, and one record a poll into memory of the thread.
pub fn recording(job: &Job) -> Result<Answer, String> {
    let runtime = builder()
        .on_before_task_poll(|_| RECORDS.with_borrow_mut(|ring| ring.begin = Instant::now()))
        .on_after_task_poll(|meta| RECORDS.with_borrow_mut(|ring| ring.put(meta.id())))
        .on_thread_stop(|| RECORDS.with_borrow(Ring::told))
        .build()
        .map_err(|error| error.to_string())?;
    let measured = beside(job, &runtime)?;
    drop(runtime);
    saw(RECORDED.load(Ordering::Relaxed), job.amount, "polls")?;
    Ok(measured)
}

#[derive(Debug)]
#[expect(dead_code, reason = "it is written, and nobody needs to read it")]
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

    fn told(&self) {
        RECORDED.fetch_add(self.count, Ordering::Relaxed);
    }
}
