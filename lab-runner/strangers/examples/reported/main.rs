//! Faults that people met and reported in public, each rebuilt as small as it still happens:
//! `cargo run --release --package lab-strangers --example reported -- list` names them all.

use std::process::ExitCode;

mod actor;
mod buffered_body;
mod driver_asleep;
mod futurelock;
mod join_set;
mod lookups;
mod middleware;
mod one_thread;
mod ordered_pages;
mod says_no;
mod spins;
mod two_borrows;
mod two_connections;
mod wakes_itself;
mod wide;

#[global_allocator]
static COUNTING: lab_kit::alloc::Counting<lab_runner::Jemalloc> =
    lab_kit::alloc::Counting::over(lab_runner::Jemalloc);

fn main() -> ExitCode {
    lab_runner::main(&[
        &actor::SCENARIO,
        &buffered_body::SCENARIO,
        &driver_asleep::SCENARIO,
        &futurelock::SCENARIO,
        &join_set::SCENARIO,
        &lookups::SCENARIO,
        &middleware::SCENARIO,
        &one_thread::SCENARIO,
        &ordered_pages::SCENARIO,
        &says_no::SCENARIO,
        &spins::SCENARIO,
        &two_borrows::SCENARIO,
        &two_connections::SCENARIO,
        &wakes_itself::SCENARIO,
        &wide::SCENARIO,
    ])
}
