//! A noisy neighbour that takes a core: a process that does nothing but compute, until it is ended
//! or its parent is gone.

use crate::engine::binary::own_binary;
use lab_recorder::child::name_after_binary;
use std::process::{Child, ExitCode, Stdio};

/// The hidden word after the binary's name that makes it a noisy neighbour: `lab __neighbour
/// PARENT`.
pub(crate) const SUBCOMMAND: &str = "__neighbour";

/// Neighbours that run beside something. They end when this is dropped, and if the lab is killed.
#[derive(Debug)]
pub struct Neighbours(Vec<Child>);

impl Neighbours {
    /// Starts as many as take half of the machine, one at least. Each is this binary again, whose
    /// `main` passes its arguments to [`child_main`](crate::child_main).
    ///
    /// # Errors
    /// If one of them cannot be started.
    pub fn start() -> anyhow::Result<Neighbours> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // One after another into what ends them, so that none is left if a later one cannot be
        // started.
        let mut neighbours = Neighbours(Vec::new());
        for _ in 0..(cores / 2).max(1) {
            neighbours.0.push(neighbour()?);
        }
        Ok(neighbours)
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        for neighbour in &mut self.0 {
            // Fails only if it has ended by itself.
            let _ = neighbour.kill();
            let _ = neighbour.wait();
        }
    }
}

fn neighbour() -> std::io::Result<Child> {
    own_binary()
        .arg(SUBCOMMAND)
        .arg(std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Computes until the parent is gone. Looks for that itself too, for not every kernel can tell.
pub(crate) fn main(parent: &str) -> ExitCode {
    lab_kit::process::die_with_the_parent();
    name_after_binary();
    let Ok(parent) = parent.parse::<u32>() else { return ExitCode::from(2) };
    let mut number = 1_u64;
    while std::os::unix::process::parent_id() == parent {
        for _ in 0..1_000_000 {
            number =
                std::hint::black_box(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (number >> 7));
        }
    }
    ExitCode::SUCCESS
}
