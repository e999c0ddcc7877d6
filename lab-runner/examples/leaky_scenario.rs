//! A scenario from outside the tree in a binary that can be looked into by the profiler `alloc`: with the counting allocator,
//! over jemalloc.

#[path = "leaky/scenario.rs"]
mod scenario;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static COUNTING: lab_kit::alloc::Counting<lab_runner::Jemalloc> = lab_kit::alloc::Counting::over(lab_runner::Jemalloc);

fn main() -> std::process::ExitCode {
    lab_runner::main(&[&scenario::LEAKY])
}
