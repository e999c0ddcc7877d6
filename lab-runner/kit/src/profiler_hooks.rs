//! What a profiler needs of its run: to take part in building the runtimes, and a call at the
//! moment from which on the load counts. A run that measures has no profiler.

use crate::clock;
use std::fmt::Debug;
use std::sync::Arc;
use tokio::runtime::Builder;

/// Watches a run.
pub trait ProfilerHooks: Debug + Send + Sync {
    /// Adds its callbacks to a runtime under test that is about to be built.
    fn runtime(&self, builder: &mut Builder);

    /// The warm-up is over: what happens from now on is to be looked at. Called once, on any
    /// thread.
    fn begin(&self);
}

/// Tells a profiler when the measured time begins, whether or not the variant waits for it.
pub(crate) fn begin_at(watch: &Arc<dyn ProfilerHooks>, window_ns: u64) {
    let watch = Arc::clone(watch);
    let tell = move || {
        clock::sleep_until_ns(window_ns);
        watch.begin();
    };
    // A run that cannot have one thread more has other troubles: its profile says that nothing
    // began.
    let _ = std::thread::Builder::new().name("lab-watch".into()).spawn(tell);
}
