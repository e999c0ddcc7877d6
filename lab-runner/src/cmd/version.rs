//! `lab version`: the same as `lab --version`.

use crate::cli::Cli;
use crate::exit;
use crate::exit::Exit;
use clap::CommandFactory;

pub(crate) fn run() -> anyhow::Result<Exit> {
    let version = Cli::command().render_version();
    exit::print(|to| to.write_all(version.as_bytes()))?;
    Ok(Exit::Done)
}
