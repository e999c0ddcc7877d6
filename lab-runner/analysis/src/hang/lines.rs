//! A post-mortem on one screen, however large it is.

use crate::hang::groups::{TaskGroup, ThreadGroup, groups};
use crate::hang::words::{count, frame, short, time};
use crate::hang::{Explanation, Shape};
use lab_recording::post_mortem::{Awaits, PostMortem, Watched};

/// How many rows each part has at most.
const STEPS: usize = 6;
const THREADS: usize = 5;
const TASKS: usize = 3;
const LOCKS: usize = 2;
const AWAITS: usize = 3;
const NOTES: usize = 1;

/// Label and text of each row for a terminal, about twenty at most.
pub fn lines(dead: &PostMortem, explanation: &Explanation) -> Vec<(String, String)> {
    let groups = groups(dead);
    let mut lines = vec![("hang".to_owned(), headline(explanation))];
    let mut part = |label: &str,
                    texts: Vec<String>,
                    most: usize,
                    rest: &dyn Fn(usize) -> String| {
        let all = texts.len();
        let cut = if all > most { Some(rest(all - (most - 1))) } else { None };
        let shown = if cut.is_some() { most - 1 } else { most };
        lines.extend(texts.into_iter().take(shown).chain(cut).map(|text| (label.to_owned(), text)));
    };
    part("because", explanation.steps.clone(), STEPS, &|left| {
        format!("and so on, {} more", count(left, "step"))
    });
    let threads = groups.threads.iter().map(thread).collect();
    part("threads", threads, THREADS, &|left| {
        let rest = groups.threads.iter().rev().take(left).map(|group| group.count).sum();
        format!("{} more, in {left} other places", count(rest, "thread"))
    });
    let tasks = groups.tasks.iter().map(task).collect();
    part("tasks", tasks, TASKS, &|left| {
        let rest = groups.tasks.iter().rev().take(left).map(|group| group.count).sum();
        format!("{} more, of {left} other kinds", count(rest, "task"))
    });
    let locks = by_waiters(dead).into_iter().map(lock).collect();
    part("locks", locks, LOCKS, &|left| format!("{left} more locks and channels in use"));
    part("awaits", dead.dumped.iter().filter_map(awaits).collect(), AWAITS, &|left| {
        format!("{} more, by tokio's task dump", count(left, "task"))
    });
    part("notes", dead.notes.clone(), NOTES, &|left| {
        format!("there are {left} notes in the post-mortem")
    });
    lines
}

fn headline(explanation: &Explanation) -> String {
    let at = explanation.at.as_ref().map(|at| format!(" at {}", frame(at))).unwrap_or_default();
    match explanation.shape {
        Shape::Cycle => format!("wait-for cycle{at}"),
        Shape::NeverYields => format!("code that never yields{at}"),
        Shape::NoCycle => "no wait-for cycle found".to_owned(),
    }
}

fn thread(group: &ThreadGroup) -> String {
    let at = group.own.as_ref().map(|own| format!(" ({})", frame(own))).unwrap_or_default();
    let subject = match group.count {
        1 => format!("{} {}: ", group.tid, group.name),
        many => format!("{many} × {}: ", group.name),
    };
    format!("{subject}{}{at}", group.role)
}

fn task(group: &TaskGroup) -> String {
    let does = match (group.polled, group.count) {
        (true, 1) => "is being polled",
        (true, _) => "are being polled",
        (false, 1) => "is in no poll",
        (false, _) => "are in no poll",
    };
    let all = count(group.count, "task");
    format!("{all} of {} {does}, up to {} old", short(&group.place), time(group.oldest_ms))
}

/// The innermost line of a trace in user code.
fn awaits(task: &Awaits) -> Option<String> {
    let own = |line: &&String| {
        !["/registry/", "/rustc/", "/lab-runner/kit/"].iter().any(|part| line.contains(part))
    };
    let line = task.trace.iter().rev().find(own)?;
    let text = line.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '<');
    Some(format!("task {} awaits in {text}, by tokio's task dump", task.task))
}

/// Those that most wait for first.
fn by_waiters(dead: &PostMortem) -> Vec<&Watched> {
    let mut watched: Vec<&Watched> = dead.watched.iter().collect();
    watched.sort_by_key(|watched| std::cmp::Reverse(watched.waiters.len()));
    watched
}

fn lock(watched: &Watched) -> String {
    let longest = watched.waiters.iter().map(|party| party.for_ms).fold(0.0, f64::max);
    let wait = match watched.waiters.len() {
        0 => "no waiter".to_owned(),
        1 => format!("1 waiter, since {}", time(longest)),
        many => format!("{many} waiters, up to {}", time(longest)),
    };
    let held = watched.holders.iter().map(|party| party.for_ms).reduce(f64::max);
    let held = held.map(|ms| format!(", held for {}", time(ms))).unwrap_or_default();
    format!("`{}` ({}): {wait}{held}", watched.name, short(&watched.place))
}
