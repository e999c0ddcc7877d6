//! The source around a blamed line, where it is there.

use lab_recording::plain_file;

/// Lines that are shown, and how many of them come before the blamed one.
const LINES: usize = 6;
const BEFORE: usize = 2;
/// Characters of a line.
const WIDTH: usize = 160;

/// A few lines of a file.
#[derive(Debug, PartialEq)]
pub(crate) struct Source {
    pub lines: Vec<SourceLine>,
}

/// A line with its number.
#[derive(Debug, PartialEq)]
pub(crate) struct SourceLine {
    pub number: usize,
    pub text: String,
    pub blamed: bool,
}

/// The lines around this one of a Rust source; nothing if it is not there or has no such line. A
/// relative path is looked for here and in the folders above. The path comes from a recording, so
/// nothing but sources is read.
pub(crate) fn around(file: &str, line: u32) -> Option<Source> {
    let here = std::env::current_dir().ok()?;
    if !file.ends_with(".rs") {
        return None;
    }
    let mut places = here.ancestors().map(|folder| folder.join(file));
    let text = places.find_map(|path| plain_file::read_text(&path, plain_file::HEAD).ok())?;
    around_line(&text, line)
}

fn around_line(text: &str, line: u32) -> Option<Source> {
    let all: Vec<&str> = text.lines().collect();
    let blamed = (line as usize).checked_sub(1).filter(|at| *at < all.len())?;
    let from = blamed.saturating_sub(BEFORE).min(all.len().saturating_sub(LINES));
    let shown = &all[from..all.len().min(from + LINES)];
    let indent = shown
        .iter()
        .filter(|text| !text.trim().is_empty())
        .map(|text| indent(text))
        .min()
        .unwrap_or(0);
    let one = |(at, text): (usize, &&str)| SourceLine {
        number: from + at + 1,
        text: text.chars().skip(indent).take(WIDTH).collect(),
        blamed: from + at == blamed,
    };
    Some(Source { lines: shown.iter().enumerate().map(one).collect() })
}

fn indent(text: &str) -> usize {
    text.chars().take_while(|c| *c == ' ').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_lines_are_shown_around_the_blamed_one_and_none_if_it_is_not_there() {
        let text: String = (1..=9).map(|number| format!("    line {number}\n")).collect();
        let of = |line| {
            let source = around_line(&text, line)?;
            let blamed = source
                .lines
                .iter()
                .filter(|line| line.blamed)
                .map(|line| line.number)
                .collect::<Vec<_>>();
            Some((source.lines[0].number, source.lines.len(), blamed))
        };
        assert_eq!((of(1), of(5)), (Some((1, 6, vec![1])), Some((3, 6, vec![5]))));
        assert_eq!((of(9), of(10), of(0)), (Some((4, 6, vec![9])), None, None));
        assert_eq!(around_line(&text, 5).unwrap().lines[2].text, "line 5");
        assert_eq!(around("/etc/passwd", 1), None, "nothing but sources");
    }
}
