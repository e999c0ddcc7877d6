//! No measured number is typed into a document: what stands between splice markers is what the
//! command in the marker prints, from recordings that are checked in. `LAB_BLESS=1 cargo test -p
//! lab papers` writes it anew.
//!
//! ```text
//! <!-- splice: lab report book/data/greedy/01-buggy -->
//! (a code block)
//! <!-- end of splice -->
//! ```
//! `<!-- splice: file PATH -->` takes a file as it is. What is Markdown by itself stands without a
//! code block.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const BEGIN: &str = "<!-- splice: ";
const END: &str = "<!-- end of splice -->";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every document of the repository.
fn documents() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard", "*.md"])
        .current_dir(root())
        .output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let documents: Vec<_> =
        listed.lines().map(|line| root().join(line)).filter(|path| path.exists()).collect();
    assert!(!documents.is_empty(), "git lists the documents");
    documents
}

fn output_of(source: &str) -> String {
    if let Some(file) = source.strip_prefix("file ") {
        return fs::read_to_string(root().join(file)).unwrap();
    }
    let args: Vec<&str> =
        source.strip_prefix("lab ").unwrap_or_else(|| panic!("'{source}'?")).split(' ').collect();
    let lab = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(args)
        .env("NO_COLOR", "1")
        .current_dir(root())
        .output();
    String::from_utf8(lab.unwrap().stdout).unwrap()
}

/// The document with every splice made anew, and how many there were.
fn spliced(text: &str) -> (String, usize) {
    let mut parts = text.split(BEGIN);
    let mut made = parts.next().unwrap_or_default().to_owned();
    let mut count = 0;
    for part in parts {
        let (source, rest) = part.split_once(" -->").expect("a marker ends");
        let (_, after) = rest.split_once(END).unwrap_or_else(|| panic!("'{source}' has no end"));
        let output = output_of(source);
        assert!(!output.trim().is_empty(), "'{source}' printed nothing");
        let output = output.trim_end();
        let block = if source.ends_with("ledger") {
            format!("\n{output}\n\n")
        } else {
            format!("```text\n{output}\n```\n")
        };
        made += &format!("{BEGIN}{source} -->\n{block}{END}{after}");
        count += 1;
    }
    (made, count)
}

#[test]
fn what_documents_show_is_what_the_recordings_say() {
    let mut splices = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let (made, count) = spliced(&text);
        splices += count;
        if std::env::var_os("LAB_BLESS").is_some() {
            fs::write(&document, &made).unwrap();
        } else {
            let same = text == made;
            assert!(
                same,
                "{} is stale: LAB_BLESS=1 cargo test -p lab papers writes it anew",
                document.display()
            );
        }
    }
    assert!(splices >= 3, "README, scenario and methodology splice recordings");
}

#[test]
fn links_inside_the_repository_lead_somewhere() {
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let path = document.parent().unwrap().join(target.split('#').next().unwrap());
            assert!(path.exists(), "{} links to {target}", document.display());
        }
    }
}

#[test]
fn the_readme_names_every_command() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let help = Command::new(env!("CARGO_BIN_EXE_lab")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    for command in commands.filter_map(|line| line.split_whitespace().next()) {
        assert!(
            readme.contains(&format!("lab {command}")),
            "README.md does not name lab {command}"
        );
    }
}
