//! The sampler's thread. A thousand times a second it checks each slot, and sends a signal to each
//! thread that is inside a poll.
//!
//! A tick is one sampling interval of one thread inside a poll. Ticks are added to the slot's
//! request, and the answer takes all of them. So a sample stands for all ticks since the last one,
//! and the samples of a poll add up to its length even if some signals are delayed. *Example:* a
//! thread waits for a core for 20 ms. The first tick sends a signal, nineteen more ticks are added,
//! and the single sample that the thread takes stands for 20 ticks.

use crate::signal::{self, User};
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

/// Unanswered ticks after which the signal is sent again: the first one may have reached a thread
/// that had just released its slot.
const SEND_AGAIN: u32 = 1_000;
/// Shortest time between two readings of the wait channel of one long poll.
const WAIT_EVERY_NS: u64 = 50_000_000;
/// Time that the end of the sampling waits for pending samples.
const LAST_ANSWERS_NS: u64 = 2_000_000;

/// Whether a sampler runs: the slots have only one reader.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// A running sampler. Dropping it stops it.
#[derive(Debug)]
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Counts>>,
}

impl Sampler {
    /// Starts sampling `hz` times a second into `stall.bin` in a folder.
    ///
    /// # Errors
    /// The reason why sampling is not available: the binary has no frame pointers, another sampler
    /// runs, other code handles the signal, or the file cannot be made.
    pub fn start(folder: &Path, hz: u32) -> Result<Sampler, String> {
        if !(1..=10_000).contains(&hz) {
            return Err(format!("1 to 10000 samples per second are possible, not {hz}"));
        }
        if RUNNING.swap(true, Ordering::AcqRel) {
            return Err("another sampler is running".to_owned());
        }
        start(folder, hz).inspect_err(|_| RUNNING.store(false, Ordering::Release))
    }

    /// Stops sampling, waits for pending samples and writes the counts.
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
    signal::install(Text::of_executable()?, User::Sampler, slot::sample)?;
    let path = folder.join(FILE);
    let writer =
        Writer::create(&path, hz, FILE_LIMIT).map_err(|e| format!("{}: {e}", path.display()))?;
    discard_old_samples();
    let stop = Arc::new(AtomicBool::new(false));
    let work = Work {
        period_ns: 1_000_000_000 / u64::from(hz),
        writer,
        counts: Counts::default(),
        waits: [NextWait { poll: 0, at_ns: 0 }; SLOTS],
    };
    let stopped = Arc::clone(&stop);
    let thread =
        thread::Builder::new().name("lab-stall".to_owned()).spawn(move || work.run(&stopped));
    Ok(Sampler {
        stop,
        thread: Some(
            thread.map_err(|error| format!("cannot start the sampler's thread: {error}"))?,
        ),
    })
}

/// Discards samples from before the start: those of cost measurements, or of an earlier sampler.
fn discard_old_samples() {
    for slot in slot::all() {
        slot.cancel_request();
        slot.empty();
        slot.ring.take_lost();
        slot.take_late();
    }
    slot::take_unwatched();
}

/// The next reading of the wait channel of a slot's poll.
#[derive(Clone, Copy)]
struct NextWait {
    poll: u64,
    at_ns: u64,
}

/// The state of the sampler's thread.
struct Work {
    period_ns: u64,
    writer: Writer,
    counts: Counts,
    waits: [NextWait; SLOTS],
}

impl Work {
    fn run(mut self, stop: &AtomicBool) -> Counts {
        clock::lower_timer_slack();
        let mut deadline_ns = clock::now_ns() + self.period_ns;
        while !stop.load(Ordering::Acquire) {
            clock::sleep_until_ns(deadline_ns);
            let now_ns = clock::now_ns();
            if now_ns < deadline_ns {
                continue; // a signal interrupted the sleep
            }
            // After a delay of this thread, missed ticks are counted, but one signal serves them.
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
                // Of the ticks that have passed, those since the start of the poll.
                let ticks = passed.min(1 + now_ns.saturating_sub(poll.begin_ns) / self.period_ns);
                self.read_wait(index, poll, now_ns);
                self.request(slot, poll, ticks);
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

    /// Adds ticks to the slot's request, and sends a signal unless one is pending.
    fn request(&mut self, slot: &Slot, poll: Poll, ticks: u64) {
        let ticks = ticks as u32;
        self.counts.in_poll += u64::from(ticks);
        let due = slot.request(ticks);
        // If ticks were due before, a signal is pending, and its sample will stand for these ticks
        // too. Each time the due ticks pass a multiple of SEND_AGAIN, another signal is sent.
        if due == 0 || due / SEND_AGAIN != due.saturating_add(ticks) / SEND_AGAIN {
            match signal::send(poll.tid) {
                Ok(()) => self.counts.sent += 1,
                Err(_) => slot.cancel_request(), // the thread has ended
            }
        }
    }

    /// Records the wait channel of a long poll. Must come before the signal, which interrupts the
    /// thread's wait.
    fn read_wait(&mut self, index: usize, poll: Poll, now_ns: u64) {
        let next = &mut self.waits[index];
        if next.poll != poll.number {
            *next = NextWait { poll: poll.number, at_ns: poll.begin_ns + LONG_POLL_NS };
        }
        if now_ns >= next.at_ns {
            next.at_ns = now_ns + WAIT_EVERY_NS;
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

/// Index of the word of a sample with its thread and its ticks.
const SAMPLE_TICKS: usize = 6;
