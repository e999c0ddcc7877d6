//! How text is printed: characters, colours, how much of it, and in how many columns.

use std::io::{self, IsTerminal};

/// Columns where there is no terminal to ask.
pub const COLUMNS: usize = 80;
/// Lines of the smallest common terminal.
pub const LINES: usize = 24;

/// How much is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// One line.
    Quiet,
    /// One screen of 24 lines.
    #[default]
    Screen,
    /// The screen with percentiles, histogram, all checks and a line for each profiler.
    Verbose,
    /// All that is known.
    Full,
}

/// How text is printed.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Only ASCII.
    pub plain: bool,
    /// The percentiles of a closed-loop benchmark in full, beside those that were measured.
    pub naive: bool,
    /// How much.
    pub verbosity: Verbosity,
    /// Columns at which lines are folded.
    pub width: usize,
    /// Lines of a screen.
    pub height: usize,
}

impl Style {
    /// One screen of 80 columns.
    pub const fn new(plain: bool) -> Style {
        Style { plain, naive: false, verbosity: Verbosity::Screen, width: COLUMNS, height: LINES }
    }

    /// The style of what goes to stdout: as wide and as high as its terminal, and 80 columns of 24
    /// lines where it is none.
    pub fn of_stdout(plain: bool, verbosity: Verbosity) -> Style {
        let terminal = io::stdout()
            .is_terminal()
            .then(|| rustix::termios::tcgetwinsize(io::stdout()).ok())
            .flatten();
        let width = terminal
            .map(|size| usize::from(size.ws_col))
            .filter(|width| *width >= 40)
            .unwrap_or(COLUMNS);
        let height =
            terminal.map_or(LINES, |size| usize::from(size.ws_row).saturating_sub(1).max(LINES));
        Style { verbosity, width, height, ..Style::new(plain) }
    }
}
