//! The service with its two faults.

use lab_exercises::mystery;
use std::process::ExitCode;

fn main() -> ExitCode {
    lab_exercises::run(mystery::shipped)
}
