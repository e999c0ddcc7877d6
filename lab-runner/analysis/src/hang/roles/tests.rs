use crate::hang::roles::*;

/// A thread with these frames, innermost first, each `function` or `function | file`.
fn thread(frames: &[&str]) -> Thread {
    let frame = |text: &&str| {
        let (function, file) =
            text.split_once(" | ").map_or((*text, None), |(f, file)| (f, Some(file.to_owned())));
        Frame { function: function.to_owned(), line: file.as_ref().map(|_| 7), file }
    };
    Thread {
        tid: 1,
        stack: frames.iter().map(frame).collect(),
        same_later: true,
        ..Thread::default()
    }
}

const WORKER_BELOW: [&str; 9] = [
    "tokio::runtime::scheduler::multi_thread::worker::Context::run",
    "tokio::runtime::scheduler::multi_thread::worker::run",
    "tokio::runtime::scheduler::multi_thread::worker::Launch::launch::{{closure}}",
    "<tokio::runtime::blocking::task::BlockingTask<T> as core::future::future::Future>::poll",
    "tokio::runtime::task::core::Core<T,S>::poll",
    "tokio::runtime::task::harness::Harness<T,S>::poll_inner",
    "tokio::runtime::task::raw::poll",
    "tokio::runtime::blocking::pool::Inner::run",
    "tokio::runtime::blocking::pool::Spawner::spawn_thread::{{closure}}",
];

#[test]
fn a_worker_with_nothing_to_do_is_idle() {
    let mut frames =
        vec!["epoll_wait", "tokio::runtime::scheduler::multi_thread::park::Inner::park_driver"];
    frames.extend(WORKER_BELOW);
    let thread = thread(&frames);
    let role = role(&thread);
    assert_eq!(
        (role.home, role.inside, role.wait, role.computes),
        (Home::Worker, false, Some(Wait::Idle), false)
    );
}

#[test]
fn a_thread_of_the_pool_is_idle_or_inside_a_blocking_task() {
    let idle = thread(&[
        "std::sync::poison::condvar::Condvar::wait_timeout",
        "tokio::runtime::blocking::pool::LockedImpl::run_worker",
        "tokio::runtime::blocking::pool::Inner::run",
    ]);
    assert_eq!((role(&idle).home, role(&idle).wait), (Home::Pool, Some(Wait::Idle)));
    let reads = thread(&[
        "read",
        "my_app::load",
        "poll<my_app::load, S> | /r/tokio-1.54.1/src/runtime/task/core.rs",
        "tokio::runtime::task::raw::RawTask::poll",
        "tokio::runtime::blocking::pool::LockedImpl::run_worker",
    ]);
    let role = role(&reads);
    assert_eq!((role.home, role.inside, role.wait, role.computes), (Home::Pool, true, None, false));
    assert_eq!(role.own.unwrap().function, "my_app::load");
}

#[test]
fn what_is_waited_for_is_told_by_paths_and_by_files() {
    let std = "/rustc/abc/library/std/src/";
    let futex = [
        "std::sys::pal::unix::futex::futex_wait",
        "<std::sys::sync::condvar::futex::Condvar>::wait",
    ];
    let at = |function: &str, file: &str| format!("{function} | {std}{file}");
    let lock = at("lock<u8>", "sync/poison/mutex.rs");
    let recv = at("recv<()>", "sync/mpsc.rs");
    let join = at("join<()>", "thread/join_handle.rs");
    let cases: [(&[&str], Wait); 9] = [
        (&["<std::sys::sync::mutex::futex::Mutex>::lock_contended", &lock], Wait::Lock),
        (&["<std::sys::sync::rwlock::futex::RwLock>::read_contended"], Wait::Lock),
        (
            &["parking_lot_core::parking_lot::park", "parking_lot::raw_mutex::RawMutex::lock_slow"],
            Wait::Lock,
        ),
        (&["<std::thread::thread::Thread>::park", "wait_until", &recv], Wait::Channel),
        (&["<std::sys::thread::unix::Thread>::join", &join], Wait::Join),
        (
            &[
                "block_on<F> | /r/tokio-1.54.1/src/runtime/park.rs",
                "block_on<F> | /r/tokio-1.54.1/src/runtime/runtime.rs",
            ],
            Wait::BlockOn,
        ),
        (
            &[
                "tokio::runtime::park::CachedParkThread::block_on",
                "tokio::runtime::blocking::shutdown::Receiver::wait",
            ],
            Wait::End,
        ),
        (&["tokio::runtime::runtime::Runtime::shutdown_timeout"], Wait::End),
        (&[], Wait::Condvar),
    ];
    for (above, wait) in cases {
        let mut frames = futex.to_vec();
        frames.extend(above);
        frames.extend([
            "my_app::serve::{closure#0}",
            "tokio::runtime::runtime::Runtime::block_on",
            "main",
        ]);
        let thread = thread(&frames);
        assert_eq!(role(&thread).wait, Some(wait), "{above:?}");
        assert_eq!(role(&thread).own.unwrap().function, "my_app::serve::{closure#0}");
    }
}

#[test]
fn sleep_is_a_wait_too() {
    assert_eq!(
        role(&thread(&["nanosleep", "std::thread::functions::sleep", "my_app::nap"])).wait,
        Some(Wait::Sleep)
    );
}

#[test]
fn own_code_in_block_on_computes_and_does_not_wait() {
    let mut computes =
        thread(&["my_app::spin", "tokio::runtime::runtime::Runtime::block_on", "my_app::main"]);
    assert!(!role(&computes).computes && role(&computes).wait.is_none(), "it stands");
    computes.on_cpu = Some(0.9);
    assert!(role(&computes).computes);
    (computes.on_cpu, computes.same_later) = (None, false);
    assert!(role(&computes).computes, "where the kernel does not tell");
}

#[test]
fn a_worker_in_block_in_place_is_inside_its_poll() {
    let mut frames = vec![
        "<std::sys::sync::condvar::futex::Condvar>::wait",
        "tokio::runtime::blocking::shutdown::Receiver::wait",
        "tokio::runtime::blocking::pool::BlockingPool::shutdown",
        "core::ptr::drop_in_place<tokio::runtime::blocking::pool::BlockingPool>",
        "my_app::stop::{{closure}}::{{closure}}",
        "tokio::runtime::scheduler::multi_thread::worker::block_in_place",
        "my_app::stop::{{closure}}",
        "tokio::runtime::task::harness::poll_future",
        "tokio::runtime::scheduler::multi_thread::worker::Context::run_task",
    ];
    frames.extend(WORKER_BELOW);
    let thread = thread(&frames);
    let role = role(&thread);
    assert_eq!(
        (role.home, role.inside, role.in_place, role.wait),
        (Home::Worker, true, true, Some(Wait::End))
    );
    // The thread that took the worker over is no task's.
    let mut frames = vec!["epoll_wait"];
    frames.extend(&WORKER_BELOW[..2]);
    frames.push("tokio::runtime::scheduler::multi_thread::worker::maybe_move_runtime::{{closure}}::{{closure}}");
    frames.extend(&WORKER_BELOW[3..]);
    let taken = self::thread(&frames);
    assert_eq!(
        (crate::hang::roles::role(&taken).inside, crate::hang::roles::role(&taken).in_place),
        (false, false)
    );
}
