//! The source around a blamed line.

use crate::report::screen::Line;
use crate::report::table::{BOLD, DIM};
use lab_recording::plain_file;
use std::path::Path;

/// Columns by which source is indented.
const INDENT: usize = 7;

/// The text of a file that a recording names: as it is named, or below one of the folders above
/// this one.
pub(crate) fn read(file: &str) -> Option<String> {
    let here = std::env::current_dir().ok()?;
    let mut places = here.ancestors().map(|folder| folder.join(file));
    places.find_map(|path| plain_file::read_text(&path, plain_file::HEAD).ok())
}

/// A file as it is shown: below this folder without the path to it.
pub(crate) fn shown(file: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    Path::new(file)
        .strip_prefix(here)
        .map_or_else(|_| file.to_owned(), |path| path.display().to_string())
}

/// At most so many lines, the one before a line first, with their numbers, the line itself marked.
/// Nothing if the file ends before it: it is another version of the file then.
pub(crate) fn around(text: &str, line: usize, most: usize) -> Vec<Line> {
    let all: Vec<&str> = text.lines().collect();
    if line == 0 || line > all.len() || most == 0 {
        return Vec::new();
    }
    let before = usize::from(most >= 3);
    let first = line.saturating_sub(1 + before);
    let last = (first + most).min(all.len());
    let shown = &all[first..last];
    let indents = shown
        .iter()
        .filter(|text| !text.trim().is_empty())
        .map(|text| text.len() - text.trim_start().len());
    let indent = indents.min().unwrap_or_default();
    let rows = shown
        .iter()
        .enumerate()
        .map(|(offset, text)| (first + offset + 1, text.get(indent..).unwrap_or("")));
    rows.map(|(number, text)| row(number, text, number == line)).collect()
}

fn row(number: usize, text: &str, is_blamed: bool) -> Line {
    let (mark, style) = if is_blamed { (">", BOLD) } else { (" ", DIM) };
    Line::hanging(format!("{:INDENT$}{style}{mark}{number:>4} | {text}{style:#}", ""), INDENT + 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "fn a() {\n    for x in y {\n        b(x);\n    }\n}\nfn c() {}\n";

    fn texts(line: usize, most: usize) -> Vec<String> {
        let lines = crate::report::screen::folded(
            &around(FILE, line, most),
            crate::report::Style::new(true),
        );
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn the_blamed_line_is_marked_and_what_all_share_of_the_indent_is_left_out() {
        assert_eq!(texts(3, 2), ["       >   3 |     b(x);", "           4 | }"]);
        assert_eq!(texts(3, 4)[1], "       >   3 |         b(x);", "the last brace has no indent");
    }

    #[test]
    fn a_line_behind_the_end_shows_nothing() {
        assert!(texts(7, 6).is_empty() && texts(0, 6).is_empty());
        assert_eq!((texts(1, 6).len(), texts(6, 6).len()), (6, 2));
    }
}
