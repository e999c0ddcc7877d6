//! my-scenario: a blocking call in a handler. `diff src/buggy.rs src/fixed.rs` is the lesson.

mod buggy;
mod database;
mod fixed;

use lab_kit::alloc::Counting;
use lab_kit::{Cause, Claim, Cx, Ending, Kind, Load, Scenario, Truth, Variant};
use std::process::ExitCode;

/// Counts allocations, over an allocator that can report which code keeps memory.
#[global_allocator]
static ALLOCATOR: Counting<lab_runner::Jemalloc> = Counting::over(lab_runner::Jemalloc);

static SCENARIO: Scenario = Scenario::new(
    "my-scenario",
    "a blocking call in a handler delays every request of its worker",
    VARIANTS,
)
.load(Load {
    rate: 1_000.0,
    duration_ms: 2_000,
    ..Load::DEFAULT
});

const VARIANTS: &[Variant] = &[
    Variant::new("buggy", Kind::Buggy, |cx| serve(cx, buggy::handle))
        .about("queries the database in the handler")
        .claims(&[ENDS, ANSWERS_ALL, DELAYS])
        .truth(TRUTH),
    Variant::new("fixed", Kind::Fixed, |cx| serve(cx, fixed::handle))
        .about("queries the database on a thread of the blocking pool")
        .claims(&[ENDS, ANSWERS_ALL, HELPS]),
];

// What a variant promises. The lab judges it after every run, from what the run recorded.
const ENDS: Claim = Claim::ending("it ends by itself", Ending::Finished);
const ANSWERS_ALL: Claim =
    Claim::share("every request is answered", "completed", "offered").equal(1.0);
const DELAYS: Claim =
    Claim::metric("one request in ten waits for others", "wait_p90_us").at_least(2_000.0);
const HELPS: Claim = Claim::ratio("it waits far less", "wait_p90_us", "buggy").at_most(0.5);

// The answer to the question what is wrong, which `lab score` compares with the diagnosis.
const TRUTH: Truth = Truth::new(Cause::BlockingCall, "my_scenario::buggy::handle");

/// The service of every variant: a runtime, and the load's requests on it, each a task of its own.
fn serve<F>(cx: &Cx, handle: fn(usize) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let runtime = cx.runtime().build()?;
    let requests = cx.requests(runtime.handle(), move |request| handle(request.number))?;
    requests.finish()
}

fn main() -> ExitCode {
    lab_runner::main(&[&SCENARIO])
}
