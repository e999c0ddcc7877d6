//! The profiler `stall` on a real runtime: it names who waits and who computes, and leaves an idle
//! runtime alone.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use lab_analysis::stacks::stalls::{self, LongPoll};
use lab_analysis::stacks::symbols::Symbols;
use lab_kit::task_number::number_of;
use lab_recorder::stall::{Sampler, hooks};
use lab_recording::stall::format::Counts;
use lab_recording::stall::{self as recorded, Recording, Sample};
use proptest::prelude::*;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// There is one sampler a process, and what one test polls would be in the recording of another.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watched_runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .on_before_task_poll(|task| hooks::enter_poll(number_of(&task.id())))
        .on_after_task_poll(|_| hooks::leave_poll())
        .on_thread_stop(hooks::thread_stops)
        .build()
        .unwrap()
}

/// Records what a future does as a task; also returns the task's number.
fn record(
    folder: &Path,
    task: impl Future<Output = ()> + Send + 'static,
) -> (Counts, Recording, u64) {
    let runtime = watched_runtime();
    let sampler = Sampler::start(folder, recorded::HZ).unwrap();
    let task = runtime.spawn(task);
    let number = number_of(&task.id());
    runtime.block_on(task).unwrap();
    let counts = sampler.stop();
    let recording = recorded::read(&folder.join(recorded::FILE)).unwrap();
    assert_eq!(counts.trouble, None);
    assert_eq!(recording.counts.as_ref(), Some(&counts));
    assert!(!recording.cut);
    assert_eq!(recording.samples.len() as u64, counts.delivered);
    assert!(
        counts.covered + counts.late <= counts.in_poll && counts.delivered <= counts.sent,
        "{counts:?}"
    );
    (counts, recording, number)
}

fn longest(recording: &Recording, task: u64) -> LongPoll {
    let polls = stalls::long_polls(
        recording,
        &mut Symbols::for_recording(recording),
        recorded::LONG_POLL_NS,
    );
    let polls: Vec<_> = polls.into_iter().filter(|poll| poll.task == task).collect();
    polls.into_iter().max_by_key(|poll| poll.seen_ns).expect("the task has a long poll")
}

/// Shown by `--nocapture`.
#[expect(
    clippy::print_stdout,
    reason = "numbers for whoever asks for them; nothing is asserted about them"
)]
fn tell(counts: &Counts, poll: &LongPoll) {
    println!(
        "{counts:?}\n{:.1} ms, {} samples, {:.2} on the CPU",
        poll.seen_ns as f64 / 1e6,
        poll.samples,
        poll.on_cpu
    );
    println!("{:.2} in this stack, {:?}", poll.stack_share, poll.waits);
    poll.stack.iter().take(15).for_each(|frame| println!("    {frame}"));
}

/// How many ticks some of the samples stand for. On a busy machine a sample stands for many.
fn ticks_of(recording: &Recording, which: impl Fn(&Sample) -> bool) -> u32 {
    recording.samples.iter().filter(|sample| which(sample)).map(|sample| sample.ticks).sum()
}

/// A pipe that somebody writes to after a while; whoever reads it waits until then.
fn slow_pipe(folder: &Path) -> (std::path::PathBuf, thread::JoinHandle<()>) {
    let path = folder.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let to = path.clone();
    let writer = thread::Builder::new().spawn(move || {
        let mut pipe = File::options().write(true).open(to).unwrap();
        thread::sleep(Duration::from_millis(300));
        pipe.write_all(b"done").unwrap();
    });
    (path, writer.unwrap())
}

const READ_LINE: u32 = line!() + 3;

async fn reads_a_file_in_a_poll(path: std::path::PathBuf) -> usize {
    let text = fs::read_to_string(path).unwrap();
    black_box(text.len())
}

#[test]
fn who_waits_for_a_file_is_named_with_the_line() {
    let _alone = alone();
    let folder = TempDir::new().unwrap();
    let (path, writer) = slow_pipe(folder.path());
    let (counts, recording, task) = record(folder.path(), async {
        assert_eq!(reads_a_file_in_a_poll(path).await, 4);
    });
    writer.join().unwrap();
    let poll = longest(&recording, task);
    tell(&counts, &poll);
    assert!(ticks_of(&recording, |sample| sample.task == task) > 100);
    assert!(poll.on_cpu <= 0.1, "{} on the CPU", poll.on_cpu);
    let names: Vec<&str> = poll.stack.iter().map(|frame| frame.function.as_str()).collect();
    assert_eq!(names[0], "read", "libc's own symbol");
    assert!(
        names[1].contains("FileDesc"),
        "the caller of libc, which has no frame pointers: {}",
        names[1]
    );
    let read = names
        .iter()
        .rposition(|name| name.contains("read_to_string"))
        .expect("what the task called");
    let own = &poll.stack[read + 1];
    assert!(own.file.as_ref().unwrap().ends_with("plain/stall.rs"), "{own}");
    assert_eq!(own.line, Some(READ_LINE));
    assert!(
        names[read..].iter().any(|name| name.contains("who_waits_for_a_file")),
        "the task's own name"
    );
    let folded = stalls::folded(&recording, &mut Symbols::for_recording(&recording));
    assert!(
        folded
            .off_cpu
            .keys()
            .any(|stack| stack.contains("read_to_string") && stack.ends_with(";read"))
    );
}

#[inline(never)]
fn computes_for(time: Duration) -> u64 {
    let end = Instant::now() + time;
    let mut hash = 1u64;
    while Instant::now() < end {
        for round in 0..10_000 {
            hash = black_box(hash.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round));
        }
    }
    hash
}

#[test]
fn who_computes_is_named() {
    let _alone = alone();
    let folder = TempDir::new().unwrap();
    let (counts, recording, task) = record(folder.path(), async {
        black_box(computes_for(Duration::from_millis(300)));
    });
    let poll = longest(&recording, task);
    tell(&counts, &poll);
    assert!(poll.on_cpu + poll.runnable >= 0.9, "it never waited in the kernel");
    // A machine that is busy with other things may keep the thread waiting for a core.
    assert!(poll.on_cpu >= 0.05, "{} on the CPU", poll.on_cpu);
    assert!(
        poll.stack.iter().any(|frame| frame.function.contains("computes_for")),
        "{:?}",
        poll.stack
    );
}

#[inline(never)]
fn works_in_libc(time: Duration) -> usize {
    let end = Instant::now() + time;
    let mut bytes = 0;
    while Instant::now() < end {
        let mut texts: Vec<String> =
            (0..50).map(|number| format!("{number} {:?}", black_box(0.1))).collect();
        texts.sort_by(|a, b| b.cmp(a));
        bytes += black_box(vec![7u8; 100_000].clone()).len() + texts.concat().len();
        bytes += std::env::var("PATH").map_or(0, |path| path.len())
            + usize::from(fs::metadata("/").is_ok());
    }
    bytes
}

#[test]
#[expect(clippy::print_stdout, reason = "a share for whoever asks for it")]
fn stacks_are_whole_in_code_without_frame_pointers_too() {
    let _alone = alone();
    let folder = TempDir::new().unwrap();
    let (_, recording, task) = record(folder.path(), async {
        black_box(works_in_libc(Duration::from_millis(500)));
    });
    let mut symbols = Symbols::for_recording(&recording);
    let mine: Vec<_> = recording.samples.iter().filter(|sample| sample.task == task).collect();
    let stacks: Vec<_> = mine.iter().map(|sample| symbols.stack(&sample.frames)).collect();
    let has = |stack: &[lab_recording::frame::Frame], name: &str| {
        stack.iter().any(|frame| frame.function.contains(name))
    };
    let own = stacks.iter().filter(|stack| has(stack, "works_in_libc")).count();
    let rooted = stacks.iter().filter(|stack| has(stack, "thread_start")).count();
    let foreign = stacks.iter().filter(|stack| stack[0].file.is_none()).count();
    println!(
        "{} samples, {foreign} begin in libc, {own} have the function, {rooted} the root",
        stacks.len()
    );
    for stack in stacks.iter().filter(|stack| !has(stack, "works_in_libc")).take(6) {
        println!(
            "  {:?}",
            stack.iter().take(4).map(|frame| format!("{frame}")).collect::<Vec<_>>()
        );
    }
    assert!(own * 10 >= stacks.len() * 8 && rooted * 10 >= stacks.len() * 9);
}

#[test]
fn an_idle_runtime_gets_no_signal() {
    let _alone = alone();
    let folder = TempDir::new().unwrap();
    let runtime = watched_runtime();
    runtime.block_on(runtime.spawn(async {})).unwrap();
    let sampler = Sampler::start(folder.path(), recorded::HZ).unwrap();
    thread::sleep(Duration::from_millis(100));
    let counts = sampler.stop();
    assert!(counts.ticks > 10, "{counts:?}");
    assert_eq!((counts.in_poll, counts.sent, counts.delivered, counts.unwatched), (0, 0, 0, 0));
}

#[test]
fn a_worker_that_hands_its_core_over_keeps_its_poll() {
    let _alone = alone();
    let folder = TempDir::new().unwrap();
    let (_, recording, task) = record(folder.path(), async {
        tokio::task::block_in_place(|| thread::sleep(Duration::from_millis(100)));
        // Whoever took the core polls on a thread of its own in the meantime and afterwards.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    });
    let poll = longest(&recording, task);
    assert!(poll.on_cpu < 0.5, "{poll:?}");
    let (all, own) = (
        ticks_of(&recording, |_| true),
        ticks_of(&recording, |sample| sample.thread == poll.thread),
    );
    assert!(own > 10 && own <= all, "{own} of {all} ticks");
}

#[test]
fn threads_beyond_the_slots_are_counted_and_slots_come_back() {
    const THREADS: usize = 80;
    let _alone = alone();
    for _ in 0..2 {
        let folder = TempDir::new().unwrap();
        let sampler = Sampler::start(folder.path(), recorded::HZ).unwrap();
        let all_inside = Barrier::new(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    hooks::enter_poll(1);
                    all_inside.wait();
                    hooks::leave_poll();
                    hooks::thread_stops();
                });
            }
        });
        assert_eq!(sampler.stop().unwatched, THREADS as u64 - 64);
    }
}

#[test]
fn threads_that_come_and_go_are_no_trouble() {
    let _alone = alone();
    let folder = TempDir::new().unwrap();
    let sampler = Sampler::start(folder.path(), 10_000).unwrap();
    for _ in 0..100 {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for task in 0..200 {
                        hooks::enter_poll(task);
                        black_box(vec![1u8; 5_000].to_vec());
                        hooks::leave_poll();
                    }
                    hooks::thread_stops();
                });
            }
        });
    }
    let counts = sampler.stop();
    assert!(
        counts.covered + counts.late <= counts.in_poll && counts.delivered <= counts.sent,
        "{counts:?}"
    );
    assert_eq!((counts.lost, counts.unwatched, counts.trouble), (0, 0, None));
}

#[test]
fn a_second_sampler_is_refused_and_a_dropped_one_makes_room() {
    let _alone = alone();
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let first = Sampler::start(folders[0].path(), recorded::HZ).unwrap();
    assert!(
        Sampler::start(folders[1].path(), recorded::HZ).unwrap_err().contains("another sampler")
    );
    drop(first);
    assert!(
        Sampler::start(folders[0].path(), recorded::HZ).unwrap_err().contains("stall.bin"),
        "never overwritten"
    );
    assert!(Sampler::start(folders[1].path(), 0).is_err());
    Sampler::start(folders[1].path(), recorded::HZ).unwrap().stop();
}

/// CPU time in nanoseconds that the same work takes.
fn cpu_ns_of_work() -> f64 {
    let begin = lab_kit::clock::thread_cpu_ns();
    let work = (0..20_000_000u64)
        .fold(1u64, |hash, round| black_box(hash.wrapping_mul(31).wrapping_add(round)));
    black_box(work);
    (lab_kit::clock::thread_cpu_ns() - begin) as f64
}

#[test]
#[ignore = "measures: cargo test -p lab stall -- --ignored --nocapture"]
#[expect(
    clippy::print_stdout,
    reason = "a number for whoever asks for it; nothing is asserted about it"
)]
fn what_a_sample_costs() {
    let _alone = alone();
    let mut costs = Vec::new();
    for _ in 0..15 {
        let bare = cpu_ns_of_work();
        let folder = TempDir::new().unwrap();
        let sampler = Sampler::start(folder.path(), 10_000).unwrap();
        hooks::enter_poll(1);
        let sampled = cpu_ns_of_work();
        hooks::leave_poll();
        costs.push((sampled - bare) / sampler.stop().delivered as f64);
    }
    costs.sort_by(f64::total_cmp);
    println!("CPU time of a sampled thread a sample, ns: median {:.0} of {costs:.0?}", costs[7]);
    hooks::thread_stops();
}

/// A real recording of some polls.
fn valid_file() -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let (counts, ..) = record(folder.path(), async {
        thread::sleep(Duration::from_millis(40));
    });
    assert!(counts.delivered > 0);
    fs::read(folder.path().join(recorded::FILE)).unwrap()
}

#[test]
fn a_file_that_is_cut_off_tells_what_is_before() {
    let _alone = alone();
    let bytes = valid_file();
    let whole = recorded::parse(&bytes).unwrap();
    let mut samples = 0;
    for length in (0..bytes.len()).step_by(7) {
        let Ok(part) = recorded::parse(&bytes[..length]) else { continue };
        assert!(part.samples.len() >= samples);
        assert_eq!(part.samples, whole.samples[..part.samples.len()]);
        samples = part.samples.len();
    }
    assert!(samples >= whole.samples.len() - 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_an_error_or_a_part(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = recorded::parse(&bytes);
        let header: Vec<u8> = b"LABSTALL\x01\0\0\0\0\0\0\0".iter().copied().chain([0; 48]).chain(bytes).collect();
        let recording = recorded::parse(&header).unwrap();
        let mut symbols = Symbols::for_recording(&recording);
        stalls::folded(&recording, &mut symbols);
        stalls::long_polls(&recording, &mut symbols, 0);
    }

    #[test]
    fn a_flipped_bit_is_an_error_or_a_part(at in 0usize..900, bit in 0u8..8, length in 0u16..40) {
        let mut bytes = b"LABSTALL\x01\0\0\0\0\0\0\0".to_vec();
        bytes.extend([0; 48]);
        for kind in [1, 2, 3, 1, 2] {
            bytes.extend([kind, 15].into_iter().chain(length.to_le_bytes()).chain([0; 4]));
            bytes.extend(std::iter::repeat_n(1, usize::from(length) * 8));
        }
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << bit;
        }
        let _ = recorded::parse(&bytes);
    }
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "a number for whoever asks for it; nothing is asserted about it"
)]
fn what_a_watched_poll_costs() {
    let _alone = alone();
    const POLLS: u32 = 1_000_000;
    let begin = Instant::now();
    for task in 0..POLLS {
        hooks::enter_poll(black_box(u64::from(task)));
        hooks::leave_poll();
    }
    let polls = begin.elapsed();
    let begin = Instant::now();
    for _ in 0..POLLS {
        black_box(lab_kit::clock::now_ns());
    }
    let each = |all: Duration| all.as_nanos() as f64 / f64::from(POLLS);
    println!(
        "enter_poll and leave_poll: {:.1} ns, the clock alone {:.1} ns",
        each(polls),
        each(begin.elapsed())
    );
    hooks::thread_stops();
}
