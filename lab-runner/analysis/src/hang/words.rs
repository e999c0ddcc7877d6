//! The sentences of a chain of waits.

use crate::hang::graph::{Graph, Node};
use crate::hang::roles::{Home, Role, Wait};
use lab_recording::frame::Frame;
use lab_recording::post_mortem::{Party, Watched, WatchedKind};

/// A duration in words.
pub fn time(ms: f64) -> String {
    if ms >= 1_000.0 { format!("{:.1} s", ms / 1_000.0) } else { format!("{ms:.0} ms") }
}

/// A place without the folders that it lies in: `app.rs:52`.
pub fn short(place: &str) -> &str {
    place.rsplit('/').next().unwrap_or(place)
}

/// Where a frame is: `app.rs:14, my_app::stop`.
pub fn frame(frame: &Frame) -> String {
    let function = without_closures(&frame.function);
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{}:{line}, {function}", short(file)),
        _ => function.to_owned(),
    }
}

/// The function whose body it is: an `async fn` is a closure to the compiler.
pub fn without_closures(function: &str) -> &str {
    let mut name = function;
    while let Some((rest, last)) = name.rsplit_once("::")
        && last.starts_with('{')
        && last.ends_with('}')
    {
        name = rest;
    }
    name
}

/// A number of things.
pub fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// The activity of a thread.
pub fn doing(role: &Role<'_>) -> &'static str {
    match role.wait {
        Some(Wait::Idle) => "is idle",
        Some(Wait::Sleep) => "sleeps",
        Some(Wait::Condvar) => "waits for a condition variable",
        Some(Wait::Park) => "is parked",
        Some(Wait::BlockOn) => "waits in block_on for its future",
        Some(Wait::Join) => "waits for a thread to end",
        Some(Wait::Channel) => "waits at a channel that blocks its thread",
        Some(Wait::Lock) => "waits for a lock that blocks its thread",
        Some(Wait::End) => "waits for the shutdown of a runtime",
        None if role.computes => "computes",
        None => "is in a call",
    }
}

impl Graph<'_> {
    /// The sentences of a chain, one per waiting node.
    pub fn sentences(&self, chain: &[Node]) -> Vec<String> {
        let mut steps = Vec::new();
        for waiting in chain.windows(3).step_by(2) {
            let (node, what, target) = (waiting[0], waiting[1], waiting[2]);
            match what {
                Node::Watched(index) => steps.push(self.watched_step(node, index, Some(target))),
                _ => {
                    steps.push(format!("{} for all its threads to end", self.end_step(node)));
                    steps.push(self.ending_step(target));
                }
            }
        }
        steps
    }

    fn end_step(&self, node: Node) -> String {
        let article = if self.is_inside(node) { "its" } else { "a" };
        format!(
            "{} waits in the shutdown of {article} runtime{}",
            self.subject(node),
            self.at(node)
        )
    }

    fn ending_step(&self, target: Node) -> String {
        let Node::Thread(index) = target else { return String::new() };
        let returns = if self.roles[index].home == Home::Pool { "blocking task" } else { "poll" };
        let all = self.dead.runtimes.len();
        let doubt = if all > 1 {
            format!(", if it belongs to that one of {all} runtimes, which its stack does not show")
        } else {
            String::new()
        };
        format!(
            "thread {} is one of them{doubt}: it cannot end before its {returns} returns",
            self.dead.threads[index].tid
        )
    }

    /// A wait for a lock or a channel, with its holder or other side if known.
    pub fn watched_step(&self, node: Node, index: usize, target: Option<Node>) -> String {
        let watched = &self.dead.watched[index];
        let waiter = watched.waiters.iter().find(|party| self.party(watched, party) == Some(node));
        let since =
            waiter.map(|party| format!(" since {} ({})", time(party.for_ms), short(&party.place)));
        let begin = format!("{} waits{}", self.subject(node), since.unwrap_or_default());
        let name = format!("`{}` ({})", watched.name, short(&watched.place));
        match watched.kind {
            WatchedKind::Channel => {
                format!("{begin} at the channel {name}{}", self.other_side(watched, target))
            }
            _ => format!("{begin} for the lock {name}{}", self.holder(watched, target)),
        }
    }

    fn other_side(&self, watched: &Watched, target: Option<Node>) -> String {
        let all = watched.others.len();
        match target {
            Some(target) if all > 1 => {
                format!(
                    " for {}, one of {all} on the other side, all of which wait",
                    self.object(target)
                )
            }
            Some(target) => format!(" for {} on the other side", self.object(target)),
            None => ", whose other side is unknown".to_owned(),
        }
    }

    fn holder(&self, watched: &Watched, target: Option<Node>) -> String {
        let Some(target) = target else {
            return ", which has no holder: it was handed to a waiter that is not polled, or is \
                    about to be free"
                .to_owned();
        };
        let held = watched.holders.iter().find(|party| self.party(watched, party) == Some(target));
        let since =
            |party: &Party| format!(" since {} ({})", time(party.for_ms), short(&party.place));
        format!(", which {} holds{}", self.object(target), held.map(since).unwrap_or_default())
    }

    /// A node as the subject of a sentence.
    pub fn subject(&self, node: Node) -> String {
        let Node::Thread(index) = node else { return self.object(node) };
        let role = &self.roles[index];
        let tid = self.dead.threads[index].tid;
        let place = if role.in_place { ", in block_in_place," } else { "" };
        match (role.home, role.inside, self.polls.get(&index)) {
            (Home::Pool, true, _) => format!("a blocking task on thread {tid}"),
            (_, true, Some(task)) => {
                format!("{} is polled by thread {tid}{place} and", self.task(*task))
            }
            (_, true, None) => format!("a task polled by thread {tid}{place}"),
            _ => self.object(node),
        }
    }

    /// A node as the object of a sentence.
    pub fn object(&self, target: Node) -> String {
        match target {
            Node::Task(task) => self.task(task),
            Node::Thread(index) => {
                let thread = &self.dead.threads[index];
                match self.polls.get(&index).filter(|_| self.roles[index].home != Home::Pool) {
                    Some(task) => format!("{} on thread {}", self.task(*task), thread.tid),
                    None if thread.name.is_empty() => format!("thread {}", thread.tid),
                    None => format!("thread {} ({})", thread.tid, thread.name),
                }
            }
            Node::Watched(index) => format!("`{}`", self.dead.watched[index].name),
            Node::End => "the shutdown of a runtime".to_owned(),
        }
    }

    fn task(&self, task: u64) -> String {
        match self.tasks.get(&task).filter(|task| !task.place.is_empty()) {
            Some(known) => format!("task {task} ({})", short(&known.place)),
            None => format!("task {task}"),
        }
    }

    /// Where a thread is in its own code, in brackets.
    pub fn at(&self, node: Node) -> String {
        match node {
            Node::Thread(index) => {
                self.roles[index].own.map(|own| format!(" ({})", frame(own))).unwrap_or_default()
            }
            _ => String::new(),
        }
    }

    fn is_inside(&self, node: Node) -> bool {
        matches!(node, Node::Thread(index) if self.roles[index].inside)
    }

    /// A thread whose poll does not yield, with its location.
    pub fn never_yields(&self, index: usize) -> String {
        let role = &self.roles[index];
        let article = match (role.home, self.polls.get(&index)) {
            (Home::Pool, _) => "a blocking task".to_owned(),
            (_, Some(task)) => format!("the poll of {}", self.task(*task)),
            (_, None) => "a poll".to_owned(),
        };
        let tid = self.dead.threads[index].tid;
        format!(
            "thread {tid} {} inside {article} and does not yield{}",
            doing(role),
            self.at(Node::Thread(index))
        )
    }
}
