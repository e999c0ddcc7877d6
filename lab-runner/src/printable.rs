//! The one place that makes text printable. Texts of a recording come from anywhere: from a
//! program under test, or from whoever made the recording.
//!
//! An escape sequence in a panic's message could set the terminal's title, clear its screen or fill
//! the clipboard; `\r` overwrites the line it is on, so a recording could forge a verdict; characters
//! that change the direction of writing let a line read otherwise than it is.

/// A text whose control characters do nothing. Line breaks and the few styles of the lab's own
/// screens stay; any other control character is shown as `cat -v` shows it, `^[` for an escape.
pub(crate) fn for_terminal(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = own_style(rest) {
            printable.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        match c {
            '\n' => printable.push(c),
            '\t' => printable.push(' '),
            '\0'..='\x1f' => printable.extend(['^', char::from(c as u8 + b'@')]),
            '\x7f' => printable.push_str("^?"),
            c if is_deceptive(c) => printable.push('?'),
            c => printable.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    printable
}

/// A text for a page, without characters that do not show or that change how others do.
pub(crate) fn for_page(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() || is_deceptive(c) => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}

/// The length of a style of the lab's own at the beginning of a text: bold, dimmed, a colour of
/// text, or the end of all. Another style could hide what follows it.
fn own_style(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\x1b[")?;
    let end = codes.find('m')?;
    let is_own = |code: &str| matches!(code, "0" | "1" | "2" | "31" | "32" | "33" | "36");
    codes[..end].split(';').all(is_own).then_some("\x1b[".len() + end + 1)
}

/// Control characters of the second block, and those that order text from right to left, isolate
/// it, or have no width.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}'
        | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_of_a_recording_do_nothing_on_a_terminal() {
        let title = for_terminal("a\x1b]0;owned\x07b");
        assert_eq!(title, "a^[]0;owned^Gb");
        assert_eq!(for_terminal("HEALTHY\rFAULT"), "HEALTHY^MFAULT");
        assert_eq!(for_terminal("\x1b[2J\x1b[8mhidden"), "^[[2J^[[8mhidden");
        assert_eq!(for_terminal("\u{9b}2J\x7f\u{202e}abc"), "?2J^??abc");
        assert_eq!(for_terminal("one\n\ttwo µs ≤ █"), "one\n two µs ≤ █");
    }

    #[test]
    fn a_page_has_no_character_that_turns_others_round() {
        assert_eq!(for_page("a\u{202e}b\x1bc\nd"), "a\u{fffd}b\u{fffd}c\nd");
    }
}
