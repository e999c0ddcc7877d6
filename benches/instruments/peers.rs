//! The program of the peers: built when it is asked for, so that `cargo bench` by itself never
//! unites its features with the lab's.

use lab_kit::overhead::{LIST, pairs};
use lab_runner::overhead::{Group, Measurement};
use std::path::PathBuf;
use std::process::Command;

/// What the peers can measure, in their order.
pub fn measurements() -> Result<Vec<Measurement>, String> {
    let program = build()?;
    let told = Command::new(&program)
        .arg(LIST)
        .output()
        .map_err(|error| format!("the peers do not start: {error}"))?;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let amounts = pairs::<u64>(&text).ok_or("the peers list nothing that can be understood")?;
    let names = text.lines().filter_map(|line| line.split('\t').next());
    let measurements = |name: &str| {
        let amount = *amounts.get(name)?;
        Some(Measurement {
            name: name.to_owned(),
            group: Group::Polls,
            amount,
            program: program.clone(),
        })
    };
    Ok(names.filter_map(measurements).collect())
}

/// Builds them as this bench was built and beside it, and tells where they are.
fn build() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let (here, profile) =
        place().ok_or("this bench does not lie in a folder of cargo's: try --no-peers")?;
    let mut command = Command::new(cargo);
    command
        .args(["build", "--package", "lab-peers", "--locked", "--profile", profile, "--target-dir"])
        .arg(&here);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    let status = command
        .status()
        .map_err(|error| format!("cargo does not start: {error}: try --no-peers"))?;
    let built = here.join(folder(profile)).join("lab-peers");
    let there = status.success() && built.is_file();
    if there {
        Ok(built)
    } else {
        Err(format!("the peers cannot be built ({status}): try --no-peers"))
    }
}

/// The target folder that this bench lies in, and the profile that it was built with:
/// `target/release/deps/instruments-…`.
fn place() -> Option<(PathBuf, &'static str)> {
    let bench = std::env::current_exe().ok()?;
    let target = bench.ancestors().nth(3)?.to_owned();
    Some((target, if cfg!(debug_assertions) { "dev" } else { "release" }))
}

/// Where cargo puts what it builds with a profile.
fn folder(profile: &str) -> &str {
    if profile == "dev" { "debug" } else { profile }
}
