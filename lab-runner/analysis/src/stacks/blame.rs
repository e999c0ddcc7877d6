//! Which frame of a stack is to blame: the `async fn` whose code ran without giving way, not what
//! it called and not where its task was spawned.

use crate::stacks::own::is_own_frame;
use crate::stacks::runtime_frames::{BLOCK_ON, COMBINATOR, Named, TASK_POLL};
use crate::stacks::symbol_path::{is_closure, last_part, without_closures};
use lab_recording::frame::Frame;
use std::collections::BTreeMap;

/// The frames of user code to blame for a stack, outermost first; the stack is
/// innermost first.
///
/// A task's poll calls the polls of the futures in it, down to the innermost `async fn`; what that
/// calls is no future any more and cannot yield. To blame are the own frames of that chain. A stack
/// without such a chain, of a thread of the blocking pool say, is blamed on its innermost own
/// frame.
fn chain(stack: &[Frame]) -> Vec<&Frame> {
    chain_from(stack, stack.iter().position(is_task_poll))
}

/// The same, with the frame that polls the outermost future.
fn chain_from(stack: &[Frame], poll: Option<usize>) -> Vec<&Frame> {
    let polled = poll.map(|at| &stack[..at]).unwrap_or_default();
    let chain: Vec<&Frame> = polled
        .iter()
        .rev()
        .take_while(|frame| is_poll(frame))
        .filter(|frame| is_own_frame(frame))
        .collect();
    match chain.is_empty() {
        true => stack.iter().find(|frame| is_own_frame(frame)).into_iter().collect(),
        false => chain,
    }
}

/// The frame of user code to blame for one stack: the innermost `async fn` of
/// its task.
pub fn culprit(stack: &[Frame]) -> Option<&Frame> {
    chain(stack).pop()
}

/// The same for a stack of a thread that polls the future of `block_on`, or a task of a `LocalSet`.
pub fn culprit_of_block_on(stack: &[Frame]) -> Option<&Frame> {
    chain_of_block_on(stack).pop()
}

fn chain_of_block_on(stack: &[Frame]) -> Vec<&Frame> {
    let polls = stack.iter().position(is_task_poll);
    chain_from(stack, polls.or_else(|| stack.iter().position(is_block_on)))
}

/// Many stacks, and the frame to blame for what they do together: the innermost `async fn` that
/// most of it happened in. What a loop awaits again and again is not to blame for the loop.
#[derive(Clone, Debug, Default)]
pub struct Blamed {
    all: f64,
    /// By the functions down to one of them: the weight, and that of each place in the last one.
    chains: BTreeMap<Vec<String>, (f64, BTreeMap<SourceLine, f64>)>,
}

type SourceLine = (Option<String>, Option<u32>);

impl Blamed {
    /// Adds a stack.
    pub fn add(&mut self, stack: &[Frame], weight: f64) {
        self.add_chain(chain(stack), weight);
    }

    /// Adds a stack of a thread that polls the future of `block_on`, or a task of a `LocalSet`.
    pub fn add_of_block_on(&mut self, stack: &[Frame], weight: f64) {
        self.add_chain(chain_of_block_on(stack), weight);
    }

    fn add_chain(&mut self, chain: Vec<&Frame>, weight: f64) {
        self.all += weight;
        let mut down: Vec<String> = Vec::new();
        for frame in chain {
            let function = without_closures(&frame.function);
            if down.last() == Some(&function) {
                continue;
            }
            down.push(function);
            let (sum, places) = self.chains.entry(down.clone()).or_default();
            *sum += weight;
            *places.entry((frame.file.clone(), frame.line)).or_default() += weight;
        }
    }

    /// The frame to blame, without closures; none if no stack has user code.
    ///
    /// The chains form a tree of functions with the weight that passes through each. From the root
    /// the way goes down as long as one child has at least half of *all* weight, and ends where the
    /// weight spreads out: a loop that awaits `put` for 7 % of its time and parses for 93 % is to
    /// blame itself, and not `put`, though it is the innermost `async fn` of some stacks. Where
    /// nothing has half, the heaviest chain is all that can be said.
    ///
    /// Example: `import` 100, of which `import > put` has 40 and `import > index` 35, gives
    /// `import`; with 60 for `put` it gives `put`. The line is that of the last function with most
    /// weight.
    pub fn frame(&self) -> Option<Frame> {
        let most = self.chains.iter().filter(|(_, (weight, _))| 2.0 * weight >= self.all);
        let any = || self.chains.iter().max_by(|a, b| a.1.0.total_cmp(&b.1.0));
        let (chain, (_, places)) = most.max_by_key(|(chain, _)| chain.len()).or_else(any)?;
        let ((file, line), _) = places.iter().max_by(|a, b| a.1.total_cmp(b.1))?;
        Some(Frame { function: chain.last()?.clone(), file: file.clone(), line: *line })
    }
}

/// The own frame that called a combinator, if the stack is in one.
pub fn combines(stack: &[Frame]) -> Option<&Frame> {
    let outermost = stack.iter().rposition(is_combinator)?;
    stack[outermost..].iter().find(|frame| is_own_frame(frame))
}

fn is_combinator(frame: &Frame) -> bool {
    Named::new(frame).is_in(COMBINATOR)
}

/// Where the runtime polls a task. The innermost one counts: a worker is a task of its runtime's
/// blocking pool.
fn is_task_poll(frame: &Frame) -> bool {
    Named::new(frame).is_in(TASK_POLL)
}

/// Whether a runtime polls something in a stack: a task, or the future of `block_on`.
pub fn is_polled(stack: &[Frame]) -> bool {
    stack.iter().any(|frame| is_task_poll(frame) || is_block_on(frame))
}

fn is_block_on(frame: &Frame) -> bool {
    Named::new(frame).is_in(BLOCK_ON)
}

/// Whether a frame stands for the poll of a future, or for what a runtime wraps around one. An
/// `async fn` is a closure to the compiler; own code that is neither closure nor `poll` has left
/// the chain.
fn is_poll(frame: &Frame) -> bool {
    if !is_own_frame(frame) {
        return !Named::new(frame).calls_closures();
    }
    let last = last_part(&frame.function);
    is_closure(last) || last.starts_with("poll")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Innermost first; names with a blank have the file after it.
    fn stack(names: &[&str]) -> Vec<Frame> {
        let frame = |name: &&str| {
            let (function, file) = name.split_once(" in ").unwrap_or((name, "src/lib.rs"));
            Frame { function: function.into(), file: Some(file.into()), line: Some(7) }
        };
        names.iter().map(frame).collect()
    }

    fn blamed(names: &[&str]) -> Option<String> {
        culprit(&stack(names)).map(|frame| without_closures(&frame.function))
    }

    const TASK: [&str; 3] = [
        "tokio::runtime::task::core::Core<T,S>::poll",
        "tokio::runtime::task::harness::poll_future",
        "tokio::runtime::task::raw::poll",
    ];

    #[test]
    fn the_innermost_async_fn_is_blamed_and_not_what_it_calls() {
        let calls = [
            "shop::parse::tokens",
            "shop::parse::order",
            "shop::import::{{closure}}",
            "shop::serve::{{closure}}",
        ];
        assert_eq!(blamed(&[&calls[..], &TASK].concat()).unwrap(), "shop::import");
        let maps = [
            "shop::hash::{{closure}}",
            "core::iter::adapters::map::map_fold",
            "shop::import::{{closure}}",
        ];
        assert_eq!(blamed(&[&maps[..], &TASK].concat()).unwrap(), "shop::import");
        let wrapped = [
            "read",
            "std::fs::read_to_string",
            "shop::index::{{closure}}",
            "<tokio::time::timeout::Timeout<T> as core::future::future::Future>::poll",
            "shop::ask::{{closure}}",
            "<tracing::instrument::Instrumented<T> as core::future::future::Future>::poll",
        ];
        assert_eq!(blamed(&[&wrapped[..], &TASK].concat()).unwrap(), "shop::index");
    }

    #[test]
    fn a_future_written_by_hand_counts_and_code_of_the_registry_does_not() {
        let by_hand = ["shop::spin", "<shop::Import as core::future::future::Future>::poll"];
        assert_eq!(
            blamed(&[&by_hand[..], &TASK].concat()).unwrap(),
            "<shop::Import as core::future::future::Future>::poll"
        );
        let waker =
            ["atomic_waker::AtomicWaker::register in /x/registry/src/i/atomic-waker-1/src/lib.rs"];
        assert_eq!(
            blamed(&[&waker[..], &["shop::upload::{{closure}}"], &TASK].concat()).unwrap(),
            "shop::upload"
        );
        assert_eq!(blamed(&waker), None);
    }

    #[test]
    fn outside_of_tasks_the_innermost_own_frame_is_blamed() {
        let pool = [
            "tokio::runtime::runtime::Runtime::shutdown_timeout",
            "shop::serve::{{closure}}::{{closure}}",
            "tokio::runtime::blocking::pool::Inner::run",
        ];
        assert_eq!(blamed(&pool).unwrap(), "shop::serve");
    }

    #[test]
    fn of_block_on_the_innermost_async_fn_of_its_future_is_blamed() {
        let of = |inner: &[&str]| {
            let mut all = Blamed::default();
            let outer = [
                "tokio::runtime::scheduler::current_thread::CoreGuard::block_on::{{closure}}",
                "tokio::runtime::runtime::Runtime::block_on",
                "shop::main",
            ];
            all.add_of_block_on(&stack(&[inner, &outer].concat()), 1.0);
            all.frame().unwrap().function
        };
        assert_eq!(
            of(&["shop::parse", "shop::report::{{closure}}", "shop::run::{{closure}}"]),
            "shop::report"
        );
        let in_a_local_set = [
            &["shop::parse", "shop::session::{{closure}}"][..],
            &TASK,
            &["shop::run::{{closure}}"],
        ];
        assert_eq!(of(&in_a_local_set.concat()), "shop::session");
        assert!(is_polled(&stack(&TASK)) && !is_polled(&stack(&["shop::main"])));
    }

    #[test]
    fn what_a_loop_awaits_is_not_to_blame_for_the_loop() {
        let with = |inner: &[&str]| stack(&[inner, &["shop::import::{{closure}}"], &TASK].concat());
        let mut all = Blamed::default();
        all.add(
            &with(&["shop::Store::put::{{closure}}::{{closure}}", "shop::Store::put::{{closure}}"]),
            4.0,
        );
        all.add(&with(&["serde_json::from_slice"]), 6.0);
        assert_eq!(all.frame().unwrap().function, "shop::import");
        all.add(&with(&["shop::Store::put::{{closure}}"]), 6.0);
        assert_eq!(all.frame().unwrap().function, "shop::Store::put");
        assert_eq!(Blamed::default().frame(), None);
    }

    #[test]
    fn a_worker_is_itself_a_task_of_the_pool() {
        let worker = [
            "tokio::runtime::scheduler::multi_thread::worker::run",
            "std::thread::local::LocalKey<T>::with",
        ];
        let stack =
            [&["shop::parse", "shop::import::{{closure}}"][..], &TASK, &worker, &TASK].concat();
        assert_eq!(blamed(&stack).unwrap(), "shop::import");
    }

    #[test]
    fn a_combinator_that_was_inlined_is_known_by_its_source() {
        let named = |function: &str, file: &str| Frame {
            function: function.into(),
            file: Some(file.into()),
            line: None,
        };
        let vain = [
            named("poll_proceed", "/x/registry/src/i/tokio-1/src/task/coop/mod.rs"),
            named("{async_fn#0}", "/home/me/shop/src/main.rs"),
            named(
                "poll_next<Upload>",
                "/x/registry/src/i/futures-util-0.3/src/stream/futures_unordered/mod.rs",
            ),
            named("shop::all::{async_fn#0}", "/home/me/shop/src/main.rs"),
            named("poll_inner<Task>", "/x/registry/src/i/tokio-1/src/runtime/task/harness.rs"),
        ];
        assert_eq!(combines(&vain).map(|frame| &*frame.function), Some("shop::all::{async_fn#0}"));
    }

    #[test]
    fn a_combinator_is_blamed_on_whoever_called_it() {
        let vain = [
            "tokio::task::coop::poll_proceed",
            "shop::upload::{{closure}}",
            "<futures_util::stream::futures_unordered::FuturesUnordered<Fut> as Stream>::poll_next",
            "shop::process_all::{{closure}}",
            "tokio::runtime::task::raw::poll",
        ];
        assert_eq!(
            combines(&stack(&vain)).map(|frame| &*frame.function),
            Some("shop::process_all::{{closure}}")
        );
        assert_eq!(combines(&stack(&vain[3..])), None);
    }
}
