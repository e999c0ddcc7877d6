//! The contract between the lab and a scenario, and the load generator.
//!
//! A [`Scenario`] is a value: a name, a default [`Load`] and a list of [`Variant`]s, each a plain
//! function that gets a [`Cx`]. The context hands out a runtime builder, the open-loop request
//! stream and the [`Probe`]. The lab starts the function in a fresh child process, and judges its
//! [`Claim`]s from the recording of that process.
//!
//! # A complete scenario
//!
//! A name, a summary and variants are enough. Methods of [`Scenario`] and [`Variant`] replace
//! defaults.
//!
//! ```
//! use lab_kit::{Claim, Cx, Ending, Kind, Load, Scenario, Variant};
//! use std::time::Duration;
//!
//! /// Builds a runtime, starts the load on it, and waits for the answers.
//! fn nap(cx: &Cx) -> anyhow::Result<()> {
//!     let runtime = cx.runtime().build()?;
//!     let handler = |_request| tokio::time::sleep(Duration::from_millis(1));
//!     cx.requests(runtime.handle(), handler)?.finish()
//! }
//!
//! static NAP: Scenario = Scenario::new(
//!     "nap",
//!     "requests that sleep for a millisecond",
//!     &[Variant::new("buggy", Kind::Buggy, nap).claims(&[
//!         Claim::ending("the run ends by itself", Ending::Finished),
//!         Claim::metric("requests sleep after their first poll", "service_p50_us")
//!             .at_least(1_000.0),
//!     ])],
//! )
//! .load(Load { rate: 200.0, duration_ms: 500, ..Load::DEFAULT });
//!
//! // `fn main() -> ExitCode { lab_runner::main(&[&NAP]) }` provides every command of the lab.
//! // Here the variant runs in this process, under a short load, and records into a folder.
//! let folder = tempfile::tempdir()?;
//! let load = Load { duration_ms: 100, warmup_ms: 20, ..NAP.load.clone() };
//! let cx = Cx::create(load, folder.path())?;
//! (NAP.variants[0].run)(&cx)?;
//! assert!(folder.path().join(lab_recording::request_log::REQUESTS).exists());
//! # anyhow::Ok(())
//! ```
//!
//! Times are nanoseconds of `CLOCK_MONOTONIC` wherever a name ends in `_ns`, so that parent, child
//! and all profilers share one axis.

// The public API is re-exported below, with the modules `alloc`, `clock` and `watched`. Hidden
// modules are for the lab's other packages and may change at any time: analysis uses names of
// metrics and of the lab's own tasks, the recorder uses task numbers and the yield probe, and the
// runner uses the instruments that `lab overhead` measures.
//
// A module uses modules of its own group and of groups above it.

pub mod alloc;
mod claim;
pub mod clock;
mod input;
mod ledger;
#[doc(hidden)]
pub mod limits;
mod metric;
#[doc(hidden)]
pub mod probe;
#[doc(hidden)]
pub mod process;
#[doc(hidden)]
pub mod request_task;
#[doc(hidden)]
pub mod schedule;
#[doc(hidden)]
pub mod task_number;

#[doc(hidden)]
pub mod batch;
#[doc(hidden)]
pub mod follow;
#[doc(hidden)]
pub mod heartbeat;
mod log;
#[doc(hidden)]
pub mod overhead;
#[doc(hidden)]
pub mod pacer;
#[doc(hidden)]
pub mod profiler_hooks;
mod wake_pipe;
pub mod watched;
#[doc(hidden)]
pub mod yield_probe;

mod requests;
#[doc(hidden)]
pub mod turns;

mod cx;

mod scenario;

pub use batch::{Batch, Children};
pub use claim::{Bound, Claim, Domain, Measure, Stacks, Whole};
pub use cx::Cx;
pub use follow::{follow, spawn};
pub use heartbeat::Heartbeat;
#[doc(hidden)]
pub use input::fits_memory_or;
pub use input::{Input, fits_memory, no_input, only_input, open_input};
pub use lab_recording::{Arrivals, Cause, Ending, Kind, Load};
pub use ledger::{CommonClaim, LedgerVerdict};
pub use log::Outcome;
pub use metric::{Better, Metric};
pub use probe::{Counter, Probe, Stopwatch};
pub use profiler_hooks::ProfilerHooks;
pub use requests::{ACCEPTOR_SPAWNED_IN, Answer, Request, Requests};
pub use scenario::{Column, Control, Scenario, Truth, Variant};
pub use yield_probe::YieldProbe;
