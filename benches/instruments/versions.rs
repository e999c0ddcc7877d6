//! The versions of what is compared with, which a recording must tell.

/// The lock file of this build.
const LOCK: &str = include_str!("../../Cargo.lock");
/// What is measured.
const CRATES: [&str; 4] = ["console-subscriber", "dial9", "tokio-metrics", "tracing-flame"];

/// Name and version of each crate that is measured.
pub fn of_peers() -> String {
    CRATES
        .map(|name| format!("{name} {}", version(name).unwrap_or("of unknown version")))
        .join(", ")
}

fn version(name: &str) -> Option<&'static str> {
    let (_, package) = LOCK.split_once(&format!("\nname = \"{name}\"\nversion = \""))?;
    package.split('"').next()
}
