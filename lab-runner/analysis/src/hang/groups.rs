//! Threads that stand at the same place and tasks of the same spawn, together: of hundreds nobody
//! reads each.

use crate::hang::roles::{Home, Role, role};
use crate::hang::words::doing;
use lab_recording::frame::Frame;
use lab_recording::post_mortem::{PostMortem, TaskState};
use std::collections::HashMap;

/// Equal threads and tasks of a post-mortem, the largest groups first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups {
    /// Threads by the functions of their stacks.
    pub threads: Vec<ThreadGroup>,
    /// Live tasks by the place of their spawn and by what they do; empty too where nobody saw them
    /// spawn.
    pub tasks: Vec<TaskGroup>,
}

/// Threads with the same stack of functions.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadGroup {
    /// How many.
    pub count: usize,
    /// The number of the first of them.
    pub tid: u32,
    /// Its name.
    pub name: String,
    /// The role of the threads: `a worker inside a poll, waits for a lock that blocks its
    /// thread`.
    pub role: String,
    /// The innermost frame of user code, if there is one.
    pub own: Option<Frame>,
}

/// Live tasks of the same place that do the same.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskGroup {
    /// How many.
    pub count: usize,
    /// The file and line of their spawn.
    pub place: String,
    /// Whether they are being polled.
    pub polled: bool,
    /// The age of the oldest, in milliseconds.
    pub oldest_ms: f64,
}

/// Threads and tasks of a post-mortem in groups.
pub fn groups(dead: &PostMortem) -> Groups {
    Groups { threads: threads(dead), tasks: tasks(dead) }
}

fn threads(dead: &PostMortem) -> Vec<ThreadGroup> {
    let mut index: HashMap<(Vec<&str>, String), usize> = HashMap::new();
    let mut groups: Vec<ThreadGroup> = Vec::new();
    for thread in &dead.threads {
        let role = role(thread);
        let words =
            if thread.stack.is_empty() { "did not answer".to_owned() } else { words(&role) };
        let functions = thread.stack.iter().map(|frame| frame.function.as_str()).collect();
        let at = *index.entry((functions, words.clone())).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.count += 1,
            None => groups.push(ThreadGroup {
                count: 1,
                tid: thread.tid,
                name: thread.name.clone(),
                role: words,
                own: role.own.cloned(),
            }),
        }
    }
    // Stable: of equals the first by number.
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

fn words(role: &Role<'_>) -> String {
    let whose = match (role.home, role.inside) {
        (Home::Worker, true) => "a worker inside a poll",
        (Home::Worker, false) => "a worker",
        (Home::Pool, true) => "a pool thread inside a blocking task",
        (Home::Pool, false) => "a pool thread",
        (Home::Outside, true) => "a thread inside a poll",
        (Home::Outside, false) => "a thread of its own",
    };
    let place = if role.in_place { ", in block_in_place" } else { "" };
    format!("{whose}{place}, {}", doing(role))
}

fn tasks(dead: &PostMortem) -> Vec<TaskGroup> {
    let mut index: HashMap<(&str, bool), usize> = HashMap::new();
    let mut groups: Vec<TaskGroup> = Vec::new();
    for task in dead.tasks.iter().flatten() {
        let polled = task.state != TaskState::Waits;
        let at = *index.entry((&task.place, polled)).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => {
                group.count += 1;
                group.oldest_ms = group.oldest_ms.max(task.age_ms);
            }
            None => groups.push(TaskGroup {
                count: 1,
                place: task.place.clone(),
                polled,
                oldest_ms: task.age_ms,
            }),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}
