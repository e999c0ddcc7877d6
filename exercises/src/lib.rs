//! What the exercises share: the process in which the lab runs a learner's file, and for each
//! service the part that is not the learner's to change — its load, its clients and its clocks.
//!
//! An exercise is a program of its own. The lab builds it, starts it as the child process of a run,
//! and judges the recording; `info.toml` has the load and the goal.

pub mod archive;
pub mod audit;
pub mod catalogue;
pub mod counter;
pub mod feed;
pub mod mystery;
pub mod orders;
pub mod shop;
pub mod uploads;

use lab_kit::Cx;
use lab_kit::alloc::Counting;
use lab_recorder::{Jemalloc, child};
use std::io::Write;
use std::process::ExitCode;

/// Counts allocations and the memory that is alive, for goals about memory and for the profiler
/// `alloc`.
#[global_allocator]
static COUNTING: Counting<Jemalloc> = Counting::over(Jemalloc);

/// The `main` of an exercise: runs the service under the load of the lab.
pub fn run(service: impl Fn(&Cx) -> anyhow::Result<()>) -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    match child::folder(&args) {
        Some(folder) => child::main(folder, |_spec| Ok(&service)),
        None => {
            let _ = writeln!(
                std::io::stderr(),
                "lab: this program is an exercise, which the lab starts: cargo lab exercise"
            );
            ExitCode::from(2)
        }
    }
}
