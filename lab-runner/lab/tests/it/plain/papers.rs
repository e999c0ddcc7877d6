//! The documents: what they quote is what the recordings say, their links lead somewhere, and the
//! book has a page for each exercise.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

#[test]
fn what_documents_show_is_what_the_recordings_say() {
    let checked = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["book", "figures", "--check"])
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8(checked.stderr).unwrap();
    assert!(checked.status.success(), "lab book figures writes anew what is stale:\n{said}");
}

#[test]
fn links_inside_the_repository_lead_somewhere() {
    for document in documents() {
        let text = without_code(&fs::read_to_string(&document).unwrap());
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            assert!(path.exists(), "{} links to {target}", document.display());
            let known = || headings(&fs::read_to_string(&path).unwrap());
            assert!(
                anchor.is_empty() || known().contains(&anchor.to_owned()),
                "{} links to {target}, and there is no such heading in {:?}",
                document.display(),
                known()
            );
        }
    }
}

/// A document without its blocks of code: they hold no links.
fn without_code(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// The anchors of a document's headings, as mdBook and GitHub make them: lower case, blanks as
/// hyphens, without other signs.
fn headings(text: &str) -> Vec<String> {
    let text = without_code(text);
    let lines = text.lines().filter_map(|line| line.strip_prefix('#'));
    let anchor = |line: &str| {
        let kept = line.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    lines.map(anchor).collect()
}

#[test]
fn every_page_of_the_book_is_in_its_contents_and_every_exercise_has_one() {
    let book = root().join("book/src");
    let contents = fs::read_to_string(book.join("SUMMARY.md")).unwrap();
    let pages = documents().into_iter().filter(|path| path.starts_with(&book));
    for page in pages.filter(|page| !page.ends_with("SUMMARY.md")) {
        let page = page.strip_prefix(&book).unwrap().display().to_string();
        assert!(contents.contains(&format!("({page})")), "{page} is not in SUMMARY.md");
    }
    let exercises = fs::read_to_string(root().join("exercises/info.toml")).unwrap();
    let slugs: Vec<&str> = exercises
        .lines()
        .filter_map(|line| line.strip_prefix("slug = \"")?.split('"').next())
        .collect();
    assert!(slugs.len() >= 10, "{slugs:?}");
    for slug in slugs {
        assert!(book.join(format!("exercises/{slug}.md")).exists(), "{slug} has no page");
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
