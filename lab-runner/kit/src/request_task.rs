//! Where the tasks of requests are spawned: in a file of their own, by which a recording of the
//! scheduler identifies them.

/// This file, as a recorded place of spawn has it.
pub const SPAWNED_IN: &str = file!();

/// Spawns the task of a request.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}
