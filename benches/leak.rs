//! Leak under criterion: an iteration is one run of a variant, and its time the mean response of the
//! measured requests, each from when it was to be sent. A leak hardly shows in it: responses take as
//! long as clients stay.
//!
//! ```console
//! $ cargo bench -p lab-benches --bench leak
//! ```

use lab_benches::{Bench, Timed};
use lab_kit::Load;
use std::process::ExitCode;

/// Long enough for a few dozen updates.
static LEAK: Bench = Bench {
    scenario: "leak",
    load: |load| Load { warmup_ms: 100, duration_ms: 500, ..load },
    sizes: &[],
    timed: Timed::Responses,
};

fn main() -> ExitCode {
    lab_benches::main(&LEAK)
}
