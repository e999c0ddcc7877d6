//! The child's answer to SIGQUIT at its deadline: a thread of its own sleeps until then, so that
//! all others may be stuck.

use crate::complain::complain;
use crate::proc;
use crate::scheduler;
use crate::stall::{OpenPoll, open_polls};
use crate::tasks;
use crate::threads::dump;
use crate::threads::program::with_this_program;
use crate::threads::thread_dump::{self, MOST};
use lab_kit::{clock, watched};
use lab_recording::post_mortem::{
    Addresses, Awaits, LiveTask, Polled, PostMortem, Runtime, TaskState, Thread,
};
use lab_recording::threads::RAW_POST_MORTEM;
use signal_hook::consts::SIGQUIT;
use signal_hook::iterator::Signals;
use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Between the two looks at all threads, which separates computing threads from stuck ones.
const BETWEEN: Duration = Duration::from_millis(100);
/// How long one look waits for answers.
const LIMIT: Duration = Duration::from_secs(1);

/// Writes a post-mortem into this folder whenever the process is sent SIGQUIT. Does nothing before.
pub fn stand_by(folder: &Path) {
    let folder = folder.to_owned();
    let begun = Signals::new([SIGQUIT]).and_then(|signals| {
        thread::Builder::new()
            .name("lab-post-mortem".into())
            .spawn(move || answer_each(signals, &folder))
    });
    if let Err(error) = begun {
        complain(&format!("hang diagnostics are disabled: {error}"));
    }
}

fn answer_each(mut signals: Signals, folder: &Path) {
    for _ in signals.forever() {
        let at_ns = clock::now_ns();
        let written =
            with_this_program(at_ns, post_mortem(at_ns)).write(&folder.join(RAW_POST_MORTEM));
        if let Err(error) = written {
            complain(&format!("cannot write the post-mortem: {error:#}"));
        }
    }
}

fn post_mortem(at_ns: u64) -> PostMortem<Addresses> {
    let mut notes = Vec::new();
    // First, for the thread dump changes nothing about them, and they may end.
    let polls = open_polls();
    let tasks = live_tasks(at_ns, &polls, &mut notes);
    let threads = threads(at_ns, &polls, &mut notes);
    let (watched, runtimes) = (watched::snapshot(at_ns), runtimes());
    let dumped = dumped(&mut notes);
    let took_ms = ms(clock::now_ns().saturating_sub(at_ns));
    PostMortem { took_ms, threads, tasks, watched, runtimes, dumped, notes }
}

/// Last, for it polls tasks once more.
fn dumped(notes: &mut Vec<String>) -> Vec<Awaits> {
    if !cfg!(feature = "taskdump") {
        return Vec::new();
    }
    dump::awaits().unwrap_or_else(|why| {
        notes.push(why.into());
        Vec::new()
    })
}

fn runtimes() -> Vec<Runtime> {
    let known = scheduler::counters_of_known();
    let told = known.into_iter().map(|counters| Runtime {
        number: counters.runtime,
        workers: counters.workers,
        alive_tasks: counters.alive_tasks,
        blocking_queue: counters.blocking_queue,
        blocking_threads: counters.blocking_threads,
    });
    told.collect()
}

fn live_tasks(at_ns: u64, polls: &[OpenPoll], notes: &mut Vec<String>) -> Option<Vec<LiveTask>> {
    let (alive, lost) = tasks::alive()?;
    if lost > 0 {
        notes.push(format!(
            "{lost} parts of the task list could not be read: threads held their locks"
        ));
    }
    let polled: BTreeMap<u64, i32> = polls.iter().map(|poll| (poll.task, poll.tid)).collect();
    let state = |number: u64| {
        polled.get(&number).map_or(TaskState::Waits, |tid| TaskState::Polled(tid.unsigned_abs()))
    };
    let tasks = alive.into_iter().map(|task| LiveTask {
        number: task.number,
        runtime: task.runtime,
        place: format!("{}:{}", task.place.file(), task.place.line()),
        age_ms: ms(at_ns.saturating_sub(task.spawned_ns)),
        state: state(task.number),
        last_poll_ms: None,
    });
    Some(tasks.collect())
}

/// All threads, looked at twice.
fn threads(at_ns: u64, polls: &[OpenPoll], notes: &mut Vec<String>) -> Vec<Thread<Addresses>> {
    let all = proc::strangers(&proc::tids());
    if all.len() > MOST {
        notes.push(format!("{} threads are missing: at most {MOST} are dumped", all.len() - MOST));
    }
    let asked = &all[..all.len().min(MOST)];
    let before = look(asked, notes);
    thread::sleep(
        BETWEEN.saturating_sub(Duration::from_nanos(clock::now_ns().saturating_sub(before.at_ns))),
    );
    let after = look(asked, &mut Vec::new());
    let of = |(tid, name): &(i32, String)| {
        let poll = polls.iter().find(|poll| poll.tid == *tid);
        let poll = poll.map(|poll| Polled {
            task: poll.task,
            for_ms: ms(at_ns.saturating_sub(poll.begin_ns)),
        });
        Thread { poll, ..of_two_looks(*tid, name, &before, &after) }
    };
    asked.iter().map(of).collect()
}

/// What one look saw.
#[derive(Default)]
struct Look {
    at_ns: u64,
    seen: BTreeMap<i32, Seen>,
    stacks: BTreeMap<i32, Vec<u64>>,
}

#[derive(Default)]
struct Seen {
    at_ns: u64,
    cpu_ns: Option<u64>,
    channel: Option<String>,
    syscall: Option<u64>,
}

/// The kernel's data is read first, because the signal takes a thread out of its wait.
fn look(asked: &[(i32, String)], notes: &mut Vec<String>) -> Look {
    let at_ns = clock::now_ns();
    let tids: Vec<i32> = asked.iter().map(|(tid, _)| *tid).collect();
    let seen = |tid: &i32| {
        let (channel, syscall) = (proc::channel(*tid), proc::syscall(*tid).map(|call| call.number));
        (*tid, Seen { at_ns: clock::now_ns(), cpu_ns: proc::cpu_ns(*tid), channel, syscall })
    };
    let seen = tids.iter().map(seen).collect();
    let answers = thread_dump::ask(&tids, LIMIT).unwrap_or_else(|why| {
        notes.push(format!("no stacks: {why}"));
        thread_dump::Answers::default()
    });
    if answers.silent > 0 {
        notes.push(format!("{} of {} threads did not answer", answers.silent, tids.len()));
    }
    Look { at_ns, seen, stacks: answers.stacks }
}

/// The later look counts: at the first one, any thread may still be in the handler of the signal
/// that started all this.
fn of_two_looks(tid: i32, name: &str, before: &Look, after: &Look) -> Thread<Addresses> {
    let (first, second) = (before.stacks.get(&tid), after.stacks.get(&tid));
    let stack = second.filter(|stack| !stack.is_empty()).or(first).cloned().unwrap_or_default();
    let same_later = !stack.is_empty() && first == second;
    let (seen, later) = (before.seen.get(&tid), after.seen.get(&tid));
    let on_cpu = seen.zip(later).and_then(|(seen, later)| share(seen, later));
    let told = later.or(seen).map(|seen| (seen.channel.clone(), seen.syscall));
    let (channel, syscall) = told.unwrap_or_default();
    Thread {
        tid: tid.unsigned_abs(),
        name: name.to_owned(),
        stack,
        same_later,
        on_cpu,
        channel,
        syscall,
        poll: None,
    }
}

/// What a thread used of a core between two looks.
fn share(seen: &Seen, later: &Seen) -> Option<f64> {
    let used_ns = later.cpu_ns?.saturating_sub(seen.cpu_ns?);
    let passed_ns = later.at_ns.saturating_sub(seen.at_ns);
    (passed_ns > 0).then(|| (used_ns as f64 / passed_ns as f64).min(1.0))
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_looks_tell_who_computes_from_who_is_stuck() {
        let look = |at_ns, cpu_ns, stack: Vec<u64>| Look {
            at_ns,
            seen: [(7, Seen { at_ns, cpu_ns, ..Seen::default() })].into(),
            stacks: [(7, stack)].into(),
        };
        let thread = |before, after| {
            let thread = of_two_looks(7, "worker", &before, &after);
            (thread.same_later, thread.on_cpu)
        };
        let stuck = thread(look(100, Some(5), vec![1, 2]), look(200, Some(6), vec![1, 2]));
        assert_eq!(stuck, (true, Some(0.01)));
        let computes = thread(look(100, Some(5), vec![1, 2]), look(200, Some(300), vec![3, 2]));
        assert_eq!(computes, (false, Some(1.0)));
        let asked =
            of_two_looks(7, "main", &look(100, None, vec![9]), &look(200, None, vec![1, 2]));
        assert_eq!(
            (asked.stack, asked.same_later),
            (vec![1, 2], false),
            "it was at the signal, and goes on waiting"
        );
        let gone =
            of_two_looks(7, "worker", &look(100, None, vec![1, 2]), &look(200, None, Vec::new()));
        assert_eq!(gone.stack, [1, 2], "who does not answer twice is told as first seen");
        let silent = thread(look(100, None, Vec::new()), look(200, None, Vec::new()));
        assert_eq!(
            silent,
            (false, None),
            "that two looks saw nothing is no stack that stayed the same"
        );
    }
}
