//! The recorder: its hooks in the runtimes of a run, and the thread that writes the events to the
//! file.

use crate::hooks::{self, Builder, Hooks};
use crate::scheduler::writer::Writer;
use crate::scheduler::{lane, runtimes, ticks};
use lab_kit::yield_probe::YieldTiming;
use lab_kit::{YieldProbe, clock};
use lab_recording::scheduler::format::{LANES, about};
use lab_recording::scheduler::{FILE, What};
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Age of a poll from which the yield probe leaves the sleeping workers of the runtime alone, in
/// nanoseconds.
const UNTOUCHED_NS: u64 = 1_000_000;

/// Time between two rounds of the writer. A lane has room for four times the events of a round.
const ROUND_NS: u64 = 5_000_000;
/// Rounds between two readings of core waits and requests to the yield probe.
const EVERY_LOOK: u64 = 2;
/// Rounds between two readings of the runtimes' counters. A queue that is shorter-lived than some
/// readings does not matter.
const EVERY_COUNTERS: u64 = 4;
/// Rounds between two flushes to the kernel. A run that is killed may lose that much.
const EVERY_FLUSH: u64 = 20;
/// Age at which a poll in progress is recorded. Shorter ones are recorded at their end.
const LONG_NS: u64 = 50_000_000;
/// Number of lanes that are allocated in advance.
const PREPARED: usize = 4;

/// Whether a recorder runs: the lanes have only one reader.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// A recorder. Dropping it stops it.
#[derive(Debug)]
pub struct Recorder {
    hooks: Hooks,
    work: Option<Work>,
}

#[derive(Debug)]
struct Work {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Counts>,
}

/// Counts of a recorder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events in the file.
    pub events: u64,
    /// Events that were dropped, polls on threads without a lane included.
    pub dropped: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// The reason why the file ends before the run, if it does.
    pub trouble: Option<String>,
}

impl Recorder {
    /// A recorder that has not started. With `latency` tokio tracks schedule latency, which blame
    /// needs.
    pub fn new(latency: bool) -> Recorder {
        let mut hooks = Hooks::default();
        add_hooks(&mut hooks, latency);
        Recorder { hooks, work: None }
    }

    /// Adds the recorder's callbacks to a runtime, before it is built.
    pub fn attach(&self, builder: &mut Builder) {
        self.hooks.install(builder);
    }

    /// Starts recording into `sched.bin` in a folder.
    ///
    /// # Errors
    /// If another recorder runs, or if the file or the thread cannot be made.
    pub fn start(&mut self, folder: &Path) -> Result<(), String> {
        if RUNNING.swap(true, Ordering::AcqRel) {
            return Err("another recorder is running".to_owned());
        }
        let work = start(folder, self.hooks.latency)
            .inspect_err(|_| RUNNING.store(false, Ordering::Release))?;
        self.work = Some(work);
        Ok(())
    }

    /// Stops recording and completes the file.
    pub fn stop(&mut self) -> Counts {
        let Some(Work { stop, thread }) = self.work.take() else { return Counts::default() };
        stop.store(true, Ordering::Release);
        let panicked =
            |_| Counts { trouble: Some("its writer panicked".to_owned()), ..Counts::default() };
        let counts = thread.join().unwrap_or_else(panicked);
        RUNNING.store(false, Ordering::Release);
        counts
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Adds the recorder's callbacks to those of other profilers.
pub(crate) fn add_hooks(hooks: &mut Hooks, latency: bool) {
    lane::prepare(PREPARED);
    hooks.latency |= latency;
    hooks.before_poll.push(lane::poll_begins);
    hooks.after_poll.push(lane::poll_ends);
    hooks.spawned.push(|task| lane::spawned_or_ended(What::Spawn, task));
    hooks.ended.push(|task| lane::spawned_or_ended(What::End, task));
    hooks.parks.push(|runtime| lane::sleeps_or_wakes(What::Park, runtime));
    hooks.unparks.push(|runtime| lane::sleeps_or_wakes(What::Unpark, runtime));
    hooks.thread_stops.push(lane::release);
}

fn start(folder: &Path, latency: bool) -> Result<Work, String> {
    let path = folder.join(FILE);
    let writer = Writer::create(&path, LANES + 1, about(latency));
    let mut writer =
        writer.map_err(|error| format!("{} cannot be made: {error}", path.display()))?;
    discard_old_events();
    writer.clock();
    let stop = Arc::new(AtomicBool::new(false));
    let rounds = Rounds { writer, probe: None, written_ns: None, core_waits: HashMap::new() };
    let stopped = Arc::clone(&stop);
    let thread =
        thread::Builder::new().name("lab-sched".to_owned()).spawn(move || rounds.run(&stopped));
    let thread = thread.map_err(|error| format!("cannot start the writer thread: {error}"))?;
    Ok(Work { stop, thread })
}

/// Flags of the data that a recorder in this build records.
fn about(latency: bool) -> u8 {
    match (hooks::SEES_POLLS, latency) {
        (false, _) => 0,
        (true, false) => about::POLLS,
        (true, true) => about::POLLS | about::LATENCY,
    }
}

/// Discards events from before the start: those of cost measurements, or of an earlier recorder.
fn discard_old_events() {
    for (_, lane) in lane::all() {
        lane.ring.drain(|_| ());
        lane.ring.last_gap();
    }
    let (_, shared) = lane::shared();
    shared.drain(|_| ());
    shared.last_gap();
    lane::take_unwatched();
}

/// The state of the writer's thread.
struct Rounds {
    writer: Writer,
    probe: Option<YieldProbe>,
    /// Request time of the last yield timing in the file.
    written_ns: Option<u64>,
    /// Open files `schedstat` in `/proc`, by thread; none if a file cannot be opened.
    core_waits: HashMap<i32, Option<File>>,
}

impl Rounds {
    fn run(mut self, stop: &AtomicBool) -> Counts {
        clock::lower_timer_slack();
        lane::listen(true);
        self.name_threads();
        let mut at_ns = clock::now_ns();
        let mut round = 0;
        while !stop.load(Ordering::Acquire) {
            self.round(round);
            round += 1;
            // Missed rounds are skipped: one round writes all events that there are.
            at_ns = clock::now_ns().max(at_ns + ROUND_NS);
            while clock::now_ns() < at_ns && !stop.load(Ordering::Acquire) {
                clock::sleep_until_ns(at_ns);
            }
        }
        lane::listen(false);
        self.finish()
    }

    fn round(&mut self, round: u64) {
        self.drain();
        if round.is_multiple_of(EVERY_LOOK) {
            self.core_waits();
            self.time_a_yield();
        }
        if round.is_multiple_of(EVERY_COUNTERS) {
            self.counters();
        }
        if round.is_multiple_of(EVERY_FLUSH) {
            self.open_polls(LONG_NS);
            self.writer.clock();
            self.writer.flush();
        }
    }

    fn drain(&mut self) {
        for (number, lane) in lane::all() {
            lane.ring.drain(|record| self.writer.record(number, &record));
        }
        let (number, shared) = lane::shared();
        shared.drain(|record| self.writer.record(number, &record));
    }

    /// Records the threads of lanes that were claimed before the recording started.
    fn name_threads(&mut self) {
        let now = ticks::clock().raw();
        for (number, lane) in lane::all() {
            if let Some(thread) = lane.thread() {
                self.writer.record(number, &lane.thread_record(now, thread));
            }
        }
    }

    fn core_waits(&mut self) {
        for thread in lane::all().filter_map(|(_, lane)| lane.thread()) {
            let open = || File::open(format!("/proc/self/task/{thread}/schedstat")).ok();
            let file = self.core_waits.entry(thread).or_insert_with(open);
            if let Some(waited_ns) = file.as_ref().and_then(core_wait_ns) {
                self.writer.core_wait(ticks::clock().raw(), thread, waited_ns);
            }
        }
    }

    /// Writes the last timing of the yield probe and requests the next one. The probe runs on the
    /// first runtime that is recorded.
    ///
    /// A request wakes a sleeping worker, which then looks for input. If the worker whose turn that
    /// was is in a long poll, the request would cure what the recording is to show. So nothing is
    /// requested meanwhile, unless the runtime has one worker, which no request can wake.
    fn time_a_yield(&mut self) {
        let runtimes = runtimes::all();
        let Some((_, handle)) = runtimes.first() else { return };
        let probe = self.probe.take().unwrap_or_else(|| YieldProbe::start(handle));
        if let Some(timing) = probe.last().filter(|timing| timing.resumed_ns.is_some()) {
            self.write_timing(&timing);
        }
        if handle.metrics().num_workers() == 1 || !is_in_a_poll(UNTOUCHED_NS) {
            probe.request();
        }
        self.probe = Some(probe);
    }

    fn write_timing(&mut self, timing: &YieldTiming) {
        if self.written_ns.replace(timing.requested_ns) != Some(timing.requested_ns) {
            self.writer.yield_timing(timing);
        }
    }

    fn counters(&mut self) {
        for (number, handle) in runtimes::all() {
            let (at, now_ns) = (ticks::clock().raw(), clock::now_ns());
            self.writer.counters(at, &hooks::counters(&handle, now_ns, number));
        }
    }

    /// Records polls in progress that are at least this old.
    fn open_polls(&mut self, least_ns: u64) {
        let now = ticks::clock().raw();
        for (number, lane) in lane::all() {
            let Some(poll) = lane.open_poll(now) else { continue };
            if ticks::clock().delta_as_nanos(poll.at, now) >= least_ns {
                self.writer.record(number, &poll);
            }
        }
    }

    fn finish(mut self) -> Counts {
        self.drain();
        self.open_polls(0);
        self.core_waits();
        self.counters();
        if let Some(timing) = self.probe.take().and_then(|probe| probe.last()) {
            self.write_timing(&timing);
        }
        let lanes = lane::all().map(|(number, lane)| (number, &lane.ring)).chain([lane::shared()]);
        for (number, gap) in lanes.filter_map(|(number, ring)| Some((number, ring.last_gap()?))) {
            self.writer.record(number, &gap);
        }
        let unwatched = lane::take_unwatched();
        self.writer.finish(unwatched);
        runtimes::clear();
        let Writer { events, missing, bytes, trouble, .. } = self.writer;
        Counts { events, dropped: missing + unwatched, bytes, trouble }
    }
}

/// Whether a poll is in progress that is at least this old.
fn is_in_a_poll(least_ns: u64) -> bool {
    let now = ticks::clock().raw();
    lane::all()
        .filter_map(|(_, lane)| lane.open_poll(now))
        .any(|poll| ticks::clock().delta_as_nanos(poll.at, now) >= least_ns)
}

/// The second number of `schedstat`: time that the thread has waited for a core since its start, in
/// nanoseconds.
fn core_wait_ns(file: &File) -> Option<u64> {
    let mut bytes = [0; 64];
    let read = std::os::unix::fs::FileExt::read_at(file, &mut bytes, 0).ok()?;
    std::str::from_utf8(bytes.get(..read)?).ok()?.split_whitespace().nth(1)?.parse().ok()
}
