//! The interface of a profiler to its run: it adds hooks to each runtime, and is called when the
//! measured time begins. A measuring run has no profiler.

use crate::clock;
use std::fmt::Debug;
use std::sync::Arc;
use tokio::runtime::Builder;

/// The hooks of a profiler in a run.
pub trait ProfilerHooks: Debug + Send + Sync {
    /// Adds the profiler's callbacks to a runtime under test, before it is built.
    fn runtime(&self, builder: &mut Builder);

    /// Starts profiling, because the warm-up is over. Called on any thread.
    fn begin(&self);
}

/// Starts a profiler at the beginning of the measured time, on a thread of its own: the variant may
/// or may not wait for that moment.
pub(crate) fn begin_at(profiler: &Arc<dyn ProfilerHooks>, window_ns: u64) {
    let profiler = Arc::clone(profiler);
    // If the thread cannot be started, the profiler's status reports that nothing was profiled.
    let _ = std::thread::Builder::new().name("lab-begin".into()).spawn(move || {
        clock::sleep_until_ns(window_ns);
        profiler.begin();
    });
}
