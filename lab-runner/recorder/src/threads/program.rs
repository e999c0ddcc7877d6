//! Data on this program that another process needs to resolve its addresses to names.

use lab_recording::maps;
use lab_recording::stall::format::stamp;
use lab_recording::threads::{Program, Raw};

/// This program, with its current memory map.
fn program() -> Program {
    let executable = std::env::current_exe().unwrap_or_default();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    Program {
        stamp: stamp(&executable).unwrap_or_default(),
        executable: executable.to_string_lossy().into_owned(),
        maps: maps::of_code(&maps),
    }
}

/// Attaches this program to data with addresses.
pub fn with_this_program<T>(at_ns: u64, data: T) -> Raw<T> {
    Raw { program: program(), at_ns, data }
}
