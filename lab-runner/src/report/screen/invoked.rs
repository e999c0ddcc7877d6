//! How the lab was typed, so that the commands that a screen names work when they are typed.

use std::path::Path;

/// `cargo lab` where cargo started the binary that it built, else the name of the binary.
pub(crate) fn invoked() -> String {
    let binary = std::env::current_exe().unwrap_or_else(|_| "lab".into());
    let name = || {
        binary.file_name().map_or_else(|| "lab".into(), |name| name.to_string_lossy().into_owned())
    };
    // Cargo marks its target folder, wherever it is.
    let is_built_here = binary.ancestors().skip(1).any(is_target);
    if std::env::var_os("CARGO").is_some() && is_built_here { "cargo lab".into() } else { name() }
}

/// Whether a folder is a target folder of cargo. It marks one as a cache only if it made the folder
/// itself; what it knows of the compiler it always keeps there.
fn is_target(folder: &Path) -> bool {
    [".rustc_info.json", "CACHEDIR.TAG"].iter().any(|mark| folder.join(mark).is_file())
}
