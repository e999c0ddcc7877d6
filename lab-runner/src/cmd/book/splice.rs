//! The markers in documents. What stands between a marker and its end is made from recordings and
//! files, each time anew:
//!
//! ```text
//! <!-- splice: lab report book/data/greedy.lab/01-buggy -->      what a command prints of a recording
//! <!-- splice: file benches/score.txt -->                        a file
//! <!-- splice: diff BEFORE AFTER -->                             how two files differ
//! (a code block)
//! <!-- end of splice -->
//!
//! … <!-- value: greedy buggy response_p99_us -->1.30 s<!-- end --> …   one number in a sentence
//! ```
//!
//! A marker inside a code block is text.

use super::recordings::Recordings;
use super::value;
use anyhow::{Context, ensure};
use similar::TextDiff;
use std::fs;
use std::process::Command;

/// What opens and closes a marker of a kind.
struct Markers {
    begin: &'static str,
    end: &'static str,
}

const BLOCK: Markers = Markers { begin: "<!-- splice: ", end: "<!-- end of splice -->" };
const VALUE: Markers = Markers { begin: "<!-- value: ", end: "<!-- end -->" };

/// The document with all that is spliced made anew.
///
/// # Errors
/// If a marker has no end, or asks for what there is not.
pub(super) fn spliced(text: &str, recordings: &mut Recordings<'_>) -> anyhow::Result<String> {
    let begins =
        |line: &&str| line.trim_start_matches([' ', '-', '*', '>']).starts_with(VALUE.begin);
    if let Some(line) = text.lines().find(begins) {
        // Then Markdown takes the whole line for HTML.
        anyhow::bail!("a line begins with a value: move a word before it: {line}");
    }
    let with_values = replaced(text, &VALUE, |asked| Ok(value::of(asked, recordings)?.text))?;
    replaced(&with_values, &BLOCK, block)
}

/// What the value markers of a document ask for.
pub(super) fn asked(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let listed = replaced(text, &VALUE, |asked| {
        all.push(asked.to_owned());
        Ok(String::new())
    });
    // A marker without an end is an error of `lab book figures`.
    drop(listed);
    all
}

/// The text with everything between these markers replaced.
fn replaced(
    text: &str,
    markers: &Markers,
    mut made: impl FnMut(&str) -> anyhow::Result<String>,
) -> anyhow::Result<String> {
    let mut rest = text;
    let mut whole = String::new();
    while let Some((before, from_marker)) = rest.split_once(markers.begin) {
        whole += before;
        if is_code(&whole) {
            whole += markers.begin;
            rest = from_marker;
            continue;
        }
        let (asked, after) = from_marker.split_once(" -->").context("a marker does not end")?;
        let (_, after) = after
            .split_once(markers.end)
            .with_context(|| format!("'{asked}' has no {}", markers.end))?;
        let made = made(asked).with_context(|| format!("'{asked}'"))?;
        whole += &format!("{}{asked} -->{made}{}", markers.begin, markers.end);
        rest = after;
    }
    Ok(whole + rest)
}

/// Whether a text ends inside a code block, or inside code in a line: what follows is shown, not
/// meant.
fn is_code(text: &str) -> bool {
    let fences = text.lines().filter(|line| line.trim_start().starts_with("```")).count();
    let line = text.rsplit('\n').next().unwrap_or_default();
    fences % 2 == 1 || line.matches('`').count() % 2 == 1
}

/// A block with its fence. A ledger is Markdown by itself and has none.
fn block(source: &str) -> anyhow::Result<String> {
    let output = output_of(source)?;
    let output = output.trim_end();
    ensure!(!output.is_empty(), "it printed nothing");
    if source.ends_with("ledger") {
        return Ok(format!("\n{output}\n\n"));
    }
    let language = if source.starts_with("diff ") { "diff" } else { "text" };
    Ok(format!("\n```{language}\n{output}\n```\n"))
}

fn output_of(source: &str) -> anyhow::Result<String> {
    let (kind, rest) = source.split_once(' ').context("expected lab, file or diff")?;
    match kind {
        "lab" => printed(rest),
        "file" => read(rest),
        "diff" => {
            let (before, after) = rest.split_once(' ').context("expected diff BEFORE AFTER")?;
            let (old, new) = (read(before)?, read(after)?);
            let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
            let diff = TextDiff::from_lines(&old, &new);
            let diff = diff.unified_diff().header(&name(before), &name(after)).to_string();
            Ok(diff)
        }
        _ => anyhow::bail!("expected lab, file or diff, not '{kind}'"),
    }
}

fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

/// What this binary prints.
fn printed(args: &str) -> anyhow::Result<String> {
    let lab = std::env::current_exe().context("cannot find this binary")?;
    let output = Command::new(lab)
        .args(args.split(' '))
        .env("NO_COLOR", "1")
        // As `cargo lab` prints it.
        .env("CARGO", "cargo")
        .output()
        .context("cannot start this binary again")?;
    String::from_utf8(output.stdout).context("its output is no UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_markers_is_made_anew_and_the_rest_is_kept() {
        let text = "a <!-- value: x y -->old<!-- end --> b `<!-- value: no -->` c";
        let made = replaced(text, &VALUE, |asked| Ok(asked.to_uppercase())).unwrap();
        assert_eq!(made, "a <!-- value: x y -->X Y<!-- end --> b `<!-- value: no -->` c");
        let shown = "```text\n<!-- value: x -->\n```\n";
        assert_eq!(replaced(shown, &VALUE, |_| Ok("!".into())).unwrap(), shown);
        assert_eq!(asked(text), ["x y"]);
    }

    #[test]
    fn a_marker_without_an_end_is_an_error() {
        let error = replaced("<!-- value: x -->1", &VALUE, |_| Ok(String::new())).unwrap_err();
        assert_eq!(error.to_string(), "'x' has no <!-- end -->");
    }
}
