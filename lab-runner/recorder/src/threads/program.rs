//! The program that runs this, as another process needs it to give names to its addresses.

use lab_recording::maps;
use lab_recording::stall::format::stamp;
use lab_recording::threads::{Program, Raw};

/// This program, as it is now.
fn program() -> Program {
    let executable = std::env::current_exe().unwrap_or_default();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    Program {
        stamp: stamp(&executable).unwrap_or_default(),
        executable: executable.to_string_lossy().into_owned(),
        maps: maps::of_code(&maps),
    }
}

/// Addresses of this program, with the program.
pub fn with_this_program<T>(at_ns: u64, data: T) -> Raw<T> {
    Raw { program: program(), at_ns, data }
}
