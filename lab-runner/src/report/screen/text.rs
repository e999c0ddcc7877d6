//! Lines of a screen, and the one place that folds them.
//!
//! A line is folded between words at the width of the terminal and never cut. A number stays with
//! its unit and with its task kinds of three digits, for `288` at the end of a line and `ms` at the
//! beginning of the next is no number.

use crate::report::Style;
use crate::report::units::ascii;

/// The column in which the text behind a label begins.
pub(crate) const LABEL: usize = 11;

/// One line before it is folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    text: String,
    /// Columns by which what does not fit is indented on the lines that follow.
    hang: usize,
}

impl Line {
    /// An empty line.
    pub fn blank() -> Line {
        Line::default()
    }

    /// A line that goes on at the left edge.
    pub fn plain(text: impl Into<String>) -> Line {
        Line { text: text.into(), hang: 0 }
    }

    /// A line that goes on at this column.
    pub fn hanging(text: impl Into<String>, hang: usize) -> Line {
        Line { text: text.into(), hang }
    }

    /// A text behind a label: `report     lab-runs/…`.
    pub fn labelled(label: &str, text: &str) -> Line {
        Line { text: format!("{label:<10} {text}"), hang: LABEL }
    }
}

/// The lines as they are printed.
pub(crate) fn folded(lines: &[Line], style: Style) -> Vec<String> {
    lines.iter().flat_map(|line| fold(&ascii(&line.text, style), line.hang, style.width)).collect()
}

/// A text in lines of at most `width` columns; only a word that is longer than that, such as a
/// path, stays whole.
pub(crate) fn fold(text: &str, hang: usize, width: usize) -> Vec<String> {
    if columns(text) <= width {
        return vec![text.trim_end().to_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for (number, segment) in segments(text, width.saturating_sub(hang)).into_iter().enumerate() {
        let blank = if number > 0 && segment.is_word { " " } else { "" };
        let fits = columns(&line) + blank.len() + columns(&segment.text) <= width;
        if fits || line.trim().is_empty() || segment.text.is_empty() {
            line += blank;
        } else {
            lines.push(line.trim_end().to_owned());
            line = " ".repeat(hang);
        }
        line += &segment.text;
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// What stands together on a line.
struct Segment {
    text: String,
    /// Whether a blank was before it: else it is the rest of the path of a function.
    is_word: bool,
}

fn segments(text: &str, room: usize) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for word in text.split(' ') {
        match segments.last_mut() {
            Some(last) if is_one_number(&last.text, word) => last.text += &format!(" {word}"),
            _ if columns(word) > room && word.contains("::") => {
                let parts = word.split_inclusive("::").enumerate();
                segments.extend(
                    parts.map(|(number, part)| Segment {
                        text: part.to_owned(),
                        is_word: number == 0,
                    }),
                );
            }
            _ => segments.push(Segment { text: word.to_owned(), is_word: true }),
        }
    }
    segments
}

/// Whether a word goes on with the number before it: `6` and `000`, `288` and `ms`, `97` and `%`,
/// `≤` and `30`.
fn is_one_number(before: &str, word: &str) -> bool {
    const UNITS: [&str; 12] =
        ["%", "s", "ms", "µs", "us", "ns", "B", "kB", "MB", "GB", "times", "requests"];
    let bare = anstream::adapter::strip_str(word).to_string();
    let bare = bare.trim_end_matches([',', '.', ';', ':', ')']);
    if matches!(before, "≤" | "≥" | "<=" | ">=") {
        return true;
    }
    let is_group = bare.len() == 3 && bare.bytes().all(|byte| byte.is_ascii_digit());
    before.ends_with(|last: char| last.is_ascii_digit()) && (is_group || UNITS.contains(&bare))
}

/// The columns that a text takes: colours take none.
pub(crate) fn columns(text: &str) -> usize {
    anstream::adapter::strip_str(text).to_string().chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::BOLD;

    #[test]
    fn text_is_folded_between_words_and_nothing_is_lost() {
        let text = "checks     one two three four five six seven";
        let lines = fold(text, 11, 26);
        assert_eq!(
            lines,
            ["checks     one two three", "           four five six", "           seven"]
        );
        assert_eq!(fold("short", 0, 26), ["short"]);
    }

    #[test]
    fn numbers_keep_their_groups_and_their_units() {
        assert_eq!(fold("so 1 183 requests waited", 0, 12), ["so", "1 183 requests", "waited"]);
        assert_eq!(fold("it took ≤ 288 ms, twice", 0, 14), ["it took", "≤ 288 ms,", "twice"]);
    }

    #[test]
    fn a_long_function_breaks_in_its_path_and_a_file_stays_whole() {
        let lines = fold("in some_crate::a_module::function here", 2, 20);
        assert_eq!(lines, ["in some_crate::", "  a_module::function", "  here"]);
        let path = "report     lab-runs/greedy-20261129T143239Z-2700/report.html";
        assert_eq!(fold(path, 11, 30), ["report", &format!("           {}", &path[11..])]);
    }

    #[test]
    fn colours_take_no_columns() {
        let text = format!("{BOLD}four{BOLD:#} five");
        assert_eq!((columns(&text), fold(&text, 0, 9).len(), fold(&text, 0, 8).len()), (9, 1, 2));
    }
}
