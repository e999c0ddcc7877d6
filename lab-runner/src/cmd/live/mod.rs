//! The table of a comparison on a terminal while its pairs are still being run, written over after
//! each.

mod text;

use crate::report::Style;
use lab_analysis::results::Results;
use lab_kit::Scenario;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// What stands on the terminal.
#[derive(Debug)]
pub(crate) struct LiveTable<'a> {
    folder: PathBuf,
    scenarios: &'a [&'static Scenario],
    style: Style,
    /// The lines that the next one replaces; none without a terminal.
    shown: Option<usize>,
    of: usize,
}

impl<'a> LiveTable<'a> {
    /// A table of the pairs in a folder, of which there are to be `of`. Shows nothing where stderr
    /// is no terminal.
    pub fn new(
        folder: &Path,
        of: usize,
        scenarios: &'a [&'static Scenario],
        plain: bool,
    ) -> LiveTable<'a> {
        let shown = io::stderr().is_terminal().then_some(0);
        LiveTable { folder: folder.to_owned(), scenarios, style: Style::new(plain), shown, of }
    }

    /// Shows what the pairs until now came to. Whatever goes wrong here is not worth a run.
    pub fn update(&mut self) {
        let Some(shown) = self.shown else { return };
        let Some(comparison) =
            Results::read(&self.folder, self.scenarios).ok().and_then(|report| report.comparison)
        else {
            return;
        };
        let lines = text::lines(&comparison, self.of, width(), self.style);
        let mut stderr = io::stderr().lock();
        let _ = writeln!(stderr, "{}{}", over(shown), lines.join("\n"));
        self.shown = Some(lines.len());
    }

    /// Removes the live lines.
    pub fn clear(&mut self) {
        if let Some(shown @ 1..) = self.shown {
            let _ = write!(io::stderr(), "{}", over(shown));
            self.shown = Some(0);
        }
    }
}

/// Back to the first of so many lines, and all below taken away.
fn over(lines: usize) -> String {
    match lines {
        0 => "\r\x1b[J".into(),
        lines => format!("\x1b[{lines}A\r\x1b[J"),
    }
}

fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
    size.map(|size| usize::from(size.ws_col)).filter(|width| *width >= 20).unwrap_or(80)
}
