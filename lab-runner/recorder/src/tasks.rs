//! The list of live tasks, kept by the hooks for spawn and end of a task since before the first
//! runtime was built.
//!
//! Tokio's own count of tasks drops to zero when the shutdown of a runtime begins, which is when
//! the remaining tasks matter.

use crate::hooks::{Hooks, SEES_POLLS, Task};
use lab_kit::clock;
use std::collections::HashMap;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// Number of shards, so that threads that spawn at the same time seldom need the same lock.
const SHARDS: usize = 16;
/// Number of attempts to read a locked shard.
const TRIES: usize = 50;
/// Sleep between two attempts.
const PAUSE: Duration = Duration::from_millis(2);

static SHARD: [Mutex<Option<HashMap<u64, Alive>>>; SHARDS] = [const { Mutex::new(None) }; SHARDS];
/// Whether the hooks are installed and this build calls them.
static RECORDED: AtomicBool = AtomicBool::new(false);

/// A task that was spawned and has not ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alive {
    /// The number in the task's id.
    pub number: u64,
    /// The spawn location.
    pub place: &'static Location<'static>,
    /// Number of the runtime.
    pub runtime: u8,
    /// Time of the spawn, in nanoseconds of `CLOCK_MONOTONIC`.
    pub spawned_ns: u64,
}

/// Adds the hooks that maintain the list.
pub(crate) fn add_hooks(all: &mut Hooks) {
    RECORDED.store(SEES_POLLS, Ordering::Relaxed);
    all.spawned.push(spawned);
    all.ended.push(ended);
}

fn shard(number: u64) -> MutexGuard<'static, Option<HashMap<u64, Alive>>> {
    SHARD[number as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hook: a task was spawned. A number that is used again belongs to the newer task.
fn spawned(task: &Task) {
    let alive = Alive {
        number: task.number,
        place: task.place,
        runtime: task.runtime,
        spawned_ns: clock::now_ns(),
    };
    shard(task.number).get_or_insert_default().insert(task.number, alive);
}

/// Hook: a task has ended. Tasks of `spawn_blocking` end without an entry in the list.
fn ended(task: &Task) {
    if let Some(tasks) = shard(task.number).as_mut() {
        tasks.remove(&task.number);
    }
}

/// The live tasks, sorted by number, and the number of shards that could not be read; none if tasks
/// are not recorded.
pub(crate) fn alive() -> Option<(Vec<Alive>, usize)> {
    if !RECORDED.load(Ordering::Relaxed) {
        return None;
    }
    let shards: Vec<_> = SHARD.iter().map(read_shard).collect();
    let lost = shards.iter().filter(|shard| shard.is_none()).count();
    let mut tasks: Vec<Alive> = shards.into_iter().flatten().flatten().collect();
    tasks.sort_unstable_by_key(|task| task.number);
    Some((tasks, lost))
}

/// The tasks of a shard; none if its lock is not free within 100 ms. Called when threads are stuck,
/// so it must not wait without a limit.
fn read_shard(shard: &Mutex<Option<HashMap<u64, Alive>>>) -> Option<Vec<Alive>> {
    for _ in 0..TRIES {
        let tasks = match shard.try_lock() {
            Ok(tasks) => tasks,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(PAUSE);
                continue;
            }
        };
        return Some(tasks.iter().flat_map(HashMap::values).copied().collect());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_alive_from_its_spawn_to_its_end() {
        let task =
            |number| Task { number, place: Location::caller(), latency_ns: None, runtime: 3 };
        let far = u64::MAX - 100;
        RECORDED.store(true, Ordering::Relaxed);
        [far, far + 1, far + 2, far + 1].iter().for_each(|number| spawned(&task(*number)));
        ended(&task(far));
        ended(&task(far + 9));
        let (tasks, lost) = alive().unwrap();
        let ours: Vec<u64> =
            tasks.iter().map(|task| task.number).filter(|number| *number >= far).collect();
        assert_eq!((ours, lost), (vec![far + 1, far + 2], 0));
        [far + 1, far + 2].iter().for_each(|number| ended(&task(*number)));
    }
}
