//! The post-mortem of a child that receives SIGQUIT at its deadline. A thread of its own waits for
//! the signal, so that it works even if all other threads are stuck.

use crate::complain::warn;
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

/// Time between the two thread dumps, which distinguish computing threads from stuck ones.
const BETWEEN: Duration = Duration::from_millis(100);
/// Time that one thread dump waits for answers.
const LIMIT: Duration = Duration::from_secs(1);

/// Starts the thread that writes a post-mortem into a folder whenever the process receives SIGQUIT.
pub fn stand_by(folder: &Path) {
    let folder = folder.to_owned();
    let begun = Signals::new([SIGQUIT]).and_then(|signals| {
        thread::Builder::new()
            .name("lab-post-mortem".into())
            .spawn(move || answer_each(signals, &folder))
    });
    if let Err(error) = begun {
        warn(&format!("hang diagnostics are disabled: {error}"));
    }
}

fn answer_each(mut signals: Signals, folder: &Path) {
    for _ in signals.forever() {
        let at_ns = clock::now_ns();
        let written =
            with_this_program(at_ns, post_mortem(at_ns)).write(&folder.join(RAW_POST_MORTEM));
        if let Err(error) = written {
            warn(&format!("cannot write the post-mortem: {error:#}"));
        }
    }
}

fn post_mortem(at_ns: u64) -> PostMortem<Addresses> {
    let mut notes = Vec::new();
    // First, because polls may end during the thread dump.
    let polls = open_polls();
    let tasks = live_tasks(at_ns, &polls, &mut notes);
    let threads = threads(at_ns, &polls, &mut notes);
    let (watched, runtimes) = (watched::snapshot(at_ns), runtimes());
    // Last, because it polls tasks once more.
    let dumped = dumped(&mut notes);
    let took_ms = ms(clock::now_ns().saturating_sub(at_ns));
    PostMortem { took_ms, threads, tasks, watched, runtimes, dumped, notes }
}

/// Tokio's task dump, if this build has it.
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
    let runtimes = scheduler::counters().into_iter().map(|counters| Runtime {
        number: counters.runtime,
        workers: counters.workers,
        alive_tasks: counters.alive_tasks,
        blocking_queue: counters.blocking_queue,
        blocking_threads: counters.blocking_threads,
    });
    runtimes.collect()
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

/// All threads, from two thread dumps.
fn threads(at_ns: u64, polls: &[OpenPoll], notes: &mut Vec<String>) -> Vec<Thread<Addresses>> {
    let all = proc::program_threads(&proc::tids());
    if all.len() > MOST {
        notes.push(format!("{} threads are missing: at most {MOST} are dumped", all.len() - MOST));
    }
    let dumped = &all[..all.len().min(MOST)];
    let before = dump_threads(dumped, notes);
    thread::sleep(
        BETWEEN.saturating_sub(Duration::from_nanos(clock::now_ns().saturating_sub(before.at_ns))),
    );
    let after = dump_threads(dumped, &mut Vec::new());
    let mut threads = Vec::new();
    for (tid, name) in dumped {
        let poll = polls.iter().find(|poll| poll.tid == *tid);
        let poll = poll.map(|poll| Polled {
            task: poll.task,
            for_ms: ms(at_ns.saturating_sub(poll.begin_ns)),
        });
        threads.push(Thread { poll, ..combine(*tid, name, &before, &after) });
    }
    threads
}

/// One dump of all threads.
#[derive(Default)]
struct Dump {
    at_ns: u64,
    kernel: BTreeMap<i32, KernelData>,
    stacks: BTreeMap<i32, Vec<u64>>,
}

/// The kernel's data on a thread.
#[derive(Default)]
struct KernelData {
    at_ns: u64,
    cpu_ns: Option<u64>,
    channel: Option<String>,
    syscall: Option<u64>,
}

/// Dumps threads. The kernel's data is read first, because the signal interrupts a thread's wait.
fn dump_threads(threads: &[(i32, String)], notes: &mut Vec<String>) -> Dump {
    let at_ns = clock::now_ns();
    let tids: Vec<i32> = threads.iter().map(|(tid, _)| *tid).collect();
    let mut kernel = BTreeMap::new();
    for tid in &tids {
        let (channel, syscall) = (proc::channel(*tid), proc::syscall(*tid).map(|call| call.number));
        let cpu_ns = proc::cpu_ns(*tid);
        kernel.insert(*tid, KernelData { at_ns: clock::now_ns(), cpu_ns, channel, syscall });
    }
    let answers = thread_dump::dump(&tids, LIMIT).unwrap_or_else(|why| {
        notes.push(format!("no stacks: {why}"));
        thread_dump::Answers::default()
    });
    if answers.silent > 0 {
        notes.push(format!("{} of {} threads did not answer", answers.silent, tids.len()));
    }
    Dump { at_ns, kernel, stacks: answers.stacks }
}

/// Combines two dumps of a thread. The later stack is used if there is one: during the first dump
/// any thread may still be in the handler of SIGQUIT.
fn combine(tid: i32, name: &str, before: &Dump, after: &Dump) -> Thread<Addresses> {
    let (first, second) = (before.stacks.get(&tid), after.stacks.get(&tid));
    let stack = second.filter(|stack| !stack.is_empty()).or(first).cloned().unwrap_or_default();
    let same_later = !stack.is_empty() && first == second;
    let (earlier, later) = (before.kernel.get(&tid), after.kernel.get(&tid));
    let on_cpu = earlier.zip(later).and_then(|(earlier, later)| cpu_share(earlier, later));
    let wait = later.or(earlier).map(|data| (data.channel.clone(), data.syscall));
    let (channel, syscall) = wait.unwrap_or_default();
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

/// CPU time of a thread between two dumps, as a share of a core.
fn cpu_share(earlier: &KernelData, later: &KernelData) -> Option<f64> {
    let used_ns = later.cpu_ns?.saturating_sub(earlier.cpu_ns?);
    let passed_ns = later.at_ns.saturating_sub(earlier.at_ns);
    (passed_ns > 0).then(|| (used_ns as f64 / passed_ns as f64).min(1.0))
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_dumps_distinguish_computing_threads_from_stuck_ones() {
        let dump = |at_ns, cpu_ns, stack: Vec<u64>| Dump {
            at_ns,
            kernel: [(7, KernelData { at_ns, cpu_ns, ..KernelData::default() })].into(),
            stacks: [(7, stack)].into(),
        };
        let thread = |before, after| {
            let thread = combine(7, "worker", &before, &after);
            (thread.same_later, thread.on_cpu)
        };
        let stuck = thread(dump(100, Some(5), vec![1, 2]), dump(200, Some(6), vec![1, 2]));
        assert_eq!(stuck, (true, Some(0.01)));
        let computes = thread(dump(100, Some(5), vec![1, 2]), dump(200, Some(300), vec![3, 2]));
        assert_eq!(computes, (false, Some(1.0)));
        let in_handler =
            combine(7, "main", &dump(100, None, vec![9]), &dump(200, None, vec![1, 2]));
        assert_eq!(
            (in_handler.stack, in_handler.same_later),
            (vec![1, 2], false),
            "the thread was in the handler of SIGQUIT"
        );
        let gone = combine(7, "worker", &dump(100, None, vec![1, 2]), &dump(200, None, Vec::new()));
        assert_eq!(gone.stack, [1, 2], "the first stack, as there is no second one");
        let silent = thread(dump(100, None, Vec::new()), dump(200, None, Vec::new()));
        assert_eq!(silent, (false, None), "two missing stacks are not equal stacks");
    }
}
