//! Who waits for whom, as a graph: threads and tasks wait for locks, channels and the end of a
//! runtime, and these for threads and tasks in turn.

use crate::hang::roles::{Home, Role, Wait, role};
use lab_recording::post_mortem::{LiveTask, Party, PostMortem, TaskState, Watched, WatchedKind};
use std::collections::{HashMap, HashSet, VecDeque};

/// A node of the wait-for graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// A thread, by its place in the post-mortem. A task that is being polled is its thread.
    Thread(usize),
    /// A task that is in no poll.
    Task(u64),
    /// A lock or a channel, by its place in the post-mortem.
    Watched(usize),
    /// The end of a runtime.
    End,
}

/// Waiting: each of these waits for the next, and every second one is what is waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain(pub Vec<Node>);

/// A post-mortem with what follows from its stacks.
#[derive(Debug)]
pub struct Graph<'a> {
    pub dead: &'a PostMortem,
    pub roles: Vec<Role<'a>>,
    pub tasks: HashMap<u64, &'a LiveTask>,
    /// The task that a thread polls.
    pub polls: HashMap<usize, u64>,
    threads: HashMap<u32, usize>,
    polled: HashMap<u64, usize>,
    edges: HashMap<Node, Vec<Node>>,
}

impl<'a> Graph<'a> {
    pub fn new(dead: &'a PostMortem) -> Graph<'a> {
        let mut graph = Graph {
            dead,
            roles: dead.threads.iter().map(role).collect(),
            tasks: dead.tasks.iter().flatten().map(|task| (task.number, task)).collect(),
            polls: HashMap::new(),
            threads: dead
                .threads
                .iter()
                .enumerate()
                .map(|(index, thread)| (thread.tid, index))
                .collect(),
            polled: HashMap::new(),
            edges: HashMap::new(),
        };
        graph.find_polls();
        graph.find_waits();
        graph
    }

    /// The thread of each task that is being polled.
    fn find_polls(&mut self) {
        let polls =
            self.dead.threads.iter().filter_map(|thread| Some((thread.poll?.task, thread.tid)));
        let states = self.dead.tasks.iter().flatten().filter_map(|task| match task.state {
            TaskState::Polled(tid) => Some((task.number, tid)),
            TaskState::Waits => None,
        });
        // Who waits for a lock that blocks its thread is inside a poll there.
        let locks = self.dead.watched.iter().filter(|watched| watched.kind == WatchedKind::Lock);
        let blocked =
            locks.flat_map(|lock| &lock.waiters).filter_map(|party| Some((party.task?, party.tid)));
        let found: Vec<_> = blocked.chain(states).chain(polls).collect();
        for (task, tid) in found {
            if let Some(&thread) = self.threads.get(&tid) {
                self.polls.insert(thread, task);
                self.polled.insert(task, thread);
            }
        }
    }

    fn find_waits(&mut self) {
        for index in 0..self.roles.len() {
            if self.roles[index].wait == Some(Wait::End) {
                self.edge(Node::Thread(index), Node::End);
            }
        }
        for index in self.ending() {
            self.edge(Node::End, Node::Thread(index));
        }
        let dead = self.dead;
        for (index, watched) in dead.watched.iter().enumerate() {
            let waiters: Vec<_> =
                watched.waiters.iter().filter_map(|party| self.waiter(watched, party)).collect();
            waiters.into_iter().for_each(|waiter| self.edge(waiter, Node::Watched(index)));
            let by = if watched.kind == WatchedKind::Channel {
                &watched.others
            } else {
                &watched.holders
            };
            let by: Vec<_> = by.iter().filter_map(|party| self.party(watched, party)).collect();
            by.into_iter().for_each(|by| self.edge(Node::Watched(index), by));
        }
    }

    fn edge(&mut self, from: Node, to: Node) {
        let edges = self.edges.entry(from).or_default();
        // A channel of thousands has each of them once, a lock has one holder: those that come
        // again come in a row.
        if edges.last() != Some(&to) {
            edges.push(to);
        }
    }

    /// The node of a party, if known.
    pub fn party(&self, watched: &Watched, party: &Party) -> Option<Node> {
        let thread = self.threads.get(&party.tid).copied();
        match party.task {
            // A guard of such a lock stays on its thread, and so does who waits for it.
            _ if watched.kind == WatchedKind::Lock && thread.is_some() => thread.map(Node::Thread),
            None => thread.map(Node::Thread),
            Some(task) if self.polled.contains_key(&task) => Some(Node::Thread(self.polled[&task])),
            // A blocking task has a number too, and nobody sees it spawn.
            Some(task)
                if !self.tasks.contains_key(&task)
                    && thread.is_some_and(|index| self.is_blocking(index)) =>
            {
                thread.map(Node::Thread)
            }
            Some(task) => Some(Node::Task(task)),
        }
    }

    /// Who waits. A task that is inside of a poll waits for what its thread waits for, and a thread
    /// that does something else does not await what it asked for before.
    fn waiter(&self, watched: &Watched, party: &Party) -> Option<Node> {
        let node = self.party(watched, party)?;
        let awaits = |index: usize| {
            let role = &self.roles[index];
            party.task.is_none() && role.wait != Some(Wait::End) && !role.computes
        };
        match node {
            Node::Thread(index) if watched.kind != WatchedKind::Lock && !awaits(index) => None,
            _ => Some(node),
        }
    }

    /// Whether a task is inside of a poll.
    pub fn is_polled(&self, task: u64) -> bool {
        self.polled.contains_key(&task)
    }

    fn is_blocking(&self, index: usize) -> bool {
        self.roles[index].home == Home::Pool && self.roles[index].inside
    }

    /// Threads that the end of a runtime waits for: those that are not done.
    fn ending(&self) -> Vec<usize> {
        let busy =
            |index: &usize| self.roles[*index].home != Home::Outside && self.roles[*index].inside;
        let all: Vec<usize> = (0..self.roles.len()).filter(busy).collect();
        let may_end = all.iter().copied().filter(|index| self.may_end(*index)).collect::<Vec<_>>();
        if may_end.is_empty() { all } else { may_end }
    }

    /// Whether a thread's runtime may be one that ends: not if it still counts tasks, for one that
    /// ends has forgotten them.
    fn may_end(&self, index: usize) -> bool {
        let task = self.polls.get(&index).and_then(|task| self.tasks.get(task));
        let runtime = task.and_then(|task| {
            self.dead.runtimes.iter().find(|runtime| runtime.number == task.runtime)
        });
        self.dead.runtimes.len() < 2 || runtime.is_none_or(|runtime| runtime.alive_tasks == 0)
    }

    /// The nodes that a node waits for.
    pub fn next(&self, node: Node) -> &[Node] {
        self.edges.get(&node).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether one of those that it waits for is enough.
    fn is_any(&self, node: Node) -> bool {
        matches!(node, Node::Watched(index) if self.dead.watched[index].kind == WatchedKind::Channel)
    }

    /// Threads and tasks that wait, those for the end of a runtime first, then in their order.
    pub fn waiters(&self) -> Vec<Node> {
        let mut all: Vec<_> = self.edges.keys().copied().filter(|node| is_who(*node)).collect();
        all.sort_by_key(|node| (!self.next(*node).contains(&Node::End), *node));
        all
    }

    /// Whoever waits, in the end, for themselves: those that are left when everybody is taken away
    /// who may go on, and then everybody who waits for none but these.
    ///
    /// This is the reduction that databases use for deadlocks: count for each node what it still
    /// waits for, start with those that wait for nothing, and take away whoever waits for no one
    /// any more. A lock, a runtime's end and a join need *all* that they wait for, so their count
    /// must come to zero; any one side of a channel is enough, so a channel goes with the first.
    /// Each edge is looked at once.
    ///
    /// Example: 1 waits for lock `a` held by 2, 2 waits for lock `b` held by 1, 3 waits for lock
    /// `c` held by 4, and 4 computes. 4 goes, then `c`, then 3. Left are 1, `a`, 2 and `b`: a
    /// cycle.
    fn stuck(&self) -> HashSet<Node> {
        let mut stuck: HashSet<Node> = self.edges.keys().copied().collect();
        let mut before: HashMap<Node, Vec<Node>> = HashMap::new();
        let mut left: HashMap<Node, usize> = HashMap::new();
        for (from, to) in &self.edges {
            to.iter().for_each(|to| before.entry(*to).or_default().push(*from));
            left.insert(*from, to.len());
        }
        let mut goes_on: Vec<Node> =
            before.keys().copied().filter(|node| !stuck.contains(node)).collect();
        while let Some(node) = goes_on.pop() {
            for from in before.get(&node).into_iter().flatten() {
                let waits_for = left.entry(*from).or_default();
                *waits_for = waits_for.saturating_sub(1);
                if (*waits_for == 0 || self.is_any(*from)) && stuck.remove(from) {
                    goes_on.push(*from);
                }
            }
        }
        stuck
    }

    /// The shortest cycle, from one who waits and round to them again; of equals one with the end
    /// of a runtime.
    pub fn cycle(&self) -> Option<Chain> {
        let stuck = self.stuck();
        let mut best: Option<Vec<Node>> = None;
        // Every cycle goes through something that is waited for.
        let mut starts: Vec<Node> = stuck.iter().copied().filter(|node| !is_who(*node)).collect();
        starts.sort_by_key(|node| (*node != Node::End, *node));
        // Breadth first from each start finds its shortest cycle; a start that cannot beat the best
        // one gives up early.
        for start in starts {
            let most = best.as_ref().map_or(usize::MAX, |best| best.len() - 1);
            if let Some(cycle) = self.path(&[start], most, &stuck, |node| node == start) {
                best = Some(cycle);
            }
        }
        // It begins and ends with what is waited for; a sentence begins with who waits: [a, 1, b,
        // 2, a] → [2, a, 1, b, 2].
        best.map(|mut cycle| {
            cycle.pop();
            cycle.rotate_right(1);
            cycle.push(cycle[0]);
            Chain(cycle)
        })
    }

    /// The shortest chain from one who waits to a thread of which something is true.
    pub fn chain_to(&self, ends: impl Fn(usize) -> bool) -> Option<Chain> {
        let all: HashSet<Node> = self.edges.keys().copied().collect();
        let ends = |node| matches!(node, Node::Thread(index) if ends(index));
        self.path(&self.waiters(), usize::MAX, &all, ends).map(Chain)
    }

    /// The shortest way, of fewer nodes than `most`, that begins at one of the starts, stays within
    /// some nodes but for its last one, and ends where it may. A start is no end unless something
    /// leads back to it.
    fn path(
        &self,
        starts: &[Node],
        most: usize,
        within: &HashSet<Node>,
        ends: impl Fn(Node) -> bool,
    ) -> Option<Vec<Node>> {
        let mut from: HashMap<Node, Option<Node>> =
            starts.iter().map(|start| (*start, None)).collect();
        let mut queue: VecDeque<(Node, usize)> = starts.iter().map(|start| (*start, 1)).collect();
        while let Some((node, length)) = queue.pop_front() {
            if length >= most {
                return None;
            }
            for next in self.next(node) {
                if ends(*next) {
                    return Some(way(&from, node, *next));
                }
                if within.contains(next) && !from.contains_key(next) {
                    from.insert(*next, Some(node));
                    queue.push_back((*next, length + 1));
                }
            }
        }
        None
    }

    /// The longest of the chains that are found by following what each waits for first.
    pub fn longest(&self) -> Option<Chain> {
        const STARTS: usize = 256;
        let chains = self.waiters().into_iter().take(STARTS).map(|start| self.followed(start));
        // The longest path of a graph takes exponential time to find; a chain that follows each
        // one's first wait reads as well, and whoever waits at its far end is among the starts. Of
        // equals the first.
        chains.reduce(|best, chain| if chain.0.len() > best.0.len() { chain } else { best })
    }

    fn followed(&self, start: Node) -> Chain {
        let mut chain = vec![start];
        let mut seen = HashSet::from([start]);
        while let Some(next) =
            chain.last().and_then(|last| self.next(*last).iter().find(|next| seen.insert(**next)))
        {
            chain.push(*next);
        }
        Chain(chain)
    }
}

/// Whether the node is a thread or a task.
pub fn is_who(node: Node) -> bool {
    matches!(node, Node::Thread(_) | Node::Task(_))
}

fn way(from: &HashMap<Node, Option<Node>>, node: Node, last: Node) -> Vec<Node> {
    let mut way = vec![last];
    let mut at = Some(node);
    while let Some(node) = at {
        way.push(node);
        at = from.get(&node).copied().flatten();
    }
    way.reverse();
    way
}
