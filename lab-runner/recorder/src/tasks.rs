//! Tasks that are alive, by the hooks of their spawn and their end, since before the first runtime
//! was built.
//!
//! Tokio itself forgets its tasks when a runtime begins to end, which is when it matters who is
//! left.

use crate::hooks::{Hooks, SEES_POLLS, Task};
use lab_kit::clock;
use std::collections::HashMap;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// So that threads which spawn at the same time seldom meet.
const SHARDS: usize = 16;
/// How often a locked shard is tried before it is given up.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(2);

static SHARD: [Mutex<Option<HashMap<u64, Alive>>>; SHARDS] = [const { Mutex::new(None) }; SHARDS];
/// Whether tasks are reported.
static LOOKED: AtomicBool = AtomicBool::new(false);

/// A task that was spawned and has not ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alive {
    /// Its number.
    pub number: u64,
    /// Where it was spawned.
    pub place: &'static Location<'static>,
    /// The runtime.
    pub runtime: u8,
    /// When it was spawned.
    pub spawned_ns: u64,
}

/// Adds what keeps the list.
pub(crate) fn add_hooks(all: &mut Hooks) {
    LOOKED.store(SEES_POLLS, Ordering::Relaxed);
    all.spawned.push(spawned);
    all.ended.push(ended);
}

fn shard(number: u64) -> MutexGuard<'static, Option<HashMap<u64, Alive>>> {
    SHARD[number as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number that is given again belongs to the newer task.
fn spawned(task: &Task) {
    let alive = Alive {
        number: task.number,
        place: task.place,
        runtime: task.runtime,
        spawned_ns: clock::now_ns(),
    };
    shard(task.number).get_or_insert_default().insert(task.number, alive);
}

/// Tasks of `spawn_blocking` end without having been spawned.
fn ended(task: &Task) {
    if let Some(tasks) = shard(task.number).as_mut() {
        tasks.remove(&task.number);
    }
}

/// The tasks that are alive, by their numbers, and how many parts of the list could not be read;
/// none if they are not recorded.
pub(crate) fn alive() -> Option<(Vec<Alive>, usize)> {
    if !LOOKED.load(Ordering::Relaxed) {
        return None;
    }
    let parts: Vec<_> = SHARD.iter().map(part).collect();
    let lost = parts.iter().filter(|part| part.is_none()).count();
    let mut tasks: Vec<Alive> = parts.into_iter().flatten().flatten().collect();
    tasks.sort_unstable_by_key(|task| task.number);
    Some((tasks, lost))
}

/// Waits a while and not for ever: it is called because threads are stuck.
fn part(shard: &Mutex<Option<HashMap<u64, Alive>>>) -> Option<Vec<Alive>> {
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
    fn a_task_is_alive_until_it_ends_and_one_that_only_ends_never_was() {
        let task =
            |number| Task { number, place: Location::caller(), latency_ns: None, runtime: 3 };
        let far = u64::MAX - 100;
        LOOKED.store(true, Ordering::Relaxed);
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
