//! Spawns the tasks of requests. They have a source file of their own, because a recording of the
//! scheduler identifies task kinds by their spawn location.

/// The source file in which the tasks are spawned.
pub const SPAWNED_IN: &str = file!();

/// Spawns the task of a request.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}
