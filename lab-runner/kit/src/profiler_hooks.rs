//! The interface of a profiler to its run: it adds hooks to each runtime, and is called when the
//! measured time begins, after its first sixth, and when the request log is closed. A measuring run
//! has no profiler.

use crate::clock;
use lab_recording::alloc::PARTS;
use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// The hooks of a profiler in a run.
pub trait ProfilerHooks: Debug + Send + Sync {
    /// Adds the profiler's callbacks to a runtime under test, before it is built.
    fn runtime(&self, builder: &mut Builder);

    /// Builds a runtime under test. For recorders of others, which take the builder by value and
    /// keep a handle of the runtime that they build.
    ///
    /// # Errors
    /// If the runtime cannot be built.
    fn build(&self, mut builder: Builder) -> io::Result<Runtime> {
        builder.build()
    }

    /// Starts profiling, because the warm-up is over. Called on any thread.
    fn begin(&self);

    /// Called on a thread of the lab when the first sixth of the measured time is over. Caches and
    /// buffers fill up during it, so growth is what comes after. A batch has no such moment.
    fn first_part_ends(&self) {}

    /// Called when the request log is closed, on the thread that closed it. The variant continues
    /// after this call, so all that it keeps is still there. A batch has no such moment.
    fn load_ends(&self) {}
}

/// Starts a profiler at the beginning of the measured time, and calls it again after the first
/// sixth. Both on a thread of its own: the variant may or may not wait for these moments.
pub(crate) fn begin_at(profiler: &Arc<dyn ProfilerHooks>, window_ns: u64, measured: Duration) {
    let profiler = Arc::clone(profiler);
    let first_part_ns = window_ns + (measured / PARTS).as_nanos() as u64;
    // If the thread cannot be started, the profiler's status reports that nothing was profiled.
    let _ = std::thread::Builder::new().name("lab-begin".into()).spawn(move || {
        clock::sleep_until_ns(window_ns);
        profiler.begin();
        while clock::now_ns() < first_part_ns {
            clock::sleep_until_ns(first_part_ns);
        }
        profiler.first_part_ends();
    });
}
