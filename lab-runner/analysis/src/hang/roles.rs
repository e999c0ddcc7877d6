//! What a thread is, what it is inside of and what it waits for, as its stack tells: by names of the runtime's and the standard
//! library's functions, or by their files where inlining took the names' paths.

use crate::stacks::{is_foreign, is_own_frame};
use lab_recording::frame::Frame;
use lab_recording::post_mortem::Thread;

/// Libraries that stand between the lock that somebody asks for and the kernel.
const BETWEEN: [&str; 7] = ["crossbeam", "libc::", "lock_api", "mio::", "parking_lot", "rustix", "socket2"];

/// What a thread is and does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Role<'a> {
    pub home: Home,
    /// Whether it is inside the poll of a task, or inside a blocking task.
    pub inside: bool,
    /// Whether it has given its worker away.
    pub in_place: bool,
    /// What it waits for; none if it computes, stands in a call, or did not answer.
    pub wait: Option<Wait>,
    pub computes: bool,
    /// The innermost frame that is nobody else's.
    pub own: Option<&'a Frame>,
}

/// Whose thread it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// A runtime's, to poll tasks.
    Worker,
    /// A runtime's, for blocking tasks.
    Pool,
    /// No runtime's.
    Outside,
}

/// What a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// Work: it has nothing to do.
    Idle,
    /// Time.
    Sleep,
    /// A condition variable.
    Condvar,
    /// Somebody's unpark.
    Park,
    /// The future that it was given.
    BlockOn,
    /// The end of a thread.
    Join,
    /// The other side of a channel that blocks its thread.
    Channel,
    /// A lock that blocks its thread.
    Lock,
    /// The end of a runtime.
    End,
}

/// Functions of a module, by its path and by its file.
struct Spot {
    module: &'static str,
    file: &'static str,
    names: &'static [&'static str],
}

const fn spot(module: &'static str, file: &'static str, names: &'static [&'static str]) -> Spot {
    Spot { module, file, names }
}

const POOL: &[Spot] = &[spot("runtime::blocking::pool", "runtime/blocking/pool.rs", &["run", "run_worker"])];
const WORKER: &[Spot] =
    &[spot("multi_thread::worker", "multi_thread/worker.rs", &["run", "launch", "run_task", "park", "park_internal"])];
const POLL: &[Spot] = &[
    spot("runtime::task::raw", "runtime/task/raw.rs", &["poll"]),
    spot("runtime::task::harness", "runtime/task/harness.rs", &["poll", "poll_inner", "poll_future"]),
    spot("runtime::task::core", "runtime/task/core.rs", &["poll"]),
];
const IN_PLACE: &[Spot] = &[
    spot("task::blocking", "task/blocking.rs", &["block_in_place"]),
    spot("scheduler::block_in_place", "scheduler/block_in_place.rs", &["block_in_place"]),
    spot("multi_thread::worker", "multi_thread/worker.rs", &["block_in_place"]),
];
const END: &[Spot] = &[
    spot("runtime::blocking::pool::BlockingPool", "-", &["shutdown", "drop", "drop_in_place"]),
    spot("runtime::blocking::shutdown", "runtime/blocking/shutdown.rs", &["wait"]),
    spot("runtime::runtime::Runtime", "runtime/runtime.rs", &["shutdown_timeout"]),
];
const LOCK: &[Spot] = &[
    spot("sys::sync::mutex", "sys/sync/mutex/futex.rs", &["lock", "lock_contended"]),
    spot("sys::sync::mutex", "sys/sync/mutex/pthread.rs", &["lock"]),
    spot("sync::poison::mutex", "sync/poison/mutex.rs", &["lock"]),
    spot("sys::sync::rwlock", "sys/sync/rwlock/futex.rs", &["read", "read_contended", "write", "write_contended"]),
    spot("sync::poison::rwlock", "sync/poison/rwlock.rs", &["read", "write"]),
    spot("parking_lot::raw_mutex", "raw_mutex.rs", &["lock_slow"]),
    spot(
        "parking_lot::raw_rwlock",
        "raw_rwlock.rs",
        &["lock_shared_slow", "lock_exclusive_slow", "lock_upgradable_slow"],
    ),
];
const CHANNEL: &[Spot] = &[
    spot("std::sync::mpsc", "std/src/sync/mpsc.rs", &["recv", "recv_timeout", "send"]),
    spot("std::sync::mpmc", "std/src/sync/mpmc/mod.rs", &["recv", "recv_timeout", "send"]),
    spot("sync::mpsc", "src/sync/mpsc/bounded.rs", &["blocking_recv", "blocking_send"]),
    spot("sync::mpsc", "src/sync/mpsc/unbounded.rs", &["blocking_recv"]),
];
const JOIN: &[Spot] = &[
    spot("std::thread", "std/src/thread/join_handle.rs", &["join"]),
    spot("std::thread", "std/src/thread/lifecycle.rs", &["join"]),
    spot("std::thread::scoped", "std/src/thread/scoped.rs", &["scope", "join"]),
];
const BLOCK_ON: &[Spot] = &[
    spot("runtime::", "src/runtime/park.rs", &["block_on"]),
    spot("runtime::", "src/runtime/runtime.rs", &["block_on", "block_on_inner"]),
    spot("runtime::", "src/runtime/handle.rs", &["block_on", "block_on_inner"]),
    spot("runtime::", "multi_thread/mod.rs", &["block_on"]),
    spot("runtime::", "current_thread/mod.rs", &["block_on"]),
];
const PARK: &[Spot] = &[
    spot("std::thread", "std/src/thread/thread.rs", &["park", "park_timeout"]),
    spot("std::thread", "std/src/thread/functions.rs", &["park", "park_timeout"]),
];
const CONDVAR: &[Spot] = &[
    spot("condvar", "condvar.rs", &["wait", "wait_while", "wait_timeout", "wait_timeout_while", "wait_internal"]),
    spot("sys::sync::condvar", "sync/condvar/futex.rs", &["wait", "wait_timeout", "wait_optional_timeout"]),
];
const SLEEP: &[Spot] = &[spot("std::thread", "std/src/thread/functions.rs", &["sleep", "sleep_until"])];

/// Waits by their functions. Several stand in one stack: the end of a runtime parks its thread with a condition variable.
const WAITS: [(Wait, &[Spot]); 8] = [
    (Wait::End, END),
    (Wait::Lock, LOCK),
    (Wait::Channel, CHANNEL),
    (Wait::Join, JOIN),
    (Wait::BlockOn, BLOCK_ON),
    (Wait::Park, PARK),
    (Wait::Condvar, CONDVAR),
    (Wait::Sleep, SLEEP),
];

/// What a thread is and does.
pub fn role(thread: &Thread) -> Role<'_> {
    let stack: Vec<Named<'_>> = thread.stack.iter().map(Named::of).collect();
    let home = Place::of(&stack);
    let idle = (home.home != Home::Outside && !home.inside).then_some(Wait::Idle);
    let wait = idle.or_else(|| wait(&stack));
    Role {
        home: home.home,
        inside: home.inside || thread.poll.is_some(),
        in_place: home.in_place,
        wait,
        computes: !thread.stack.is_empty() && wait.is_none() && computes(thread),
        own: own(&thread.stack),
    }
}

/// The innermost frame that is nobody else's.
pub fn own(stack: &[Frame]) -> Option<&Frame> {
    stack.iter().find(|frame| is_own_frame(frame) && is_own(&frame.function))
}

fn is_own(function: &str) -> bool {
    let path = function.trim_start_matches(['<', '&']);
    !is_foreign(function) && !BETWEEN.iter().any(|library| path.starts_with(library))
}

/// Whether it did something between two looks. One that is on no core in a crowd was in no system call either.
fn computes(thread: &Thread) -> bool {
    let share = thread.on_cpu.unwrap_or_default();
    share > 0.5 || !thread.same_later || (share > 0.1 && thread.syscall.is_none())
}

/// Where a stack stands, followed from its root inwards.
#[derive(Clone, Copy)]
struct Place {
    home: Home,
    inside: bool,
    in_place: bool,
}

impl Place {
    fn of(stack: &[Named<'_>]) -> Place {
        let mut place = Place { home: Home::Outside, inside: false, in_place: false };
        for frame in stack.iter().rev() {
            place.enter(frame);
        }
        place
    }

    fn enter(&mut self, frame: &Named<'_>) {
        if frame.is_at(IN_PLACE) {
            self.in_place = true;
        } else if frame.is_at(WORKER) {
            // A worker is a blocking task of its own pool: what it is inside of begins with its tasks.
            *self = Place { home: Home::Worker, inside: false, in_place: false };
        } else if frame.is_at(POOL) && self.home == Home::Outside {
            self.home = Home::Pool;
        } else if frame.is_at(POLL) {
            self.inside = true;
        }
    }
}

/// What a stack waits for: of all that foreign functions wait for above the innermost own one, what explains the others.
fn wait(stack: &[Named<'_>]) -> Option<Wait> {
    let above = stack.iter().take_while(|frame| !is_own(frame.function) && !frame.is_at(POLL));
    let waits = above.filter_map(|frame| WAITS.iter().find(|(_, spots)| frame.is_at(spots)).map(|(wait, _)| *wait));
    waits.max()
}

/// A frame's name and where it is, as far as that helps to know it again.
struct Named<'a> {
    function: &'a str,
    /// The last part of the name.
    last: &'a str,
    /// The file, of a function without a path: debug information may call an inlined one by its last name alone.
    file: Option<&'a str>,
}

impl<'a> Named<'a> {
    fn of(frame: &'a Frame) -> Named<'a> {
        let function = frame.function.as_str();
        let last = last_name(function);
        let after = function.strip_prefix(last).unwrap_or("::");
        let bare = after.is_empty() || (after.starts_with('<') && !last.is_empty());
        Named { function, last, file: frame.file.as_deref().filter(|_| bare) }
    }

    fn is_at(&self, spots: &[Spot]) -> bool {
        let is_at = |spot: &Spot| match self.file {
            Some(file) => file.ends_with(spot.file),
            None => self.function.contains(spot.module),
        };
        spots.iter().any(|spot| spot.names.contains(&self.last) && is_at(spot))
    }
}

/// The last name of a path, without what it is generic over and without the closures in it.
fn last_name(function: &str) -> &str {
    let mut depth = 0usize;
    let (mut begin, mut end, mut last) = (0, None, "");
    let bytes = function.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'<' => {
                if depth == 0 && end.is_none() {
                    end = Some(index);
                }
                depth += 1;
            }
            // The arrow of a function's type closes nothing.
            b'>' if index == 0 || bytes[index - 1] != b'-' => depth = depth.saturating_sub(1),
            b':' if depth == 0 && index >= begin && bytes.get(index + 1) == Some(&b':') => {
                last = better(last, &function[begin..end.unwrap_or(index)]);
                (begin, end) = (index + 2, None);
            }
            _ => {}
        }
    }
    better(last, function.get(begin..end.unwrap_or(function.len())).unwrap_or_default())
}

fn better<'a>(last: &'a str, name: &'a str) -> &'a str {
    let name_of_none = name.is_empty() || name.starts_with('{') || name.starts_with(':');
    if name_of_none { last } else { name }
}

#[cfg(test)]
mod tests;
