//! Which frame of a stack is to blame: the `async fn` whose code ran without giving way, not what it called and not where its task
//! was spawned.

use super::own::is_foreign;
use crate::lens::symbols::Frame;

/// Parts of paths of sources that are nobody's own: of the registry, of a checkout of somebody else's repository, of the standard
/// library.
const FOREIGN_SOURCES: [&str; 4] = ["/registry/src/", "/git/checkouts/", "/rustc/", "/library/std/"];

/// Combinators, by parts of the names of their polls: one task polls a set of futures in them.
const COMBINATORS: [&str; 6] = ["FuturesUnordered", "FuturesOrdered", "JoinAll", "join_all", "SelectAll", "select_all"];

/// Whether code belongs to whoever runs the lab.
pub fn is_own_frame(frame: &Frame) -> bool {
    let foreign_source = |file: &String| FOREIGN_SOURCES.iter().any(|part| file.contains(part));
    !is_foreign(&frame.function) && !frame.file.as_ref().is_some_and(foreign_source)
}

/// The frame of somebody's own code to blame for what a stack does; the stack is innermost first.
///
/// A task's poll calls the polls of the futures in it, down to the innermost `async fn`; what that calls is no future any more and
/// cannot give way. So blamed is the innermost own frame of that chain. A stack without such a chain, of a thread of the blocking
/// pool say, is blamed by its innermost own frame.
pub fn culprit(stack: &[Frame]) -> Option<&Frame> {
    let chain = stack.iter().rposition(|frame| is_task_poll(&frame.function)).map(|at| &stack[..at]);
    let polled = chain.and_then(innermost_polled);
    polled.or_else(|| stack.iter().find(|frame| is_own_frame(frame)))
}

/// The innermost own frame of a chain of polls.
fn innermost_polled(chain: &[Frame]) -> Option<&Frame> {
    let polls = chain.iter().rev().take_while(|frame| is_poll(frame));
    polls.filter(|frame| is_own_frame(frame)).last()
}

/// The own frame that called a combinator, if the stack is in one.
pub fn combines(stack: &[Frame]) -> Option<&Frame> {
    let outermost = stack.iter().rposition(|frame| COMBINATORS.iter().any(|part| frame.function.contains(part)))?;
    stack[outermost..].iter().find(|frame| is_own_frame(frame))
}

/// Where the runtime polls a task.
fn is_task_poll(function: &str) -> bool {
    function.contains("runtime::task::raw") || function.contains("runtime::task::harness")
}

/// Whether a frame stands for the poll of a future, or for what a runtime wraps around one. An `async fn` is a closure to the
/// compiler; own code that is neither closure nor `poll` has left the chain.
fn is_poll(frame: &Frame) -> bool {
    let name = &frame.function;
    let last = name.rsplit("::").next().unwrap_or(name);
    !is_own_frame(frame) && !leaves_the_chain(name) || last.starts_with('{') || last.starts_with("poll")
}

/// Foreign functions that call somebody's closure and not his future.
fn leaves_the_chain(function: &str) -> bool {
    const LEAVES: [&str; 6] =
        ["block_in_place", "iter::", "slice::", "serde", "thread::local::LocalKey", "catch_unwind::<core::panic"];
    let polls = function.contains("poll") || function.contains("runtime::");
    !polls && LEAVES.iter().any(|part| function.contains(part)) || function.contains("block_in_place")
}

/// The function whose body it is: an `async fn` is a closure to the compiler, and in it closures are too.
pub fn without_closures(function: &str) -> String {
    let mut name = function;
    while let Some((rest, last)) = name.rsplit_once("::")
        && last.starts_with('{')
    {
        name = rest;
    }
    name.to_owned()
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
        let calls =
            ["shop::parse::tokens", "shop::parse::order", "shop::import::{{closure}}", "shop::serve::{{closure}}"];
        assert_eq!(blamed(&[&calls[..], &TASK].concat()).unwrap(), "shop::import");
        let maps = ["shop::hash::{{closure}}", "core::iter::adapters::map::map_fold", "shop::import::{{closure}}"];
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
        let waker = ["atomic_waker::AtomicWaker::register in /x/registry/src/i/atomic-waker-1/src/lib.rs"];
        assert_eq!(blamed(&[&waker[..], &["shop::upload::{{closure}}"], &TASK].concat()).unwrap(), "shop::upload");
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
    fn a_combinator_is_blamed_on_whoever_called_it() {
        let vain = [
            "tokio::task::coop::poll_proceed",
            "shop::upload::{{closure}}",
            "<futures_util::stream::futures_unordered::FuturesUnordered<Fut> as Stream>::poll_next",
            "shop::process_all::{{closure}}",
            "tokio::runtime::task::raw::poll",
        ];
        assert_eq!(combines(&stack(&vain)).map(|frame| &*frame.function), Some("shop::process_all::{{closure}}"));
        assert_eq!(combines(&stack(&vain[3..])), None);
    }
}
