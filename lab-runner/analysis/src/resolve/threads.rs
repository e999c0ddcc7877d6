//! Names for what the child left of its threads, in the parent, once the child is gone.

use crate::stacks::runtime_frames::{Named, POOL, TASK_POLL};
use crate::stacks::symbols::Symbols;
use lab_recording::file;
use lab_recording::post_mortem::{Addresses, POST_MORTEM, PostMortem};
use lab_recording::scheduler::{self, Blocks, What};
use lab_recording::threads::{
    PANICS, Panic, Program, RAW_PANICS, RAW_POST_MORTEM, RAW_STUCK_THREADS, Raw, STUCK_THREADS,
    StuckThread,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::path::Path;

/// Resolves the post-mortem and the panics of a run, and returns notes on their damage. A run is
/// never lost by this.
pub fn complete(folder: &Path, hung: bool) -> Vec<String> {
    let dead = resolve(folder, [RAW_POST_MORTEM, POST_MORTEM], |dead, symbols| {
        post_mortem(dead, symbols, folder)
    });
    let panics = resolve(folder, [RAW_PANICS, PANICS], panics);
    let lacks = hung && matches!(dead, Ok(false));
    let lacks = lacks.then(|| "post-mortem missing: the process did not answer".to_owned());
    let damaged =
        |file: &str, why: anyhow::Error| format!("{file} is damaged and not shown: {why:#}");
    let dead = dead.err().map(|why| damaged(RAW_POST_MORTEM, why));
    let panics = panics.err().map(|why| damaged(RAW_PANICS, why));
    lacks.into_iter().chain(dead).chain(panics).collect()
}

/// Resolves the stuck threads.
///
/// # Errors
/// If what the child left is damaged, or if there is no room for the names.
pub fn complete_standing(folder: &Path) -> anyhow::Result<()> {
    resolve(folder, [RAW_STUCK_THREADS, STUCK_THREADS], stuck_threads).map(drop)
}

/// The names of a program's addresses.
pub fn symbols(program: &Program) -> Symbols {
    Symbols::of_program(&program.maps, Path::new(&program.executable), program.stamp)
}

/// Puts what `name` makes of a raw file in its place. False if there is none.
fn resolve<T, N>(
    folder: &Path,
    [from, to]: [&str; 2],
    name: impl FnOnce(Raw<T>, &mut Symbols) -> N,
) -> anyhow::Result<bool>
where
    T: Serialize + DeserializeOwned,
    N: Serialize,
{
    let from = folder.join(from);
    let Some(raw) = Raw::<T>::read(&from)? else { return Ok(false) };
    let mut symbols = symbols(&raw.program);
    let named = name(raw, &mut symbols);
    file::replace(&folder.join(to), &serde_json::to_vec_pretty(&named)?)?;
    let _ = std::fs::remove_file(from);
    Ok(true)
}

fn post_mortem(
    raw: Raw<PostMortem<Addresses>>,
    symbols: &mut Symbols,
    folder: &Path,
) -> PostMortem {
    let mut dead = raw.data.with_stacks(|stack| symbols.stack(&stack));
    if symbols.executable_has_changed() {
        dead.notes.push(
            "the binary has changed since the recording: functions are shown without names".into(),
        );
    }
    let tasks = dead.tasks.as_deref_mut().unwrap_or_default();
    if !tasks.is_empty() {
        let polls = last_polls(folder);
        for task in tasks {
            let begin_ns = polls.get(&task.number);
            task.last_poll_ms =
                begin_ns.map(|begin_ns| raw.at_ns.saturating_sub(*begin_ns) as f64 / 1e6);
        }
    }
    dead
}

/// The begin of the last recorded poll of each task.
fn last_polls(folder: &Path) -> HashMap<u64, u64> {
    let mut last = HashMap::new();
    let Ok(recording) = scheduler::read(&folder.join(scheduler::FILE)) else { return last };
    let mut events = Vec::new();
    for lane in 0..recording.lanes() {
        for block in 0..recording.blocks(lane) {
            recording.read(lane, block, &mut events);
            for poll in events.iter().filter(|event| event.what == What::Poll) {
                let begin = last.entry(poll.task).or_insert(poll.at_ns);
                *begin = poll.at_ns.max(*begin);
            }
        }
    }
    last
}

fn panics(raw: Raw<Vec<Panic<Addresses>>>, symbols: &mut Symbols) -> Vec<Panic> {
    raw.data.into_iter().map(|panic| panic.with_stack(|stack| symbols.stack(&stack))).collect()
}

fn stuck_threads(raw: Raw<Vec<StuckThread<Addresses>>>, symbols: &mut Symbols) -> Vec<StuckThread> {
    let named = raw.data.into_iter().map(|one| one.with_stack(|stack| symbols.stack(&stack)));
    named.filter(|one| !is_idle(one)).collect()
}

/// Whether it is a thread of tokio's blocking pool that is idle: it polls no blocking
/// task.
fn is_idle(one: &StuckThread) -> bool {
    let has = |table| one.stack.iter().any(|frame| Named::new(frame).is_in(table));
    has(POOL) && !has(TASK_POLL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_recording::frame::Frame;
    use lab_recording::post_mortem::{LiveTask, Thread};

    fn standing_in(functions: &[&str]) -> StuckThread {
        let frame =
            |function: &&str| Frame { function: (*function).to_owned(), file: None, line: None };
        StuckThread { stack: functions.iter().map(frame).collect(), ..StuckThread::default() }
    }

    #[test]
    fn a_thread_of_the_pool_is_idle_unless_it_has_a_task() {
        let (run, task) =
            ("tokio::runtime::blocking::pool::Inner::run", "tokio::runtime::task::raw::poll");
        assert!(
            !is_idle(&standing_in(&["futex", "my_app::runtime::blocking::pool::Inner::run"])),
            "not tokio's pool"
        );
        assert!(
            is_idle(&standing_in(&["futex", "my_app::runtime::task::raw::poll", run])),
            "not tokio's task"
        );
        assert!(is_idle(&standing_in(&["futex", run])));
        assert!(!is_idle(&standing_in(&["futex", "mine", task, run])));
        assert!(!is_idle(&standing_in(&["futex", "mine"])));
    }

    #[test]
    fn what_is_damaged_is_told_and_stays_and_what_is_missing_only_after_a_hang() {
        let folder = tempfile::tempdir().unwrap();
        assert!(complete(folder.path(), false).is_empty());
        assert!(complete(folder.path(), true)[0].contains("did not answer"));
        std::fs::write(folder.path().join(RAW_POST_MORTEM), "{\"program\":").unwrap();
        let noted = complete(folder.path(), true);
        assert!(noted.len() == 1 && noted[0].contains("damaged"), "{noted:?}");
        assert!(
            folder.path().join(RAW_POST_MORTEM).exists()
                && !folder.path().join(POST_MORTEM).exists()
        );
    }

    #[test]
    fn a_raw_post_mortem_is_replaced_by_one_with_names() {
        let folder = tempfile::tempdir().unwrap();
        let task = LiveTask { number: 3, place: "a.rs:1".into(), ..LiveTask::default() };
        let thread = Thread { tid: 9, stack: vec![7], ..Thread::default() };
        let dead =
            PostMortem { threads: vec![thread], tasks: Some(vec![task]), ..PostMortem::default() };
        Raw { program: Program::default(), at_ns: 1, data: dead }
            .write(&folder.path().join(RAW_POST_MORTEM))
            .unwrap();
        assert!(complete(folder.path(), true).is_empty());
        let read = std::fs::read(folder.path().join(POST_MORTEM)).unwrap();
        let read: PostMortem = serde_json::from_slice(&read).unwrap();
        assert_eq!(
            (read.threads[0].tid, read.threads[0].stack[0].function.as_str()),
            (9, "[unknown]")
        );
        assert_eq!(read.tasks.unwrap()[0].place, "a.rs:1");
        assert!(
            !folder.path().join(RAW_POST_MORTEM).exists(),
            "once it has names it is not needed"
        );
    }
}
