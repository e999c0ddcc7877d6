//! The contract between the lab and a scenario, and the load that is put on one.
//!
//! A [`Scenario`] is a value: a name, a default [`Load`] and a list of [`Variant`]s, each a plain function
//! that gets a [`Cx`]. The context hands out a runtime builder, the open-loop request stream and the
//! [`Probe`]; the lab starts the function in a fresh child process and judges its [`Claim`]s from what that
//! child left behind.
//!
//! # A complete scenario
//!
//! ```
//! use lab_kit::{Arrivals, Claim, Column, Cx, Ending, Kind, Load, Scenario, Variant, no_input};
//!
//! /// What a variant does: build a runtime, put the load on it, wait for the answers.
//! fn nap(cx: &Cx) -> anyhow::Result<()> {
//!     let runtime = cx.runtime().build()?;
//!     let naps = cx.probe().counter("naps")?;
//!     let requests = cx.requests(runtime.handle(), move |_request| {
//!         let naps = naps.clone();
//!         async move {
//!             tokio::time::sleep(std::time::Duration::from_millis(1)).await;
//!             naps.add(1);
//!         }
//!     })?;
//!     requests.finish()
//! }
//!
//! static NAP: Scenario = Scenario {
//!     name: "nap",
//!     summary: "requests that sleep for a millisecond",
//!     chapter: "nap",
//!     load: Load { rate: 200.0, duration_ms: 500, ..Load::DEFAULT },
//!     brief_ms: 500,
//!     primary: "response_p99_us",
//!     columns: Column::RESPONSES,
//!     metrics: &[],
//!     check: no_input,
//!     ledger: &[],
//!     controls: &[],
//!     variants: &[Variant {
//!         name: "buggy",
//!         kind: Kind::Buggy,
//!         about: "sleeps instead of answering",
//!         run: nap,
//!         claims: &[
//!             Claim::ending("ends by itself", Ending::Finished),
//!             Claim::metric("sleeps in service, not in a queue", "service_p50_us").at_least(1_000.0),
//!         ],
//!         truth: None,
//!     }],
//! };
//!
//! // `fn main() -> ExitCode { lab_runner::main(&[&NAP]) }` gives it every command of the lab.
//! // Here it runs in this process, under a short load, and leaves its recording in a folder.
//! let folder = tempfile::tempdir()?;
//! let load = Load { duration_ms: 100, warmup_ms: 20, arrivals: Arrivals::Poisson, ..NAP.load.clone() };
//! let cx = Cx::create(load, folder.path())?;
//! (NAP.variants[0].run)(&cx)?;
//! assert!(folder.path().join(lab_recording::request_log::REQUESTS).exists());
//! # anyhow::Ok(())
//! ```
//!
//! Times are nanoseconds of `CLOCK_MONOTONIC` wherever a name ends in `_ns`, so that parent, child and every
//! instrument share one axis.

pub mod alloc;
pub mod batch;
mod claim;
pub mod clock;
mod cx;
pub mod heartbeat;
mod input;
mod ledger;
mod log;
mod metric;
pub mod overhead;
pub mod pacer;
pub mod probe;
pub mod process;
pub mod profiler_hooks;
pub mod request_task;
mod requests;
mod scenario;
pub mod schedule;
pub mod task_number;
pub mod turns;
mod wake_pipe;
pub mod watched;
pub mod yield_probe;

pub use batch::Batch;
pub use claim::{Bound, Claim, Domain, Measure, Stacks};
pub use cx::Cx;
pub use heartbeat::Heartbeat;
pub use input::{Input, fits_memory, no_input, only_input};
pub use lab_recording::{Arrivals, Cause, Ending, Kind, Load};
pub use ledger::{CommonClaim, LedgerVerdict};
pub use metric::{Better, Metric};
pub use probe::{Counter, Probe, Stopwatch};
pub use profiler_hooks::ProfilerHooks;
pub use requests::{ACCEPTOR_SPAWNED_IN, Answer, Request, Requests};
pub use scenario::{Column, Control, Scenario, Truth, Variant};
pub use yield_probe::YieldProbe;
