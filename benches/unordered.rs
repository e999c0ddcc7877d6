//! Unordered under criterion: an iteration is one batch, and its time that of the batch alone,
//! without making or checking it. The throughput is in pieces. Sizes double, so that criterion's
//! plot with logarithmic axes shows what grows with their square.
//!
//! ```console
//! $ cargo bench -p lab-benches --bench unordered
//! ```

use lab_benches::{Bench, Timed};
use std::process::ExitCode;

/// The size of the scenario's own load is among them.
static UNORDERED: Bench = Bench {
    scenario: "unordered",
    load: |load| load,
    sizes: &[1_250, 2_500, 5_000, 10_000, 20_000, 40_000],
    timed: Timed::Batch,
};

fn main() -> ExitCode {
    lab_benches::main(&UNORDERED)
}
