//! Shutdown under criterion: an iteration is one run of a variant, and its time that of the stop,
//! from the wish to the end of the service. The throughput counts stops.
//!
//! The faulty variant is not here: it hangs. What ends, but late or at the price of what was in
//! flight, is.
//!
//! ```console
//! $ cargo bench -p lab-benches --bench shutdown
//! ```

use lab_benches::{Bench, Timed};
use lab_kit::Load;
use std::process::ExitCode;

/// Long enough for as many requests to be in flight as there will ever be.
static SHUTDOWN: Bench = Bench {
    scenario: "shutdown",
    load: |load| Load { warmup_ms: 100, duration_ms: 100, ..load },
    sizes: &[],
    timed: Timed::Stopwatch("quiesce"),
};

fn main() -> ExitCode {
    lab_benches::main(&SHUTDOWN)
}
