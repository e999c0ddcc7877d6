//! Which frames only bring a future to its poll, or a thread to its function.

use crate::stacks::runtime_frames::{NEUTRAL_PATHS, START_PATHS, TOKIO_PATHS};

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FrameKind {
    /// The runtime's way to a future.
    Tokio,
    /// The way to a thread's function, as long as nothing else was called.
    Start,
    /// What stands between frames of either kind, and between others too.
    Neutral,
    /// Code that a person wrote.
    Code,
}

/// The stack with one frame for each run of plumbing. Neutral frames alone are no plumbing.
pub fn folded(frames: Vec<String>) -> Vec<String> {
    let mut kinds: Vec<FrameKind> = frames.iter().map(|frame| kind(frame)).collect();
    // A C library without symbols starts threads in a function that nobody can name.
    if frames.first().is_some_and(|frame| frame.starts_with("[unknown in ")) {
        kinds[0] = FrameKind::Neutral;
    }
    let root = kinds
        .iter()
        .take_while(|kind| matches!(kind, FrameKind::Start | FrameKind::Neutral))
        .count();
    let starts = kinds[..root].contains(&FrameKind::Start);
    let code_from = if starts { root } else { 0 };
    let rest: Vec<(&String, FrameKind)> = frames.iter().zip(kinds).skip(code_from).collect();
    let runs = rest.chunk_by(|a, b| is_run(a.1) == is_run(b.1)).flat_map(run);
    starts.then(|| "[thread start]".to_owned()).into_iter().chain(runs).collect()
}

fn is_run(kind: FrameKind) -> bool {
    matches!(kind, FrameKind::Tokio | FrameKind::Neutral)
}

fn run(frames: &[(&String, FrameKind)]) -> Vec<String> {
    if frames.iter().any(|(_, kind)| *kind == FrameKind::Tokio) {
        return vec!["[tokio]".into()];
    }
    frames.iter().map(|(frame, _)| (*frame).clone()).collect()
}

fn kind(frame: &str) -> FrameKind {
    let path = frame.trim_start_matches(['<', '&']).trim_start_matches("mut ");
    let any = |paths: &[&[&str]]| paths.iter().any(|segments| begins(path, segments));
    match () {
        () if frame == "[tokio]" || any(TOKIO_PATHS) => FrameKind::Tokio,
        () if any(NEUTRAL_PATHS) => FrameKind::Neutral,
        () if frame == "[thread start]" || any(START_PATHS) => FrameKind::Start,
        () => FrameKind::Code,
    }
}

/// Whether a path begins with these segments, each as a whole.
fn begins(path: &str, segments: &[&str]) -> bool {
    let start = segments.join("::");
    path.strip_prefix(&start).is_some_and(|rest| !rest.starts_with(crate::stacks::names::is_word))
}

#[cfg(test)]
mod tests {
    use crate::stacks::names::{Names, Plumbing};

    fn folded(stack: &str) -> String {
        let frames: Vec<&str> = stack.split_whitespace().collect();
        Names::new().fold(Plumbing::Tokio).stack(&frames).join(" ")
    }

    /// What `perf script` shows of a worker in a release build, less generics with spaces.
    const WORKER: &str = "clone3 start_thread std::sys::thread::unix::Thread::new::thread_start \
        core::ops::function::FnOnce::call_once{{vtable.shim}} \
        std::thread::lifecycle::spawn_unchecked::{{closure}} \
        std::panic::catch_unwind std::panicking::catch_unwind __rust_try \
        std::sys::backtrace::__rust_begin_short_backtrace \
        tokio::runtime::blocking::pool::Inner::run \
        tokio::runtime::task::raw::poll std::panicking::catch_unwind \
        tokio::runtime::scheduler::multi_thread::worker::run std::thread::local::LocalKey<T>::with \
        tokio::task::coop::budget tokio::runtime::task::core::Core<T,S>::poll \
        scenario_greedy::buggy::import::{{closure}} tokio::task::spawn::spawn \
        tokio::runtime::task::new_task \
        alloc::alloc::exchange_malloc malloc";

    #[test]
    fn a_worker_is_a_thread_a_runtime_and_what_they_are_for() {
        let short = "[thread start] [tokio] scenario_greedy::buggy::import::{closure} \
                     tokio::task::spawn::spawn \
            [tokio] alloc::alloc::exchange_malloc malloc";
        assert_eq!(folded(WORKER), short);
        assert_eq!(folded(short), short, "twice is no more than once");
    }

    #[test]
    fn what_starts_a_thread_may_have_no_name() {
        let names = Names::new().fold(Plumbing::Tokio);
        let stack =
            ["[unknown in libc.so.6]", "std::sys::thread::unix::Thread::new::thread_start", "work"];
        assert_eq!(names.stack(&stack), ["[thread start]", "work"]);
        assert_eq!(
            names.stack(&["[unknown in libc.so.6]", "work"]),
            ["[unknown in libc.so.6]", "work"]
        );
        assert_eq!(
            names.stack(&["work", "[unknown in libc.so.6]"]),
            ["work", "[unknown in libc.so.6]"]
        );
    }

    #[test]
    fn the_main_thread_keeps_its_main() {
        let stack = "_start __libc_start_main main std::rt::lang_start_internal \
                     std::panic::catch_unwind \
            std::sys::backtrace::__rust_begin_short_backtrace lab::main \
            tokio::runtime::runtime::Runtime::block_on work";
        assert_eq!(folded(stack), "[thread start] lab::main [tokio] work");
    }

    #[test]
    fn code_that_looks_like_plumbing_stays_where_it_is_none() {
        for stack in [
            "[thread start] app::work std::panic::catch_unwind app::risky",
            "[thread start] app::work std::thread::sleep clock_nanosleep",
            "app::work core::pin::Pin<P>::poll app::inner",
            "tokio::runtime_of_mine::f tokio::sync::mutex::lock",
            "std::panicking::begin_panic_handler",
        ] {
            assert_eq!(folded(stack), stack);
        }
    }
}
