//! The `lab` binary: the harness with the scenarios of this repository.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab_runner::main(lab_runner::builtin::SCENARIOS)
}
