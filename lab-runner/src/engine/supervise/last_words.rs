//! What a process printed to stderr before it crashed.

use lab_recording::folder::STDERR;
use lab_recording::plain_file;
use std::path::Path;

/// Bytes of the end of the file that are read.
const TAIL: usize = 4_096;
/// Lines that are quoted.
const LINES: usize = 3;
/// Characters that are quoted of them together.
const LENGTH: usize = 240;

/// The last lines of the stderr of a run, in one line; empty if there are none.
pub(super) fn of(folder: &Path) -> String {
    let text = plain_file::read(&folder.join(STDERR), plain_file::DOCUMENT).unwrap_or_default();
    quoted(&String::from_utf8_lossy(&text[text.len().saturating_sub(TAIL)..]))
}

fn quoted(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join(" / ");
    match last.char_indices().nth(LENGTH) {
        Some((cut, _)) => format!("{}…", &last[..cut]),
        None => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_quoted_in_one() {
        let text = "a\n\nthread 'w' has overflowed its stack\nfatal runtime error\naborting\n\n";
        assert_eq!(
            quoted(text),
            "thread 'w' has overflowed its stack / fatal runtime error / aborting"
        );
        assert_eq!(quoted("\n \n"), "");
        let long = quoted(&"é".repeat(LENGTH + 1));
        assert_eq!((long.chars().count(), long.ends_with('…')), (LENGTH + 1, true));
    }

    #[test]
    fn without_a_file_there_are_no_words() {
        assert_eq!(of(tempfile::tempdir().unwrap().path()), "");
    }
}
