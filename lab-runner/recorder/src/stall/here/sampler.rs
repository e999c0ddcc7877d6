//! The thread that looks a thousand times a second who is inside a poll, and asks them for their
//! stacks.

use crate::signal::{self, Asker};
use crate::stall::here::slot::{self, Poll, SLOTS, Slot};
use crate::stall::here::wait;
use crate::stall::here::writer::Writer;
use crate::walk::{self, Text};
use lab_kit::clock;
use lab_recording::stall::format::{Counts, FILE_LIMIT};
use lab_recording::stall::{FILE, LONG_POLL_NS};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Ticks without an answer after which the signal is sent once more: it may have gone to a thread
/// that had just given its slot away.
const ASK_AGAIN: u32 = 1_000;
/// How often the wait channel of one long poll is read, at most.
const WAIT_EVERY_NS: u64 = 50_000_000;
/// How long the end of the sampling waits for answers that are under way.
const LAST_ANSWERS_NS: u64 = 2_000_000;

/// Whether there is a sampler: the slots can feed only one.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// A sampler at work. Dropping it stops it.
#[derive(Debug)]
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Counts>>,
}

impl Sampler {
    /// Starts to sample so many times a second into `stall.bin` in this folder.
    ///
    /// # Errors
    /// Why the profiler is not available: the binary has no frame pointers, another sampler is at
    /// work, the signal is somebody else's, or the file cannot be made.
    pub fn start(folder: &Path, hz: u32) -> Result<Sampler, String> {
        if !(1..=10_000).contains(&hz) {
            return Err(format!("1 to 10000 samples per second are possible, not {hz}"));
        }
        if RUNNING.swap(true, Ordering::AcqRel) {
            return Err("another sampler is running".to_owned());
        }
        start(folder, hz).inspect_err(|_| RUNNING.store(false, Ordering::Release))
    }

    /// Stops, waits for the last answers and writes the counts down.
    pub fn stop(mut self) -> Counts {
        self.end()
    }

    fn end(&mut self) -> Counts {
        self.stop.store(true, Ordering::Release);
        let Some(thread) = self.thread.take() else { return Counts::default() };
        let panicked =
            |_| Counts { trouble: Some("the sampler panicked".to_owned()), ..Counts::default() };
        let counts = thread.join().unwrap_or_else(panicked);
        RUNNING.store(false, Ordering::Release);
        counts
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.end();
        }
    }
}

fn start(folder: &Path, hz: u32) -> Result<Sampler, String> {
    walk::frame_pointers_work()?;
    signal::install(Text::of_executable()?, Asker::Sampler, slot::answer)?;
    let path = folder.join(FILE);
    let writer =
        Writer::create(&path, hz, FILE_LIMIT).map_err(|e| format!("{}: {e}", path.display()))?;
    forget_what_was_before();
    let stop = Arc::new(AtomicBool::new(false));
    let work = Work {
        period_ns: 1_000_000_000 / u64::from(hz),
        writer,
        counts: Counts::default(),
        watches: [NEW; SLOTS],
    };
    let stopped = Arc::clone(&stop);
    let thread =
        thread::Builder::new().name("lab-stall".to_owned()).spawn(move || work.until(&stopped));
    Ok(Sampler { stop, thread: Some(thread.map_err(|e| e.to_string())?) })
}

fn forget_what_was_before() {
    for slot in slot::all() {
        slot.forget();
        slot.empty();
        slot.ring.take_lost();
        slot.take_late();
    }
    slot::take_unwatched();
}

/// What the sampler remembers of a slot.
#[derive(Clone, Copy)]
struct Watch {
    poll: u64,
    next_wait_ns: u64,
}

const NEW: Watch = Watch { poll: 0, next_wait_ns: 0 };

struct Work {
    period_ns: u64,
    writer: Writer,
    counts: Counts,
    watches: [Watch; SLOTS],
}

impl Work {
    fn until(mut self, stop: &AtomicBool) -> Counts {
        clock::lower_timer_slack();
        let mut deadline_ns = clock::now_ns() + self.period_ns;
        while !stop.load(Ordering::Acquire) {
            clock::sleep_until_ns(deadline_ns);
            let now_ns = clock::now_ns();
            if now_ns < deadline_ns {
                continue; // a signal came
            }
            // A sampler that did not get to run catches up on the ticks, not on the signals.
            let passed = 1 + (now_ns - deadline_ns) / self.period_ns;
            deadline_ns += passed * self.period_ns;
            self.tick(now_ns, passed);
        }
        self.finish()
    }

    fn tick(&mut self, now_ns: u64, passed: u64) {
        self.counts.ticks += passed;
        for (index, slot) in slot::all().iter().enumerate() {
            self.collect(slot);
            if let Some(poll) = slot.poll() {
                let ticks = passed.min(1 + now_ns.saturating_sub(poll.begin_ns) / self.period_ns);
                self.look_at_wait(index, poll, now_ns);
                self.ask(slot, poll, ticks);
            }
        }
        self.writer.flush();
    }

    /// Moves the slot's samples to the file.
    fn collect(&mut self, slot: &Slot) {
        let mut record = Vec::new();
        while slot.ring.pop(&mut record) {
            self.writer.append(&record);
            self.counts.delivered += 1;
            self.counts.covered += record.get(SAMPLE_TICKS).map_or(0, |word| word >> 32);
        }
        self.counts.lost += slot.ring.take_lost();
        self.counts.late += slot.take_late();
    }

    fn ask(&mut self, slot: &Slot, poll: Poll, ticks: u64) {
        let ticks = ticks as u32;
        self.counts.in_poll += u64::from(ticks);
        let due = slot.ask(ticks);
        // One signal under way is enough: its answer stands for all ticks until it comes.
        if due == 0 || due / ASK_AGAIN != due.saturating_add(ticks) / ASK_AGAIN {
            match signal::send(poll.tid) {
                Ok(()) => self.counts.sent += 1,
                Err(_) => slot.forget(), // the thread has ended, and with it its poll
            }
        }
    }

    /// What a long poll waits for. Read before the signal is sent, which takes the thread out of
    /// its wait.
    fn look_at_wait(&mut self, index: usize, poll: Poll, now_ns: u64) {
        let watch = &mut self.watches[index];
        if watch.poll != poll.number {
            *watch = Watch { poll: poll.number, next_wait_ns: poll.begin_ns + LONG_POLL_NS };
        }
        if now_ns >= watch.next_wait_ns {
            watch.next_wait_ns = now_ns + WAIT_EVERY_NS;
            if let Some(record) = wait::record(poll, now_ns) {
                self.writer.append(&record);
            }
        }
    }

    fn finish(mut self) -> Counts {
        clock::sleep_until_ns(clock::now_ns() + LAST_ANSWERS_NS);
        slot::all().iter().for_each(|slot| self.collect(slot));
        self.counts.unwatched = slot::take_unwatched();
        self.writer.flush();
        self.counts.lost += self.writer.lost;
        self.writer.finish(&self.counts);
        Counts { trouble: self.writer.trouble, ..self.counts }
    }
}

/// The word of a sample that holds its thread and its ticks.
const SAMPLE_TICKS: usize = 6;
