//! Greedy under criterion: an iteration is one run of a variant, and its time the mean response of
//! the measured requests, each from when it was to be sent. The throughput is what a client would
//! get who waits for one answer after another.
//!
//! ```console
//! $ cargo bench -p lab-benches --bench greedy
//! ```

use lab_benches::{Bench, Timed};
use lab_kit::Load;
use std::process::ExitCode;

/// The volume of an import is fixed: it goes on for a second or more however short the load beside
/// it is.
static GREEDY: Bench = Bench {
    scenario: "greedy",
    load: |load| Load { warmup_ms: 100, duration_ms: 500, ..load },
    sizes: &[],
    timed: Timed::Responses,
};

fn main() -> ExitCode {
    lab_benches::main(&GREEDY)
}
