//! `lab new NAME`: writes a crate with a scenario to start from, outside this tree.

mod name;

use crate::cli::NewArgs;
use crate::engine::execute::quoted;
use crate::exit::{Exit, UsageError};
use anyhow::Context;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The files of the crate, and their texts. `Cargo.toml` has another name in this repository, where
/// cargo would take it for a package of its own.
const TEMPLATE: &[(&str, &str)] = &[
    (".cargo/config.toml", include_str!("../../templates/new/cargo-config.toml")),
    (".gitignore", include_str!("../../templates/new/gitignore")),
    ("Cargo.toml", include_str!("../../templates/new/Cargo.toml.in")),
    ("README.md", include_str!("../../templates/new/README.md")),
    ("src/buggy.rs", include_str!("../../templates/new/src/buggy.rs")),
    ("src/database.rs", include_str!("../../templates/new/src/database.rs")),
    ("src/fixed.rs", include_str!("../../templates/new/src/fixed.rs")),
    ("src/main.rs", include_str!("../../templates/new/src/main.rs")),
];

/// The source of the lab that built this binary.
const LAB: &str = env!("CARGO_MANIFEST_DIR");

pub(crate) fn run(args: &NewArgs) -> anyhow::Result<Exit> {
    name::check(&args.name)?;
    let folder = args.path.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    write(&args.name, Path::new(LAB), &folder)?;
    let mut stdout = io::stdout().lock();
    let shown = quoted(&folder.to_string_lossy());
    let enter = if folder == Path::new(".") { String::new() } else { format!("cd {shown} && ") };
    writeln!(stdout, "created  {shown}: a scenario with a faulty and a fixed variant")?;
    writeln!(stdout, "next     {enter}cargo lab run {}", args.name)?;
    Ok(Exit::Done)
}

/// Writes the crate into a temporary folder and moves it to its place: it is there whole or not at
/// all.
fn write(name: &str, lab: &Path, folder: &Path) -> anyhow::Result<()> {
    let files = files(name, lab)?;
    let made = TargetFolder::new(folder)?.temporary()?;
    for (file, text) in &files {
        let path = made.path().join(file);
        let folder = path.parent().unwrap_or(made.path());
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, text));
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    publish(made, folder).with_context(|| format!("cannot write into {}", folder.display()))
}

/// Where the crate goes.
enum TargetFolder<'a> {
    /// An empty folder that is there already.
    Empty(&'a Path),
    /// A new folder in this one.
    In(&'a Path),
}

impl TargetFolder<'_> {
    fn new(folder: &Path) -> anyhow::Result<TargetFolder<'_>> {
        let shown = folder.display();
        let invalid_path = |why: &str| UsageError::error(format!("{why}: try another --path"));
        let error = match fs::read_dir(folder) {
            Ok(mut entries) => {
                return match entries.next() {
                    None => Ok(TargetFolder::Empty(folder)),
                    Some(_) => Err(invalid_path(&format!("the folder '{shown}' is not empty"))),
                };
            }
            Err(error) => error,
        };
        // The target of a dangling link does not exist, but the link is in the way.
        if error.kind() != io::ErrorKind::NotFound || folder.symlink_metadata().is_ok() {
            return Err(invalid_path(&format!("cannot use '{shown}' as a folder: {error}")));
        }
        match folder.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Ok(TargetFolder::In(Path::new("."))),
            Some(parent) if parent.is_dir() => Ok(TargetFolder::In(parent)),
            Some(parent) => {
                let why = format!("the parent folder '{}' does not exist", parent.display());
                Err(UsageError::error(format!("{why}: create it first, or try another --path")))
            }
            None => Err(invalid_path(&format!("'{shown}' is not the name of a folder"))),
        }
    }

    /// A folder on the same file system, removed when dropped unless it was published.
    fn temporary(&self) -> anyhow::Result<TempDir> {
        let (TargetFolder::Empty(inside) | TargetFolder::In(inside)) = self;
        // The crate keeps these permissions, so they are those of any new folder, less the umask.
        let permissions = Permissions::from_mode(0o777);
        let mut builder = tempfile::Builder::new();
        let made = builder.prefix(".lab-new-").permissions(permissions).tempdir_in(inside);
        made.map_err(|error| {
            // Only the kind: the error itself has the path of the temporary folder in it.
            let (inside, why) = (inside.display(), error.kind());
            UsageError::error(format!("cannot write into '{inside}': {why}: try another --path"))
        })
    }
}

/// Moves the crate to its place. An empty folder that exists is filled and not replaced, because it
/// may be the working directory of a shell.
fn publish(made: TempDir, folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        fs::rename(made.path(), folder)?;
        // It has moved, so there is nothing to remove.
        let _ = made.keep();
        return Ok(());
    }
    for entry in fs::read_dir(made.path())? {
        let entry = entry?;
        fs::rename(entry.path(), folder.join(entry.file_name()))?;
    }
    made.close()
}

/// The files of a crate of this name, which depends on the lab in this folder.
fn files(name: &str, lab: &Path) -> anyhow::Result<Vec<(&'static str, String)>> {
    let shown = lab.display();
    let path =
        lab.to_str().with_context(|| format!("the path of the lab, {shown}, is not UTF-8"))?;
    anyhow::ensure!(
        lab.join("kit/Cargo.toml").is_file(),
        "the source code of this lab is no longer in {shown}: rebuild the lab in its current folder"
    );
    let filled = |text: &str| {
        // The path comes last: nothing in it is a placeholder.
        text.replace("my-scenario", name)
            .replace("my_scenario", &name.replace('-', "_"))
            .replace("{{rust}}", env!("CARGO_PKG_RUST_VERSION"))
            .replace("{{lab}}", &path.replace('\\', r"\\").replace('"', "\\\""))
    };
    let mut files: Vec<_> = TEMPLATE.iter().map(|(file, text)| (*file, filled(text))).collect();
    // The versions that the lab was tested with, above all tokio's. Cargo drops what is not needed.
    if let Ok(lock) = fs::read_to_string(lab.join("../Cargo.lock")) {
        files.push(("Cargo.lock", lock));
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
