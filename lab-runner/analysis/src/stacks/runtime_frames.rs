//! The one table of functions of tokio, the standard library, `parking_lot` and `futures` that a
//! stack is read by.
//!
//! A function is known by its crate, by whole segments of its path and by its name, so that neither
//! `my_app::runtime::task::raw::poll` passes for tokio's nor `my_app::lock_slow_query` for a lock.
//! Debug information may call an inlined function by its name alone: such a one is known by the
//! crate that its file belongs to and the file.

use crate::stacks::symbol_path::{last_name, segments};
use lab_recording::frame::Frame;
use serde::{Deserialize, Serialize};

/// Functions of one module.
#[derive(Debug)]
pub struct Functions {
    /// The crate, as code writes it.
    krate: &'static str,
    /// The path of the module below its crate, or of a type in it; empty for the whole crate.
    module: &'static str,
    /// Files below the crate's `src` that define them.
    files: &'static [&'static str],
    /// Their names.
    names: &'static [&'static str],
}

const fn functions(
    krate: &'static str,
    module: &'static str,
    files: &'static [&'static str],
    names: &'static [&'static str],
) -> Functions {
    Functions { krate, module, files, names }
}

/// The loop of a thread of a blocking pool.
pub const POOL: &[Functions] = &[functions(
    "tokio",
    "runtime::blocking::pool",
    &["runtime/blocking/pool.rs"],
    &["run", "run_worker"],
)];

/// The loop of a worker.
pub const WORKER: &[Functions] = &[functions(
    "tokio",
    "runtime::scheduler::multi_thread::worker",
    &["runtime/scheduler/multi_thread/worker.rs"],
    &["run", "launch", "run_task", "park", "park_internal"],
)];

/// The poll of a task, or of a blocking task, by its runtime.
pub const TASK_POLL: &[Functions] = &[
    functions("tokio", "runtime::task::raw", &["runtime/task/raw.rs"], &["poll"]),
    functions(
        "tokio",
        "runtime::task::harness",
        &["runtime/task/harness.rs"],
        &["poll", "poll_inner", "poll_future"],
    ),
    functions("tokio", "runtime::task::core", &["runtime/task/core.rs"], &["poll"]),
];

/// The hand-over of a worker in the middle of a poll.
pub const BLOCK_IN_PLACE: &[Functions] = &[
    functions("tokio", "task::blocking", &["task/blocking.rs"], &["block_in_place"]),
    functions(
        "tokio",
        "runtime::scheduler",
        &["runtime/scheduler/block_in_place.rs", "runtime/scheduler/multi_thread/worker.rs"],
        &["block_in_place"],
    ),
];

/// The end of a runtime.
pub const RUNTIME_END: &[Functions] = &[
    functions(
        "tokio",
        "runtime::blocking::pool::BlockingPool",
        &[],
        &["shutdown", "drop", "drop_in_place"],
    ),
    functions("tokio", "runtime::blocking::shutdown", &["runtime/blocking/shutdown.rs"], &["wait"]),
    functions("tokio", "runtime::runtime", &["runtime/runtime.rs"], &["shutdown_timeout"]),
];

/// Waiting to write, of locks that block their thread.
pub const WRITE_LOCK: &[Functions] = &[
    functions(
        "std",
        "sys::sync::rwlock",
        &["sys/sync/rwlock/futex.rs"],
        &["write", "write_contended"],
    ),
    functions("std", "sync::poison::rwlock", &["sync/poison/rwlock.rs"], &["write"]),
    functions(
        "parking_lot",
        "raw_rwlock",
        &["raw_rwlock.rs"],
        &["lock_exclusive_slow", "wait_for_readers"],
    ),
];

/// Locks that block their thread.
pub const LOCK: &[Functions] = &[
    functions(
        "std",
        "sys::sync::mutex",
        &["sys/sync/mutex/futex.rs", "sys/sync/mutex/pthread.rs"],
        &["lock", "lock_contended"],
    ),
    functions("std", "sync::poison::mutex", &["sync/poison/mutex.rs"], &["lock"]),
    functions(
        "std",
        "sys::sync::rwlock",
        &["sys/sync/rwlock/futex.rs", "sys/sync/rwlock/queue.rs"],
        &["read", "read_contended", "write", "write_contended", "lock_contended"],
    ),
    functions("std", "sync::poison::rwlock", &["sync/poison/rwlock.rs"], &["read", "write"]),
    functions("parking_lot", "raw_mutex", &["raw_mutex.rs"], &["lock_slow"]),
    functions(
        "parking_lot",
        "raw_rwlock",
        &["raw_rwlock.rs"],
        &[
            "lock_shared_slow",
            "lock_exclusive_slow",
            "lock_upgradable_slow",
            "upgrade_slow",
            "lock_common",
            "wait_for_readers",
        ],
    ),
];

/// Channels whose sides block their thread.
pub const CHANNEL: &[Functions] = &[
    functions("std", "sync::mpsc", &["sync/mpsc.rs"], &["recv", "recv_timeout", "send"]),
    functions("std", "sync::mpmc", &["sync/mpmc/mod.rs"], &["recv", "recv_timeout", "send"]),
    functions(
        "tokio",
        "sync::mpsc",
        &["sync/mpsc/bounded.rs", "sync/mpsc/unbounded.rs"],
        &["blocking_recv", "blocking_send"],
    ),
];

/// Waits for the end of a thread.
pub const JOIN: &[Functions] = &[
    functions("std", "thread", &["thread/join_handle.rs", "thread/lifecycle.rs"], &["join"]),
    functions("std", "thread::scoped", &["thread/scoped.rs"], &["scope", "join"]),
];

/// A future driven by the thread itself.
pub const BLOCK_ON: &[Functions] = &[functions(
    "tokio",
    "runtime",
    &[
        "runtime/park.rs",
        "runtime/runtime.rs",
        "runtime/handle.rs",
        "runtime/local_runtime/runtime.rs",
        "runtime/context/blocking.rs",
        "runtime/scheduler/multi_thread/mod.rs",
        "runtime/scheduler/current_thread/mod.rs",
    ],
    &["block_on", "block_on_inner"],
)];

/// Parked threads.
pub const PARK: &[Functions] = &[functions(
    "std",
    "thread",
    &["thread/thread.rs", "thread/functions.rs"],
    &["park", "park_timeout"],
)];

/// Condition variables.
pub const CONDVAR: &[Functions] = &[
    functions(
        "std",
        "sync::poison::condvar",
        &["sync/poison/condvar.rs"],
        &["wait", "wait_while", "wait_timeout", "wait_timeout_while"],
    ),
    functions(
        "std",
        "sys::sync::condvar",
        &["sys/sync/condvar/futex.rs"],
        &["wait", "wait_timeout", "wait_optional_timeout"],
    ),
    functions(
        "parking_lot",
        "condvar",
        &["condvar.rs"],
        &["wait", "wait_while", "wait_until_internal"],
    ),
];

/// Sleeping threads.
pub const SLEEP: &[Functions] =
    &[functions("std", "thread", &["thread/functions.rs"], &["sleep", "sleep_until"])];

/// Combinators, in which one task polls a set of futures.
pub const COMBINATOR: &[Functions] = &[
    functions(
        "futures_util",
        "stream",
        &["stream/futures_unordered/mod.rs", "stream/futures_ordered.rs", "stream/select_all.rs"],
        &[],
    ),
    functions(
        "futures_util",
        "future",
        &[
            "future/join_all.rs",
            "future/try_join_all.rs",
            "future/select_all.rs",
            "future/select_ok.rs",
        ],
        &[],
    ),
];

/// Combinators that poll either a stream or the future of its last item, and never both at once.
pub const SEQUENTIAL: &[Functions] = &[
    functions(
        "futures_util",
        "stream::stream",
        &[
            "stream/stream/for_each.rs",
            "stream/stream/fold.rs",
            "stream/stream/then.rs",
            "stream/stream/filter.rs",
            "stream/stream/filter_map.rs",
            "stream/stream/scan.rs",
            "stream/stream/skip_while.rs",
            "stream/stream/take_while.rs",
        ],
        &[],
    ),
    functions(
        "futures_util",
        "stream::try_stream",
        &[
            "stream/try_stream/try_for_each.rs",
            "stream/try_stream/try_fold.rs",
            "stream/try_stream/and_then.rs",
            "stream/try_stream/or_else.rs",
            "stream/try_stream/try_filter.rs",
            "stream/try_stream/try_filter_map.rs",
        ],
        &[],
    ),
];

/// The set of futures below most combinators: each poll registers the waker of its task.
pub const UNORDERED: &[Functions] =
    &[functions("futures_util", "stream", &["stream/futures_unordered/mod.rs"], &[])];

/// What tokio runs for a future that finds the budget of its task spent: the poll was in vain.
pub const TURNS_AWAY: &[Functions] = &[
    functions("tokio", "task::coop", &["task/coop/mod.rs"], &["poll_proceed", "register_waker"]),
    functions("tokio", "runtime::context", &["runtime/context.rs"], &["defer"]),
    functions(
        "tokio",
        "runtime::scheduler",
        &[
            "runtime/scheduler/defer.rs",
            "runtime/scheduler/mod.rs",
            "runtime/scheduler/multi_thread/worker.rs",
            "runtime/scheduler/current_thread/mod.rs",
        ],
        &["defer"],
    ),
];

/// Files on the blocking pool.
pub const FILE_SYSTEM: &[Functions] =
    &[functions("tokio", "fs", &["fs/mod.rs"], &["asyncify", "read", "write", "open"])];

/// What a future awaits, by the module of what it calls. The first entry that fits counts.
pub const AWAITED: &[(&str, &str, Awaited)] = &[
    ("tokio", "time", Awaited::Timer),
    ("tokio", "runtime::time", Awaited::Timer),
    ("futures_timer", "", Awaited::Timer),
    ("async_io", "timer", Awaited::Timer),
    ("tokio", "net", Awaited::Socket),
    ("tokio", "io", Awaited::Socket),
    ("tokio", "runtime::io", Awaited::Socket),
    ("tokio", "process", Awaited::Socket),
    ("tokio", "signal", Awaited::Socket),
    ("tokio", "sync::mpsc", Awaited::Channel),
    ("tokio", "sync::oneshot", Awaited::Channel),
    ("tokio", "sync::broadcast", Awaited::Channel),
    ("tokio", "sync::watch", Awaited::Channel),
    ("tokio", "sync::mutex", Awaited::Lock),
    ("tokio", "sync::rwlock", Awaited::Lock),
    ("tokio", "sync::semaphore", Awaited::Lock),
    ("tokio", "sync::batch_semaphore", Awaited::Lock),
    ("tokio", "sync", Awaited::Signal),
    ("tokio_util", "sync", Awaited::Signal),
    ("tokio_util", "task", Awaited::Task),
    ("tokio", "runtime::task::join", Awaited::Task),
    ("tokio", "task::join_set", Awaited::Task),
    ("tokio", "task::yield_now", Awaited::Yield),
    ("tokio", "fs", Awaited::Task),
    ("flume", "", Awaited::Channel),
    ("async_channel", "", Awaited::Channel),
    ("kanal", "", Awaited::Channel),
    ("futures_channel", "", Awaited::Channel),
    ("futures_util", "lock", Awaited::Lock),
    ("async_lock", "", Awaited::Lock),
    ("event_listener", "", Awaited::Signal),
    ("futures_util", "stream", Awaited::Set),
    ("futures_util", "future", Awaited::Set),
];

/// The release of a lock or of a permit: what such a call wakes gets what it waited for.
pub const RELEASE: &[Functions] = &[
    functions(
        "tokio",
        "sync::batch_semaphore",
        &["sync/batch_semaphore.rs"],
        &["release", "add_permits_locked"],
    ),
    functions("futures_util", "lock", &["lock/mutex.rs"], &["unlock"]),
];

/// The end of a task: what it wakes waits for the task's result alone.
pub const TASK_END: &[Functions] = &[
    functions("tokio", "runtime::task::harness", &["runtime/task/harness.rs"], &["complete"]),
    functions("tokio", "runtime::task::core", &["runtime/task/core.rs"], &["wake_join"]),
];

/// Modules whose functions call a closure of their caller, and poll no future of his.
const CALLS_CLOSURES: &[(&str, &str)] = &[
    ("core", "iter"),
    ("core", "slice"),
    ("alloc", ""),
    ("serde", ""),
    ("serde_core", ""),
    ("serde_json", ""),
];
/// Of those, what polls the future that it holds.
const HOLDS_A_FUTURE: (&str, &str) = ("alloc", "boxed");

/// What a future awaits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Awaited {
    /// A moment.
    Timer,
    /// The kernel: a socket, a pipe, a child process.
    Socket,
    /// A lock, or a permit of a semaphore.
    Lock,
    /// The other side of a channel.
    Channel,
    /// A notification.
    Signal,
    /// The end of a task.
    Task,
    /// One of a set of futures.
    Set,
    /// Its own turn, after it gave way.
    Yield,
    /// Something else.
    Other,
}

impl Awaited {
    /// Whether the wait ends from outside of the program.
    pub fn is_outside(self) -> bool {
        matches!(self, Awaited::Timer | Awaited::Socket)
    }
}

/// The runtime's way to a future, as beginnings of paths.
pub const TOKIO_PATHS: &[&[&str]] = &[&["tokio", "runtime"], &["tokio", "loom"]];
/// The way to a thread's function.
pub const START_PATHS: &[&[&str]] = &[
    &["_start"],
    &["clone"],
    &["clone3"],
    &["__clone"],
    &["__clone3"],
    &["main"],
    &["start_thread"],
    &["__libc_start_main"],
    &["__libc_start_main_impl"],
    &["__libc_start_call_main"],
    &["std", "rt"],
    &["std", "sys"],
    &["std", "sys_common"],
    &["std", "thread"],
];
/// What stands between frames of either kind, and between others too.
pub const NEUTRAL_PATHS: &[&[&str]] = &[
    &["__rust_try"],
    &["alloc", "boxed", "Box"],
    &["core", "panic"],
    &["core", "pin", "Pin"],
    &["std", "panic"],
    &["std", "panicking"],
    &["std", "thread", "local", "LocalKey"],
    &["tokio", "task", "coop"],
];

/// Crates that are not user code: the standard library, the runtime and the layers between it
/// and the kernel, what tasks are built with, and the lab.
const FOREIGN_CRATES: &[&str] = &[
    "__rustc",
    "alloc",
    "core",
    "crossbeam",
    "crossbeam_channel",
    "crossbeam_deque",
    "crossbeam_epoch",
    "crossbeam_queue",
    "crossbeam_utils",
    "futures",
    "futures_channel",
    "futures_core",
    "futures_executor",
    "futures_io",
    "futures_sink",
    "futures_task",
    "futures_util",
    "lab_analysis",
    "lab_kit",
    "lab_recorder",
    "lab_recording",
    "lab_runner",
    "libc",
    "lock_api",
    "mio",
    "parking_lot",
    "parking_lot_core",
    "rustix",
    "serde",
    "serde_core",
    "serde_json",
    "socket2",
    "std",
    "tokio",
    "tokio_stream",
    "tokio_util",
    "tracing",
    "tracing_core",
    "tracing_futures",
    "tracing_subscriber",
];

/// Whether a crate, as code writes it, is not user code.
pub fn is_foreign_crate(name: &str) -> bool {
    FOREIGN_CRATES.contains(&name)
}

/// A frame, parsed once for all the tables that it is looked up in.
#[derive(Debug)]
pub struct Named<'a> {
    path: Vec<&'a str>,
    last: &'a str,
    file: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// Parses a frame.
    pub fn new(frame: &'a Frame) -> Named<'a> {
        let path = segments(&frame.function);
        Named { path, last: last_name(&frame.function), file: frame.file.as_deref() }
    }

    /// Whether it is one of these functions.
    pub fn is_in(&self, table: &[Functions]) -> bool {
        table.iter().any(|functions| self.is_one_of(functions))
    }

    fn is_one_of(&self, functions: &Functions) -> bool {
        let named = match functions.names {
            [] => self.last.starts_with("poll"),
            names => names.contains(&self.last),
        };
        if !named {
            return false;
        }
        match functions.names {
            // Of a combinator each file is a module of its own, and only some modules of `stream`
            // are combinators.
            [] if self.has_path() => functions.files.iter().any(|file| {
                let module =
                    file.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
                self.begins_with(functions.krate, &module)
            }),
            _ if self.has_path() => self.begins_with(functions.krate, functions.module),
            _ => functions.files.iter().any(|file| self.is_defined_in(functions.krate, file)),
        }
    }

    /// Whether more than its last name is known of its path.
    fn has_path(&self) -> bool {
        self.path.iter().filter(|part| !part.starts_with('{')).count() > 1
    }

    /// Whether its path begins with a crate and, by whole segments, a module of it.
    fn begins_with(&self, krate: &str, module: &str) -> bool {
        let wanted =
            std::iter::once(krate).chain(module.split("::").filter(|part| !part.is_empty()));
        let mut path = self.path.iter();
        wanted.into_iter().all(|part| path.next().is_some_and(|own| *own == part))
    }

    /// Whether its file is this one of the sources of a crate.
    fn is_defined_in(&self, krate: &str, file: &str) -> bool {
        let below = self.file.and_then(|path| path.strip_suffix(file)?.strip_suffix("/src/"));
        below
            .is_some_and(|folder| names_crate(folder.rsplit('/').next().unwrap_or_default(), krate))
    }

    /// Whether it calls a closure of its caller, and polls no future of his.
    pub fn calls_closures(&self) -> bool {
        let any = |modules: &[(&str, &str)]| {
            modules.iter().any(|(krate, module)| self.is_within(krate, module))
        };
        self.is_in(BLOCK_IN_PLACE) || any(CALLS_CLOSURES) && !any(&[HOLDS_A_FUTURE])
    }

    /// What a future awaits that calls it, where the table tells.
    pub fn awaited(&self) -> Option<Awaited> {
        let is_in = |(krate, module, _): &&(&str, &str, Awaited)| self.is_within(krate, module);
        AWAITED.iter().find(is_in).map(|(_, _, awaited)| *awaited)
    }

    fn is_within(&self, krate: &str, module: &str) -> bool {
        if self.has_path() {
            return self.begins_with(krate, module);
        }
        let Some((folder, below)) = self.file.and_then(|file| file.rsplit_once("/src/")) else {
            return false;
        };
        let rest = below.strip_prefix(&module.replace("::", "/"));
        names_crate(folder.rsplit('/').next().unwrap_or_default(), krate)
            && (module.is_empty() || rest.is_some_and(|rest| rest.starts_with(['/', '.'])))
    }
}

/// Whether a folder that holds the sources of a crate is called as the crate is:
/// `futures-util-0.3.34`, `tokio`.
fn names_crate(folder: &str, krate: &str) -> bool {
    crate_of_folder(folder).replace('-', "_") == krate
}

/// The name of a crate, of the folder that its sources lie in: without the version that the
/// registry puts behind it.
fn crate_of_folder(folder: &str) -> &str {
    let is_version = |version: &str| version.starts_with(|c: char| c.is_ascii_digit());
    folder
        .match_indices('-')
        .find(|(at, _)| is_version(&folder[at + 1..]))
        .map_or(folder, |(at, _)| &folder[..at])
}

/// The crate that a source file belongs to, as code writes it, by the folder above the innermost
/// `src`.
pub fn crate_of_file(file: &str) -> Option<String> {
    let (above, _) = file.rsplit_once("/src/")?;
    let name = crate_of_folder(above.rsplit('/').next()?);
    (!name.is_empty()).then(|| name.replace('-', "_"))
}

#[cfg(test)]
mod tests;
