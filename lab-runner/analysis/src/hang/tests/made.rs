//! Post-mortems that are made up, with names as release builds show them.

use crate::hang::*;
use lab_recording::post_mortem::*;

pub const DROP: [&str; 7] = [
    "std::sys::pal::unix::futex::futex_wait",
    "<std::sys::sync::condvar::futex::Condvar>::wait",
    "tokio::runtime::park::CachedParkThread::block_on",
    "tokio::runtime::blocking::shutdown::Receiver::wait",
    "tokio::runtime::blocking::pool::BlockingPool::shutdown",
    "core::ptr::drop_in_place<tokio::runtime::blocking::pool::BlockingPool>",
    "my_app::stop::{{closure}} | /home/me/src/app.rs:14",
];
pub const TIMEOUT: [&str; 6] = [
    "<std::sys::sync::condvar::futex::Condvar>::wait_optional_timeout",
    "tokio::runtime::context::blocking::BlockingRegionGuard::block_on_timeout",
    "tokio::runtime::blocking::shutdown::Receiver::wait",
    "tokio::runtime::blocking::pool::BlockingPool::shutdown",
    "tokio::runtime::runtime::Runtime::shutdown_timeout",
    "my_app::stop | /home/me/src/app.rs:14",
];
pub const RECV: [&str; 5] = [
    "std::sys::pal::unix::futex::futex_wait",
    "<std::thread::thread::Thread>::park",
    "recv<()> | /rustc/abc/library/std/src/sync/mpsc/../mpmc/mod.rs:985",
    "recv<()> | /rustc/abc/library/std/src/sync/mpsc.rs:849",
    "my_app::serve | /home/me/src/app.rs:17",
];
pub const BLOCK_ON: [&str; 5] = [
    "std::sync::poison::condvar::Condvar::wait",
    "tokio::runtime::park::Inner::park",
    "block_on<my_app::stop::{async_block_env#0}> | /r/tokio-1.54.1/src/runtime/park.rs:380",
    "tokio::runtime::runtime::Runtime::block_on",
    "my_app::stop | /home/me/src/app.rs:14",
];
pub const LOCK: [&str; 5] = [
    "std::sys::pal::unix::futex::futex_wait",
    "<std::sys::sync::mutex::futex::Mutex>::lock_contended",
    "lock<u64> | /rustc/abc/library/std/src/sync/poison/mutex.rs:492",
    "lab_kit::watched::lock::Mutex<u64>::lock",
    "my_app::transfer | /home/me/src/app.rs:21",
];
pub const WORKER: [&str; 4] = [
    "tokio::runtime::scheduler::multi_thread::worker::Context::run",
    "tokio::runtime::scheduler::multi_thread::worker::run",
    "tokio::runtime::scheduler::multi_thread::worker::Launch::launch::{{closure}}",
    "<tokio::runtime::blocking::task::BlockingTask<T> as core::future::future::Future>::poll",
];
pub const POLL: [&str; 5] = [
    "{closure#0}<my_app::X> | /r/tokio-1.54.1/src/runtime/task/core.rs:380",
    "poll<my_app::X, alloc::sync::Arc<S>> | /r/tokio-1.54.1/src/runtime/task/core.rs:369",
    "std::panicking::catch_unwind",
    "poll_inner<my_app::X> | /r/tokio-1.54.1/src/runtime/task/harness.rs:210",
    "tokio::runtime::task::raw::RawTask::poll",
];
pub const POOL: [&str; 3] = [
    "tokio::runtime::blocking::pool::LockedImpl::run_worker",
    "tokio::runtime::blocking::pool::Inner::run",
    "std::sys::backtrace::__rust_begin_short_backtrace",
];
const IN_PLACE: [&str; 3] = [
    "tokio::runtime::scheduler::multi_thread::worker::block_in_place",
    "tokio::task::blocking::block_in_place",
    "my_app::stop::{{closure}} | /home/me/src/app.rs:13",
];

fn frame(text: &str) -> Frame {
    let Some((function, place)) = text.split_once(" | ") else {
        return Frame { function: text.to_owned(), file: None, line: None };
    };
    let (file, line) = place.rsplit_once(':').unwrap();
    Frame { function: function.to_owned(), file: Some(file.to_owned()), line: line.parse().ok() }
}

fn thread(tid: u32, parts: &[&[&str]]) -> Thread {
    let stack = parts.concat().iter().map(|text| frame(text)).collect();
    Thread {
        tid,
        name: format!("thread-{tid}"),
        stack,
        same_later: true,
        on_cpu: Some(0.0),
        ..Thread::default()
    }
}

pub fn outside(tid: u32, above: &[&str]) -> Thread {
    thread(tid, &[above, &["std::sys::backtrace::__rust_begin_short_backtrace"]])
}

pub fn inside_worker(tid: u32, above: &[&str]) -> Thread {
    thread(tid, &[above, &POLL, &WORKER, &POLL, &POOL])
}

pub fn idle_worker(tid: u32) -> Thread {
    thread(
        tid,
        &[
            &["epoll_wait", "tokio::runtime::scheduler::multi_thread::park::Parker::park"],
            &WORKER,
            &POLL,
            &POOL,
        ],
    )
}

pub fn inside_pool(tid: u32, above: &[&str]) -> Thread {
    thread(tid, &[above, &POLL, &POOL])
}

pub fn idle_pool(tid: u32) -> Thread {
    thread(tid, &[&["std::sync::poison::condvar::Condvar::wait_timeout"], &POOL])
}

pub fn in_place<'a>(above: &[&'a str]) -> Vec<&'a str> {
    [above, &IN_PLACE].concat()
}

pub fn dead(threads: Vec<Thread>) -> PostMortem {
    PostMortem {
        threads,
        runtimes: vec![Runtime { workers: 2, ..Runtime::default() }],
        ..PostMortem::default()
    }
}

pub fn task(number: u64, place: &str) -> LiveTask {
    LiveTask { number, place: place.to_owned(), age_ms: 5_000.0, ..LiveTask::default() }
}

/// Threads, tasks and milliseconds.
type Who = (u32, Option<u64>, f64);

fn parties(all: &[Who], file: &str) -> Vec<Party> {
    let party = |&(tid, task, for_ms): &Who| Party {
        tid,
        task,
        for_ms,
        place: format!("src/{file}:{tid}"),
    };
    all.iter().map(party).collect()
}

pub fn lock(kind: WatchedKind, name: &str, holders: &[Who], waiters: &[Who]) -> Watched {
    Watched {
        kind,
        name: name.to_owned(),
        place: "src/made.rs:1".to_owned(),
        holders: parties(holders, "holds.rs"),
        waiters: parties(waiters, "waits.rs"),
        others: Vec::new(),
    }
}

pub fn channel(name: &str, waiters: &[Who], others: &[Who]) -> Watched {
    Watched { others: parties(others, "uses.rs"), ..lock(WatchedKind::Channel, name, &[], waiters) }
}
