//! The same scenario over the system's allocator, counted: the profiler `alloc` sees what is asked for, and not what is kept.

#[path = "leaky/scenario.rs"]
mod scenario;

#[global_allocator]
static COUNTING: lab_kit::alloc::Counting = lab_kit::alloc::Counting::over(std::alloc::System);

fn main() -> std::process::ExitCode {
    lab_runner::main(&[&scenario::LEAKY])
}
