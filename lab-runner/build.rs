//! Hands the versions that decide a measurement to the code: nothing in Rust can ask for them at
//! run time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    if let Some(rustc) = rustc_version() {
        println!("cargo::rustc-env=LAB_RUSTC={rustc}");
    }
    let Some(lock) = lock_file() else { return };
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = fs::read_to_string(&lock).unwrap_or_default();
    for package in ["tokio", "futures"] {
        if let Some(version) = locked_version(&text, package) {
            println!("cargo::rustc-env=LAB_{}={version}", package.to_uppercase());
        }
    }
}

fn rustc_version() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// The lock file of whoever builds this: above the target folder, or above the manifest when that
/// lies elsewhere.
fn lock_file() -> Option<PathBuf> {
    ["OUT_DIR", "CARGO_MANIFEST_DIR"].iter().filter_map(env::var_os).find_map(|start| {
        Path::new(&start)
            .ancestors()
            .map(|folder| folder.join("Cargo.lock"))
            .find(|file| file.is_file())
    })
}

fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let entry = lock
        .split("[[package]]")
        .find(|entry| entry.contains(&format!("name = \"{package}\"\n")))?;
    entry.lines().find_map(|line| line.strip_prefix("version = \""))?.strip_suffix('"')
}
