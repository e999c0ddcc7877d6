//! `lab book`: keeps the repository's documents true. No measured number is typed into one of them:
//! numbers, blocks and pictures come from the recordings in `book/data`, and a check fails where a
//! document says something else.
//!
//! | module | does |
//! | --- | --- |
//! | `splice` | the markers in documents, and what stands between them |
//! | `value` | one number of a recording |
//! | `figures` | the pictures that are made from recordings |
//! | `confirm` | quoted numbers beside those of a measurement that was made again |

mod confirm;
mod figures;
mod recordings;
mod splice;
mod value;

use crate::cli::book::{BookArgs, FiguresArgs, Verb};
use crate::exit::{self, Exit, UsageError};
use anyhow::Context;
use lab_kit::Scenario;
use lab_recording::file;
use recordings::Recordings;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The recordings that documents quote.
const DATA: &str = "book/data";
/// The pictures that are made from them.
const FIGURES: &str = "book/src/figures";

pub(crate) fn run(args: &BookArgs, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    if !Path::new(DATA).is_dir() {
        let next = "run lab book in the root of the lab's repository";
        return Err(UsageError::error(format!("there is no folder {DATA} here: {next}")));
    }
    match &args.verb {
        Verb::Figures(args) => figures(args, scenarios),
        Verb::Confirm(args) => confirm::run(&args.again, scenarios),
    }
}

/// Writes what is stale, or names it.
fn figures(args: &FiguresArgs, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    let mut recordings = Recordings::of(Path::new(DATA), scenarios);
    let mut made = Vec::new();
    for document in documents()? {
        let text = fs::read_to_string(&document)
            .with_context(|| format!("cannot read {}", document.display()))?;
        let spliced = splice::spliced(&text, &mut recordings)
            .with_context(|| document.display().to_string())?;
        made.push((document, spliced));
    }
    for figure in figures::FIGURES {
        let svg = figure.draw(&mut recordings).with_context(|| figure.name.to_owned())?;
        made.push((Path::new(FIGURES).join(figure.name).with_extension("svg"), svg));
    }
    let stale =
        |(path, text): &&(PathBuf, String)| !fs::read_to_string(path).is_ok_and(|old| old == *text);
    let stale: Vec<&(PathBuf, String)> = made.iter().filter(stale).collect();
    if args.check {
        for (path, _) in &stale {
            exit::say(&format!("{} is stale: lab book figures writes it anew", path.display()));
        }
        return Ok(if stale.is_empty() { Exit::Done } else { Exit::Broken });
    }
    for (path, text) in &stale {
        file::replace(path, text.as_bytes())?;
        exit::say(&format!("wrote {}", path.display()));
    }
    Ok(Exit::Done)
}

/// Every document of the repository, as git lists them.
fn documents() -> anyhow::Result<Vec<PathBuf>> {
    let listed = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard", "*.md"])
        .output()
        .context("cannot start git, which lists the documents")?;
    let listed = String::from_utf8(listed.stdout).context("a document has a name in no UTF-8")?;
    let documents: Vec<PathBuf> =
        listed.lines().map(PathBuf::from).filter(|path| path.exists()).collect();
    anyhow::ensure!(!documents.is_empty(), "git lists no documents here");
    Ok(documents)
}
