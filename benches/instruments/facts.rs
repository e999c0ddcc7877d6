//! What a recording must say about where it comes from: the machine, and the versions that were built.

use std::fs;
use std::thread::available_parallelism;

/// The lock file of this build.
const LOCK: &str = include_str!("../../Cargo.lock");
/// What is measured, tokio first.
const CRATES: [&str; 5] = ["tokio", "console-subscriber", "dial9", "tokio-metrics", "tracing-flame"];

/// Cores that may be used, and the model of the processor.
pub fn machine() -> String {
    let cores = available_parallelism().map_or_else(|_| "unknown number of".to_owned(), |cores| cores.to_string());
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = told.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    format!("{cores} cores, {}", model.map_or("a processor that does not tell its model", |(_, model)| model))
}

/// Name and version of each crate that is measured.
pub fn versions() -> String {
    CRATES.map(|name| format!("{name} {}", version(name).unwrap_or("of unknown version"))).join(", ")
}

fn version(name: &str) -> Option<&'static str> {
    let (_, package) = LOCK.split_once(&format!("\nname = \"{name}\"\nversion = \""))?;
    package.split('"').next()
}
