//! The explanation of a post-mortem.

use crate::hang::graph::{Graph, Node, is_who};
use crate::hang::roles::{Home, Wait};
use crate::hang::words::{count, doing, time};
use crate::hang::{Explanation, Shape};
use lab_recording::frame::Frame;
use lab_recording::post_mortem::{PostMortem, WatchedKind};

/// The number of threads of a kind that are listed where no cycle is found.
const LISTED: usize = 3;

/// Who waits for whom: the shortest cycle, or else the shortest chain that ends in code that never
/// yields.
pub fn explain(dead: &PostMortem) -> Explanation {
    let graph = Graph::new(dead);
    let computes = |index: usize| graph.roles[index].inside && graph.roles[index].computes;
    if let Some(cycle) = graph.cycle() {
        return graph.in_cycle(&cycle.0);
    }
    let chain = graph.chain_to(computes).or_else(|| graph.chain_to(|index| graph.stands(index)));
    chain.map_or_else(|| graph.no_cycle(), |chain| graph.in_chain(&chain.0))
}

impl Graph<'_> {
    fn in_cycle(&self, cycle: &[Node]) -> Explanation {
        self.explanation(Shape::Cycle, self.sentences(cycle), self.closes(cycle), cycle)
    }

    fn in_chain(&self, chain: &[Node]) -> Explanation {
        let mut steps = self.sentences(chain);
        let Some(&Node::Thread(last)) = chain.last() else { return self.no_cycle() };
        steps.push(self.never_yields(last));
        self.explanation(Shape::NeverYields, steps, self.roles[last].own.cloned(), chain)
    }

    fn explanation(
        &self,
        shape: Shape,
        steps: Vec<String>,
        at: Option<Frame>,
        nodes: &[Node],
    ) -> Explanation {
        let is_lock = |node: &Node| matches!(node, Node::Watched(index) if self.dead.watched[*index].kind != WatchedKind::Channel);
        Explanation {
            shape,
            steps,
            at,
            has_lock: nodes.iter().any(is_lock),
            has_runtime: nodes.contains(&Node::End),
        }
    }

    /// Whether a thread of a runtime is in a call, which keeps it from ending just as well as
    /// computing does.
    fn stands(&self, index: usize) -> bool {
        let role = &self.roles[index];
        let answered = !self.dead.threads[index].stack.is_empty();
        role.inside && answered && matches!(role.wait, None | Some(Wait::Sleep))
    }

    /// What closes a cycle: who waits for the end of a runtime, or else who came last.
    fn closes(&self, cycle: &[Node]) -> Option<Frame> {
        let waits = |pair: &&[Node]| is_who(pair[0]);
        let pairs: Vec<&[Node]> = cycle.windows(2).filter(waits).collect();
        let ends =
            pairs.iter().find(|pair| pair[1] == Node::End).and_then(|pair| self.own_frame(pair[0]));
        let places = pairs.iter().filter_map(|pair| self.wait_place(pair[0], pair[1]));
        ends.or_else(|| places.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, frame)| frame))
    }

    fn own_frame(&self, node: Node) -> Option<Frame> {
        match node {
            Node::Thread(index) => self.roles[index].own.cloned(),
            _ => None,
        }
    }

    /// Since when somebody waits for a lock or a channel, and where: in their stack, or as a task,
    /// which has none, at the line where it asked.
    fn wait_place(&self, node: Node, what: Node) -> Option<(f64, Frame)> {
        let Node::Watched(index) = what else { return None };
        let watched = &self.dead.watched[index];
        let party =
            watched.waiters.iter().find(|party| self.party(watched, party) == Some(node))?;
        let (file, line) = party.place.rsplit_once(':').unwrap_or((&party.place, ""));
        let named = Frame {
            function: format!("[waits for {}]", watched.name),
            file: Some(file.to_owned()),
            line: line.parse().ok(),
        };
        // The root future of block_on is awaited far below the line that waits.
        let blocks =
            matches!(node, Node::Thread(index) if self.roles[index].wait != Some(Wait::BlockOn));
        Some((party.for_ms, self.own_frame(node).filter(|_| blocks).unwrap_or(named)))
    }

    fn no_cycle(&self) -> Explanation {
        let chain = self.longest().map(|chain| chain.0).unwrap_or_default();
        let mut steps = self.open_chain(&chain);
        let is_new = |index: &usize| !chain.contains(&Node::Thread(*index));
        let all = || (0..self.roles.len()).filter(is_new);
        let outside = all().filter(|index| {
            let role = &self.roles[*index];
            role.home == Home::Outside
                && role.wait.is_some_and(|wait| wait > Wait::Sleep)
                && role.wait != Some(Wait::Lock)
        });
        let locks: Vec<usize> =
            all().filter(|index| self.roles[*index].wait == Some(Wait::Lock)).collect();
        steps.extend(outside.take(LISTED).map(|index| self.waits(index)));
        steps.extend(locks.iter().take(LISTED).map(|index| {
            format!("{}, whose holder is unknown: it is not a lock of lab-kit", self.waits(*index))
        }));
        steps.extend(self.waiting_tasks());
        let computing =
            all().filter(|index| self.roles[*index].inside && self.roles[*index].computes);
        let alone = |index| {
            format!("{}, but no thread or task is known to wait for it", self.never_yields(index))
        };
        steps.extend(computing.take(LISTED).map(alone));
        let mut explanation = self.explanation(Shape::NoCycle, steps, None, &chain);
        explanation.has_lock |= !locks.is_empty();
        explanation
    }

    fn waits(&self, index: usize) -> String {
        let node = Node::Thread(index);
        format!("{} {}{}", self.subject(node), doing(&self.roles[index]), self.at(node))
    }

    /// A chain whose end does not wait for anything known.
    fn open_chain(&self, chain: &[Node]) -> Vec<String> {
        let mut steps = self.sentences(chain);
        match chain {
            [] => {}
            [.., node, Node::Watched(index)] => steps.push(self.watched_step(*node, *index, None)),
            [.., node, Node::End] => steps.push(format!(
                "{} waits in the shutdown of a runtime{}, none of whose threads is inside a \
                 poll or a blocking task",
                self.subject(*node),
                self.at(*node)
            )),
            [.., Node::Thread(index)] => steps.push(self.waits(*index)),
            [.., last] => steps.push(format!(
                "{} is in no poll, and waits for no lock or channel of \
                                    lab-kit",
                self.object(*last)
            )),
        }
        steps
    }

    /// The tasks that wait for something else than a lock or channel of lab-kit.
    fn waiting_tasks(&self) -> Option<String> {
        let tasks = self.dead.tasks.as_ref()?;
        let events =
            |number: u64| !self.is_polled(number) && self.next(Node::Task(number)).is_empty();
        let waiting: Vec<_> = tasks.iter().filter(|task| events(task.number)).collect();
        let oldest = waiting.iter().map(|task| task.age_ms).fold(0.0, f64::max);
        let wait = if waiting.len() == 1 { "waits" } else { "wait" };
        (!waiting.is_empty()).then(|| {
            let all = count(waiting.len(), "task");
            format!(
                "{all} {wait}, up to {} old, for something else than a lock or channel of lab-kit",
                time(oldest)
            )
        })
    }
}
