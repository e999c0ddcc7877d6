//! `lab completions SHELL`: a completion script on stdout.

use crate::cli::{Cli, CompletionsArgs};
use crate::exit;
use crate::exit::Exit;
use clap::CommandFactory;

pub(crate) fn run(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "lab", &mut script);
    exit::print(|to| to.write_all(&script))?;
    Ok(Exit::Done)
}
