//! The recorder on real runtimes: what it counts exactly, and what tokio does not let it see.

#![cfg(tokio_unstable)]

use lab_recorder::scheduler::recorder::Recorder;
use lab_recording::scheduler::{Blocks, Event, FILE, Recording, What, read};
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{self, LocalSet};

/// There is one recorder in a process at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a recorder saw while this was going on, on a runtime with so many workers. What the work
/// gives back is dropped when the recorder has stopped, before the runtime.
fn seen_on<T>(workers: usize, work: impl FnOnce(&Runtime) -> T) -> RecordedRun {
    let _alone = alone();
    let folder = TempDir::new().unwrap();
    let mut recorder = Recorder::new(true);
    let mut builder = Builder::new_multi_thread();
    recorder.attach(builder.worker_threads(workers).enable_all());
    let runtime = builder.build().unwrap();
    recorder.start(folder.path()).unwrap();
    // Nothing is recorded before the writer listens.
    while RecordedRun::open(folder.path()).is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(Duration::from_millis(10));
    let kept = work(&runtime);
    let counts = recorder.stop();
    drop(kept);
    assert_eq!((counts.dropped, counts.trouble), (0, None));
    RecordedRun::open(folder.path()).unwrap()
}

struct RecordedRun {
    bytes: Vec<u8>,
    recording: Recording,
    events: Vec<Event>,
}

impl RecordedRun {
    fn open(folder: &Path) -> Option<RecordedRun> {
        let bytes = std::fs::read(folder.join(FILE)).ok()?;
        let recording = read(&folder.join(FILE)).ok()?;
        let (mut events, mut block) = (Vec::new(), Vec::new());
        for lane in 0..recording.lanes() {
            for number in 0..recording.blocks(lane) {
                recording.read(lane, number, &mut block);
                events.append(&mut block);
            }
        }
        Some(RecordedRun { bytes, recording, events })
    }

    /// Events of a kind whose tasks were spawned in this line.
    fn of_line(&self, what: What, line: u32) -> Vec<&Event> {
        let here = |event: &&Event| {
            let place = self.recording.known.places.get(usize::from(event.place));
            place.is_some_and(|place| place.file == file!() && place.line == line)
        };
        self.events.iter().filter(|event| event.what == what).filter(here).collect()
    }
}

/// How often the task of the line above yields.
async fn yields(times: usize) {
    for _ in 0..times {
        task::yield_now().await;
    }
}

#[test]
fn every_poll_is_there_with_its_task_its_place_and_its_wait() {
    let line = line!() + 2;
    let seen = seen_on(2, |runtime| {
        let one_of = |times| runtime.spawn(yields(times));
        let tasks: Vec<_> = (0..100).map(one_of).collect();
        runtime.block_on(async { futures_of(tasks).await });
    });
    let polls = seen.of_line(What::Poll, line);
    assert_eq!(polls.len(), (0..100).map(|times| times + 1).sum::<usize>());
    assert_eq!(seen.of_line(What::Spawn, line).len(), 100);
    assert_eq!(seen.of_line(What::End, line).len(), 100);
    assert!(polls.iter().all(|poll| poll.latency_ns.is_some()
        && poll.worker < 2
        && !poll.open
        && !poll.budget_spent));
    let known = &seen.recording.known;
    let inside = |event: &Event| event.at_ns >= known.from_ns && event.end_ns() <= known.until_ns;
    assert!(
        seen.events.iter().all(inside)
            && known.has_latency
            && known.sees_polls
            && known.stopped
            && !known.cut
    );
    assert!(
        known.counters.iter().any(|counters| counters.workers == 2 && counters.steals.is_some())
    );
}

async fn futures_of<T>(tasks: Vec<task::JoinHandle<T>>) {
    for task in tasks {
        task.await.unwrap();
    }
}

#[test]
fn what_a_worker_does_in_each_lane_is_in_order_and_a_lane_says_whose_it_is() {
    let seen = seen_on(2, |runtime| {
        let naps = (0..20)
            .map(|_| runtime.spawn(async { tokio::time::sleep(Duration::from_millis(2)).await }))
            .collect();
        runtime.block_on(async { futures_of(naps).await });
    });
    let mut block = Vec::new();
    for lane in 0..seen.recording.lanes() - 1 {
        let mut last = (0, None);
        for number in 0..seen.recording.blocks(lane) {
            seen.recording.read(lane, number, &mut block);
            for event in &block {
                assert!(event.end_ns() + 1_000 >= last.0, "{event:?} after {last:?}");
                last = (event.end_ns(), Some(event.what));
            }
        }
    }
    let threads =
        seen.events.iter().filter(|event| event.what == What::Thread && event.task > 0).count();
    assert!(threads >= 2, "{threads}");
    assert!(seen.events.iter().any(|event| event.what == What::Unpark));
    assert!(seen.recording.known.core_waits.iter().all(|wait| wait.thread > 0));
}

#[test]
fn a_spent_budget_is_seen_and_an_unspent_one_is_not() {
    let line = line!() + 2;
    let seen = seen_on(1, |runtime| {
        let spender = runtime.spawn(async {
            for _ in 0..1_000 {
                task::consume_budget().await
            }
        });
        runtime.block_on(spender).unwrap();
    });
    let polls = seen.of_line(What::Poll, line);
    let spent = polls.iter().filter(|poll| poll.budget_spent).count();
    assert_eq!((polls.len(), spent), (8, 7), "1 000 in turns of 128");
}

#[test]
fn blocking_tasks_end_without_having_begun() {
    let line = line!() + 2;
    let seen = seen_on(1, |runtime| {
        let pool: Vec<_> = (0..30).map(|_| runtime.spawn_blocking(|| ())).collect();
        runtime.block_on(async { futures_of(pool).await });
        thread::sleep(Duration::from_millis(20)); // the hook comes after the handle is told
    });
    let count = |what| seen.of_line(what, line).len();
    assert_eq!((count(What::Spawn), count(What::Poll), count(What::End)), (0, 0, 30));
}

#[test]
fn the_root_future_and_a_local_set_are_not_seen() {
    let line = line!() + 2;
    let seen = seen_on(1, |runtime| runtime.block_on(yields(50)));
    assert!(
        seen.events
            .iter()
            .all(|event| event.what != What::Poll || event.place != place(&seen, line))
    );
    let line = line!() + 4;
    let seen = seen_on(1, |runtime| {
        let local = LocalSet::new();
        local.block_on(runtime, async {
            task::spawn_local(yields(50)).await.unwrap();
        });
    });
    assert_eq!(seen.of_line(What::Poll, line).len(), 0, "tokio calls no hook for it");
}

fn place(seen: &RecordedRun, line: u32) -> u16 {
    let here =
        |place: &lab_recording::scheduler::Place| place.file == file!() && place.line == line;
    seen.recording.known.places.iter().position(here).map_or(u16::MAX, |index| index as u16)
}

#[test]
fn block_in_place_gives_the_worker_to_another_thread_in_the_middle_of_a_poll() {
    let line = line!() + 3;
    let seen = seen_on(1, |runtime| {
        let (say, hear) = mpsc::channel();
        let holder = runtime.spawn(async move {
            task::block_in_place(|| hear.recv().unwrap());
        });
        // The only worker answers while the holder is still inside its poll.
        runtime.block_on(runtime.spawn(yields(3))).unwrap();
        say.send(()).unwrap();
        runtime.block_on(holder).unwrap();
    });
    let long = seen.of_line(What::Poll, line)[0];
    let others =
        seen.events.iter().filter(|event| event.what == What::Poll && event.place != long.place);
    // Which begin inside: the last one wakes who lets the holder go, and may itself end after the
    // holder.
    let inside: Vec<_> =
        others.filter(|e| e.at_ns > long.at_ns && e.at_ns < long.end_ns()).collect();
    assert!(inside.len() >= 4, "{inside:?}");
    assert!(inside.iter().all(|event| event.worker == long.worker));
}

#[test]
fn a_poll_that_does_not_end_is_told_of_as_far_as_it_came() {
    let line = line!() + 3;
    let seen = seen_on(1, |runtime| {
        let (say, hear) = mpsc::channel::<()>();
        runtime.spawn(async move {
            let _ = hear.recv();
        });
        thread::sleep(Duration::from_millis(150));
        say // whose end lets the poll end, once the recorder has stopped
    });
    let polls = seen.of_line(What::Poll, line);
    assert!(
        !polls.is_empty() && polls.iter().all(|poll| poll.open && poll.at_ns == polls[0].at_ns)
    );
    assert!(polls.last().unwrap().length_ns > 100_000_000);
}

#[test]
fn without_latency_nobody_tells_it() {
    let _alone = alone();
    let folder = TempDir::new().unwrap();
    let mut recorder = Recorder::new(false);
    let mut builder = Builder::new_current_thread();
    recorder.attach(&mut builder);
    let runtime = builder.build().unwrap();
    recorder.start(folder.path()).unwrap();
    assert!(Recorder::new(false).start(folder.path()).unwrap_err().contains("another recorder"));
    thread::sleep(Duration::from_millis(30));
    runtime.block_on(async { tokio::spawn(yields(5)).await.unwrap() });
    let counts = recorder.stop();
    assert!(counts.events > 6 && counts.bytes > 20, "{counts:?}");
    let seen = RecordedRun::open(folder.path()).unwrap();
    assert!(!seen.recording.known.has_latency);
    let polls: Vec<_> = seen.events.iter().filter(|event| event.what == What::Poll).collect();
    assert!(polls.len() >= 6 && polls.iter().all(|poll| poll.latency_ns.is_none()));
}

#[test]
fn a_file_that_is_cut_anywhere_tells_what_is_before() {
    let seen = seen_on(1, |runtime| {
        let tasks = (0..200).map(|times| runtime.spawn(yields(times % 5))).collect();
        runtime.block_on(async { futures_of(tasks).await });
    });
    let whole = seen.events.len();
    let bytes = seen.bytes;
    let mut last = 0;
    for length in 9..bytes.len() {
        let part = lab_recording::scheduler::parse(bytes[..length].to_vec()).unwrap();
        let mut block = Vec::new();
        let mut count = 0;
        for lane in 0..part.lanes() {
            for number in 0..part.blocks(lane) {
                part.read(lane, number, &mut block);
                count += block.len();
            }
        }
        assert!(count >= last && count <= whole, "{length} bytes: {count} events after {last}");
        last = count;
    }
    assert_eq!(last, whole);
    assert!(lab_recording::scheduler::parse(bytes[..8].to_vec()).is_err());
}
