//! The program of the peers: built when it is asked for, so that `cargo bench` by itself never unites its features with the lab's.

use cargo_metadata::Message;
use lab_kit::overhead::{LIST, pairs};
use lab_runner::overhead::{Asked, Group};
use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What the peers can measure, in their order.
pub fn asked() -> Result<Vec<Asked>, String> {
    let program = build()?;
    let told = Command::new(&program).arg(LIST).output().map_err(|error| format!("the peers do not start: {error}"))?;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let amounts = pairs::<u64>(&text).ok_or("the peers list nothing that can be understood")?;
    let names = text.lines().filter_map(|line| line.split('\t').next());
    let asked = |name: &str| {
        let amount = *amounts.get(name)?;
        Some(Asked { name: name.to_owned(), group: Group::Polls, amount, program: program.clone() })
    };
    Ok(names.filter_map(asked).collect())
}

/// Builds them as this bench was built, and tells where they are.
fn build() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--package", "lab-peers", "--locked", "--message-format", "json-render-diagnostics"]);
    command.args(if cfg!(debug_assertions) { &[][..] } else { &["--release"] });
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdout(Stdio::piped());
    let mut build = command.spawn().map_err(|error| format!("cargo does not start: {error}: try --no-peers"))?;
    let told = build.stdout.take().map(BufReader::new).into_iter().flat_map(Message::parse_stream);
    let executable = told.filter_map(|message| match message.ok()? {
        Message::CompilerArtifact(artifact) => artifact.executable,
        _ => None,
    });
    let last = executable.last();
    let status = build.wait().map_err(|error| error.to_string())?;
    let built = last.filter(|_| status.success()).map(|path| path.into_std_path_buf());
    built.ok_or_else(|| format!("the peers cannot be built ({status}): try --no-peers"))
}
