//! The binary `lab`: the harness with the scenarios of this repository.

use lab_kit::alloc::Counting;
use std::process::ExitCode;

/// Counts allocations, for the scenarios that claim how many they need, over an allocator that can
/// tell who keeps them.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static COUNTING: Counting<lab_runner::Jemalloc> = Counting::over(lab_runner::Jemalloc);

/// Counts allocations, for the scenarios that claim how many they need.
#[cfg(not(feature = "jemalloc"))]
#[global_allocator]
static COUNTING: Counting = Counting::over(std::alloc::System);

fn main() -> ExitCode {
    lab_runner::main(lab::SCENARIOS)
}
