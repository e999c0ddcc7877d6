//! `lab pack RUN…`: makes one file of a recording, which every command that reads a recording takes
//! for its folder.

use crate::cli::PackArgs;
use crate::exit::{Exit, UsageError};
use lab_recording::file;
use lab_recording::pack::{self, Contents, EXTENSION};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(crate) fn run(args: &PackArgs) -> anyhow::Result<Exit> {
    if args.out.is_some() && args.runs.len() > 1 {
        return Err(UsageError::error(
            "one --out holds one recording: name one RUN, or leave --out away",
        ));
    }
    let contents = if args.for_documents { Contents::Report } else { Contents::Everything };
    let mut stdout = io::stdout().lock();
    if let Some(folder) = args.runs.iter().find(|folder| !folder.is_dir()) {
        let next = "lab run makes recordings, lab pack packs them";
        return Err(UsageError::error(format!("there is no folder {}: {next}", folder.display())));
    }
    for folder in &args.runs {
        let file = args.out.clone().unwrap_or_else(|| beside(folder));
        if file.is_dir() {
            return Err(UsageError::error(format!(
                "{} is a folder: name a file with --out",
                file.display()
            )));
        }
        let packed =
            file::replace_with(&file, |to| pack::pack(folder, contents, io::BufWriter::new(to)));
        let packed = packed.map_err(|error| UsageError::error(format!("{error:#}")))?;
        let files =
            if packed.files == 1 { "1 file".into() } else { format!("{} files", packed.files) };
        let size = megabytes(file.metadata()?.len());
        writeln!(stdout, "{}: {files}, {} in {size}", file.display(), megabytes(packed.bytes))?;
    }
    Ok(Exit::Done)
}

/// The folder's name with the extension of packed recordings; a dot in it is no extension of its
/// own.
fn beside(folder: &Path) -> PathBuf {
    let mut name = folder.components().as_path().as_os_str().to_owned();
    name.push(".");
    name.push(EXTENSION);
    name.into()
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_recording_lies_beside_its_folder() {
        assert_eq!(beside(Path::new("lab-runs/greedy-1.2/")), Path::new("lab-runs/greedy-1.2.lab"));
        assert_eq!(megabytes(1_234_567), "1.23 MB");
    }
}
