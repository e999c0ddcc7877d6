//! The screen of watch mode: the exercise, what was found, and the keys. Without a terminal the same
//! lines, one after another.

use crate::cmd::exercise::pack::{Exercise, Pack};
use crate::cmd::exercise::progress::Progress;
use crate::cmd::exercise::text::{self, joined, linked};
use crate::cmd::exercise::watch::keys::SHOWN;
use crate::printable;
use crate::report::Style;
use crate::report::screen::Line;
use crate::report::table::{BOLD, DIM};
use crossterm::{cursor, queue, terminal};
use std::io::{self, Write};

pub(crate) struct Screen {
    style: Style,
    /// Whether it is drawn anew with each change: on a terminal.
    is_drawn: bool,
    head: Vec<Line>,
    body: Vec<Line>,
    status: String,
    /// What is a link on it.
    file: std::path::PathBuf,
}

impl Screen {
    pub fn new(style: Style, is_drawn: bool) -> Screen {
        let file = std::path::PathBuf::new();
        Screen { style, is_drawn, head: Vec::new(), body: Vec::new(), status: String::new(), file }
    }

    /// Shows another exercise.
    pub fn enter(&mut self, pack: &Pack, exercise: &Exercise) -> anyhow::Result<()> {
        self.set_head(pack, exercise);
        self.body.clear();
        if self.is_drawn {
            return self.draw();
        }
        let head = self.head.clone();
        self.write(&head)?;
        self.keys()
    }

    /// Removes what was found.
    pub fn clear(&mut self, pack: &Pack, exercise: &Exercise) -> anyhow::Result<()> {
        self.set_head(pack, exercise);
        self.body.clear();
        if self.is_drawn { self.draw() } else { Ok(()) }
    }

    fn set_head(&mut self, pack: &Pack, exercise: &Exercise) {
        let progress = Progress::read(pack);
        let all = pack.exercises.len();
        let solved = pack.exercises.iter().filter(|one| progress.is_solved(one.slug())).count();
        let done = "#".repeat(solved);
        let left = "-".repeat(all - solved);
        self.head = vec![Line::plain(format!("[{done}{left}] {solved} of {all} solved"))];
        self.head.extend(text::head(exercise));
        if let Some(page) = exercise.page() {
            self.head.push(Line::labelled("page", &page.display().to_string()));
        }
        self.file = exercise.file();
    }

    /// Adds what was found.
    pub fn say(&mut self, lines: &[Line]) -> anyhow::Result<()> {
        self.body.extend_from_slice(lines);
        if self.is_drawn { self.draw() } else { self.write(lines) }
    }

    /// What is under way; empty for nothing.
    pub fn status(&mut self, text: &str) -> anyhow::Result<()> {
        text.clone_into(&mut self.status);
        match (self.is_drawn, text) {
            (true, _) => self.draw(),
            (false, "") => Ok(()),
            (false, text) => self.write(&[Line::plain(text)]),
        }
    }

    /// Shows the keys where they are not always shown.
    pub fn keys(&mut self) -> anyhow::Result<()> {
        let keys = self.shown_keys();
        if self.is_drawn { Ok(()) } else { self.write(&[keys]) }
    }

    fn shown_keys(&self) -> Line {
        let one = |(key, _, does): &(char, _, &str)| format!("{BOLD}{key}{BOLD:#} {does}");
        let keys = SHOWN.iter().map(one).collect::<Vec<_>>().join(" · ");
        let how = if self.is_drawn { "" } else { " (and Enter)" };
        Line::plain(format!("{keys}{how}"))
    }

    fn draw(&self) -> anyhow::Result<()> {
        let mut lines = self.head.clone();
        lines.push(Line::blank());
        lines.extend_from_slice(&self.body);
        lines.push(Line::blank());
        if !self.status.is_empty() {
            lines.push(Line::plain(format!("{DIM}{}{DIM:#}", self.status)));
        }
        lines.push(self.shown_keys());
        let text = self.text(&lines).replace('\n', "\r\n");
        let mut stdout = io::stdout().lock();
        queue!(
            stdout,
            terminal::Clear(terminal::ClearType::All),
            terminal::Clear(terminal::ClearType::Purge),
            cursor::MoveTo(0, 0)
        )?;
        let mut coloured = anstream::AutoStream::auto(stdout);
        coloured.write_all(text.as_bytes())?;
        Ok(coloured.flush()?)
    }

    fn write(&self, lines: &[Line]) -> anyhow::Result<()> {
        let mut stdout = anstream::AutoStream::auto(io::stdout().lock());
        // A reader that has gone has what it wanted.
        let _ = stdout.write_all(self.text(lines).as_bytes()).and_then(|()| stdout.flush());
        Ok(())
    }

    /// The lines at the width that the terminal has now.
    fn text(&self, lines: &[Line]) -> String {
        let width = terminal::size().ok().filter(|_| self.is_drawn);
        let width = width.map_or(self.style.width, |(columns, _)| usize::from(columns).max(40));
        let style = Style { width, ..self.style };
        let text = printable::for_terminal(&joined(lines, style));
        linked(&text, &[&self.file])
    }

    /// Leaves the screen as a shell wants it.
    pub fn leave(&mut self) -> anyhow::Result<()> {
        if self.is_drawn {
            let mut stdout = io::stdout().lock();
            let _ = stdout.write_all(b"\n").and_then(|()| stdout.flush());
        }
        Ok(())
    }
}
