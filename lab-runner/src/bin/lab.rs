//! The `lab` binary: the harness with the scenarios of this repository.

use std::process::ExitCode;

/// Counts allocations, for the scenarios that claim how many they need.
#[global_allocator]
static COUNTING: lab_kit::alloc::Counting = lab_kit::alloc::Counting;

fn main() -> ExitCode {
    lab_runner::main(lab_runner::builtin::SCENARIOS)
}
