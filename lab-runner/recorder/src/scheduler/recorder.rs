//! The recorder: its hooks in the runtimes of a run, and the thread that takes what they saw to the
//! file.

use crate::hooks::{self, Builder, Hooks};
use crate::scheduler::writer::Writer;
use crate::scheduler::{lane, runtimes, ticks};
use lab_kit::yield_probe::Asked;
use lab_kit::{YieldProbe, clock};
use lab_recording::scheduler::format::{LANES, about};
use lab_recording::scheduler::{FILE, What};
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Between two rounds of the writer. A lane holds four times what can happen meanwhile.
const ROUND_NS: u64 = 5_000_000;
/// How often core waits are read and the yield probe is used, in rounds.
const EVERY_LOOK: u64 = 2;
/// How often counters are read, in rounds: a queue that stands for less than a few looks is none to
/// speak of.
const EVERY_COUNTERS: u64 = 4;
/// How often everything is handed to the kernel, in rounds: what a run that is killed may lose.
const EVERY_FLUSH: u64 = 20;
/// An open poll is recorded when it has been going on for so long. Shorter ones will end.
const LONG_NS: u64 = 50_000_000;
/// Workers whose lanes are there before they poll for the first time.
const PREPARED: usize = 4;

/// Whether there is a recorder at work: the lanes can feed only one.
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

/// What a recorder did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events in the file.
    pub events: u64,
    /// Events that are missing, and polls that were not recorded.
    pub dropped: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Why the file ends early, if it does.
    pub trouble: Option<String>,
}

impl Recorder {
    /// A recorder that has not begun to look. With `latency` tokio tracks for how long tasks are
    /// runnable, without which nobody can be blamed for it.
    pub fn new(latency: bool) -> Recorder {
        let mut hooks = Hooks::default();
        add_hooks(&mut hooks, latency);
        Recorder { hooks, work: None }
    }

    /// Puts its callbacks into a runtime that is about to be built.
    pub fn attach(&self, builder: &mut Builder) {
        self.hooks.install(builder);
    }

    /// Starts to record into `sched.bin` in this folder.
    ///
    /// # Errors
    /// If another recorder is at work, or if file or thread cannot be made.
    pub fn start(&mut self, folder: &Path) -> Result<(), String> {
        if RUNNING.swap(true, Ordering::AcqRel) {
            return Err("another recorder is running".to_owned());
        }
        let work = start(folder, self.hooks.latency)
            .inspect_err(|_| RUNNING.store(false, Ordering::Release))?;
        self.work = Some(work);
        Ok(())
    }

    /// Stops, and completes the file.
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

/// Adds the recorder's callbacks to those of others.
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
    forget_what_was_before();
    writer.clock();
    let stop = Arc::new(AtomicBool::new(false));
    let rounds = Rounds { writer, probe: None, asked: None, core_waits: HashMap::new() };
    let until = Arc::clone(&stop);
    let thread =
        thread::Builder::new().name("lab-sched".to_owned()).spawn(move || rounds.until(&until));
    let thread = thread.map_err(|error| format!("cannot start the writer thread: {error}"))?;
    Ok(Work { stop, thread })
}

/// What a recorder in this build records.
fn about(latency: bool) -> u8 {
    match (hooks::SEES_POLLS, latency) {
        (false, _) => 0,
        (true, false) => about::POLLS,
        (true, true) => about::POLLS | about::LATENCY,
    }
}

fn forget_what_was_before() {
    for (_, lane) in lane::all() {
        lane.ring.drain(|_| ());
        lane.ring.last_gap();
    }
    let (_, shared) = lane::shared();
    shared.drain(|_| ());
    shared.last_gap();
    lane::take_unwatched();
}

/// What the writer's thread has.
struct Rounds {
    writer: Writer,
    probe: Option<YieldProbe>,
    /// The question that was last written down.
    asked: Option<u64>,
    /// Open files of `/proc`, by thread.
    core_waits: HashMap<i32, Option<File>>,
}

impl Rounds {
    fn until(mut self, stop: &AtomicBool) -> Counts {
        clock::lower_timer_slack();
        lane::listen(true);
        self.name_threads();
        let mut at_ns = clock::now_ns();
        let mut round = 0;
        while !stop.load(Ordering::Acquire) {
            self.round(round);
            round += 1;
            // A writer that did not get to run does not make up for rounds that were missed.
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
            self.ask();
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

    /// Tells whose the lanes are that had a thread before anybody listened.
    fn name_threads(&mut self) {
        let now = ticks::clock().raw();
        for (number, lane) in lane::all() {
            lane.thread()
                .into_iter()
                .for_each(|thread| self.writer.record(number, &lane.who(now, thread)));
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

    /// Asks the yield probe of the first runtime that is seen, once its last answer is written
    /// down.
    fn ask(&mut self) {
        let first = || runtimes::known().first().map(|(_, handle)| YieldProbe::start(handle));
        let Some(probe) = self.probe.take().or_else(first) else { return };
        if let Some(asked) = probe.last().filter(|asked| asked.answered_ns.is_some()) {
            self.write_probe(&asked);
        }
        probe.ask();
        self.probe = Some(probe);
    }

    fn write_probe(&mut self, asked: &Asked) {
        if self.asked.replace(asked.asked_ns) != Some(asked.asked_ns) {
            self.writer.probe(asked);
        }
    }

    fn counters(&mut self) {
        for (number, handle) in runtimes::known() {
            let (at, now_ns) = (ticks::clock().raw(), clock::now_ns());
            self.writer.counters(at, &hooks::counters(&handle, now_ns, number));
        }
    }

    fn open_polls(&mut self, longer_than_ns: u64) {
        let now = ticks::clock().raw();
        for (number, lane) in lane::all() {
            let long = |poll: &lab_recording::scheduler::record::Record| {
                ticks::clock().delta_as_nanos(poll.at, now) >= longer_than_ns
            };
            lane.open_poll(now)
                .filter(long)
                .into_iter()
                .for_each(|poll| self.writer.record(number, &poll));
        }
    }

    fn finish(mut self) -> Counts {
        self.drain();
        self.open_polls(0);
        self.core_waits();
        self.counters();
        if let Some(asked) = self.probe.take().and_then(|probe| probe.last()) {
            self.write_probe(&asked);
        }
        let lanes = lane::all().map(|(number, lane)| (number, &lane.ring)).chain([lane::shared()]);
        for (number, gap) in lanes.filter_map(|(number, ring)| Some((number, ring.last_gap()?))) {
            self.writer.record(number, &gap);
        }
        let unwatched = lane::take_unwatched();
        self.writer.finish(unwatched);
        runtimes::forget();
        let Writer { events, missing, bytes, trouble, .. } = self.writer;
        Counts { events, dropped: missing + unwatched, bytes, trouble }
    }
}

/// The second number of `schedstat`: how long the thread has waited for a core since it was
/// started, in nanoseconds.
fn core_wait_ns(file: &File) -> Option<u64> {
    let mut bytes = [0; 64];
    let read = std::os::unix::fs::FileExt::read_at(file, &mut bytes, 0).ok()?;
    std::str::from_utf8(bytes.get(..read)?).ok()?.split_whitespace().nth(1)?.parse().ok()
}
