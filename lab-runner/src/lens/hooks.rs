//! The one owner of tokio's builder hooks: tokio keeps one callback for each and the last one wins, so whoever wants
//! one asks here. The only file that knows whether tokio's unstable half is there.

use super::stall::task;
use tokio::runtime::Builder;

/// Whether this build can see polls: `--cfg tokio_unstable`.
pub(crate) const SEES_POLLS: bool = cfg!(tokio_unstable);

/// What to do when without it.
pub(crate) const HOW_TO_SEE_POLLS: &str =
    "this build does not see polls: build with RUSTFLAGS='--cfg tokio_unstable -C force-frame-pointers=yes'";

/// Callbacks for the runtimes of a run, each called in the order in which it was added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hooks {
    /// Before a poll, with the number of its task.
    pub before_poll: Vec<fn(u64)>,
    /// After a poll.
    pub after_poll: Vec<fn()>,
    /// When a thread of the runtime ends.
    pub thread_stops: Vec<fn()>,
}

impl Hooks {
    /// Puts them into a runtime that is about to be built.
    pub fn install(&self, builder: &mut Builder) {
        let stops = self.thread_stops.clone();
        if !stops.is_empty() {
            builder.on_thread_stop(move || stops.iter().for_each(|hook| hook()));
        }
        self.install_polls(builder);
    }

    #[cfg(tokio_unstable)]
    fn install_polls(&self, builder: &mut Builder) {
        let (before, after) = (self.before_poll.clone(), self.after_poll.clone());
        if !before.is_empty() {
            builder.on_before_task_poll(move |meta| before.iter().for_each(|hook| hook(task::number_of(&meta.id()))));
        }
        if !after.is_empty() {
            builder.on_after_task_poll(move |_| after.iter().for_each(|hook| hook()));
        }
    }

    #[cfg(not(tokio_unstable))]
    fn install_polls(&self, _builder: &mut Builder) {}
}
