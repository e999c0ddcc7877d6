//! Futures whose waits a profiler records: those of requests, and those that a program passes to
//! [`follow`] or [`spawn`].
//!
//! A profiler of waits polls such a future with a waker of its own: what the future awaits clones
//! that waker inside its own poll, and what ends the wait calls it. In a run without such a
//! profiler a followed future is polled as if it were not followed.

use pin_project_lite::pin_project;
use std::any::type_name;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use tokio::task::JoinHandle;

/// A profiler of waits.
#[doc(hidden)]
pub trait WaitProfiler: Send + Sync {
    /// Begins to record the waits of a future, before its first poll.
    fn follow(&self, future: Followed) -> Box<dyn FollowedPolls>;
}

/// What is followed.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// The future of a request, by its number.
    Request(usize),
    /// A future that the program named.
    Named(&'static str),
}

/// The polls of a followed future. Its drop is the end of the future.
#[doc(hidden)]
pub trait FollowedPolls: Send {
    /// Calls `poll` once, with the context of the profiler in place of the runtime's. `poll` polls
    /// the future and returns whether it is pending.
    fn poll(&mut self, cx: &mut Context<'_>, poll: &mut dyn FnMut(&mut Context<'_>) -> bool);
}

static PROFILER: OnceLock<Box<dyn WaitProfiler>> = OnceLock::new();

/// Installs the profiler of this process, before any future is followed.
///
/// # Errors
/// If the process has one already.
#[doc(hidden)]
pub fn install(profiler: Box<dyn WaitProfiler>) -> Result<(), String> {
    PROFILER.set(profiler).map_err(|_| "another profiler of waits was installed".to_owned())
}

/// Makes the waits of a future visible to the profilers, under a name: a report then shows where it
/// awaits, what ends each wait, and how long the future then waits for its poll.
///
/// The future of a request is followed by itself. Follow what it spawns, or a future inside a
/// combinator that polls its members with wakers of its own, such as `FuturesUnordered`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// async fn load_page() -> u32 {
///     7
/// }
/// assert_eq!(lab_kit::follow("load page", load_page()).await, 7);
/// # }
/// ```
pub fn follow<F: Future>(name: &'static str, future: F) -> impl Future<Output = F::Output> {
    Follow::new(Followed::Named(name), future)
}

/// Spawns a followed task, named after the type of its future: a replacement for `tokio::spawn`.
///
/// # Panics
/// Outside of a runtime, as `tokio::spawn` does.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(Follow::new(Followed::Named(type_name::<F>()), future))
}

/// The future of a request.
pub(crate) fn request<F: Future>(number: usize, future: F) -> impl Future<Output = F::Output> {
    Follow::new(Followed::Request(number), future)
}

pin_project! {
    /// A future and, under a profiler of waits, the record of its polls.
    struct Follow<F> {
        #[pin]
        future: F,
        polls: Option<Box<dyn FollowedPolls>>,
    }
}

impl<F> Follow<F> {
    fn new(followed: Followed, future: F) -> Follow<F> {
        Follow { future, polls: PROFILER.get().map(|profiler| profiler.follow(followed)) }
    }
}

impl<F: Future> Future for Follow<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let Some(polls) = this.polls else { return this.future.poll(cx) };
        let mut polled = Poll::Pending;
        polls.poll(cx, &mut |cx| {
            polled = this.future.as_mut().poll(cx);
            polled.is_pending()
        });
        polled
    }
}
