//! Keys: single ones on a terminal, lines without one. Those of rustlings, so that its users feel at
//! home.

use anyhow::Context;
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal;
use std::io::{self, BufRead, IsTerminal};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Next,
    Hint,
    List,
    Check,
    Reset,
    Run,
    Predict,
    Quit,
    /// Ctrl-C, which a terminal in raw mode does not turn into a signal.
    Interrupt,
    Other,
}

/// The keys with what they do, in the order in which they are shown.
pub(crate) const SHOWN: [(char, Key, &str); 7] = [
    ('n', Key::Next, "next"),
    ('h', Key::Hint, "hint"),
    ('l', Key::List, "list"),
    ('c', Key::Check, "check with timed runs"),
    ('x', Key::Reset, "reset"),
    ('r', Key::Run, "run"),
    ('q', Key::Quit, "quit"),
];

/// The key of a prediction, which is asked for only before the first run.
pub(crate) const PREDICT: char = 'p';

fn key(c: char) -> Key {
    if c == PREDICT {
        return Key::Predict;
    }
    SHOWN.iter().find(|(known, ..)| *known == c).map_or(Key::Other, |(_, key, _)| *key)
}

/// Where keys come from.
pub(crate) enum Keys {
    /// A terminal in raw mode, which is put back when this is dropped.
    Terminal,
    /// Lines of stdin.
    Lines(Receiver<Key>),
}

impl Keys {
    /// Begins to listen: to the terminal if there is one on both sides and `plain` does not forbid
    /// it, else to lines.
    pub fn listen(plain: bool) -> anyhow::Result<Keys> {
        if !plain && io::stdin().is_terminal() && io::stdout().is_terminal() {
            terminal::enable_raw_mode().context("cannot read keys from this terminal")?;
            return Ok(Keys::Terminal);
        }
        let (sender, lines) = channel();
        let read = move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                let Some(first) = line.trim().chars().next() else { continue };
                if sender.send(key(first)).is_err() {
                    return;
                }
            }
            // At the end of stdin nobody can press a key any more, and the file is watched on.
        };
        thread::Builder::new().name("keys".into()).spawn(read).context("cannot start a thread")?;
        Ok(Keys::Lines(lines))
    }

    /// Whether a key counts without Enter.
    pub fn are_single(&self) -> bool {
        matches!(self, Keys::Terminal)
    }

    /// Does something that reads lines from the terminal.
    pub fn without<T>(&self, read: impl FnOnce() -> T) -> T {
        if self.are_single() {
            let _ = terminal::disable_raw_mode();
        }
        let done = read();
        if self.are_single() {
            let _ = terminal::enable_raw_mode();
        }
        done
    }

    /// The next key, or none after this time.
    pub fn next(&self, within: Duration) -> Option<Key> {
        match self {
            Keys::Lines(lines) => match lines.recv_timeout(within) {
                Ok(key) => Some(key),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => {
                    thread::sleep(within);
                    None
                }
            },
            Keys::Terminal => {
                if !event::poll(within).unwrap_or(false) {
                    return None;
                }
                let Ok(Event::Key(pressed)) = event::read() else { return None };
                if pressed.kind != KeyEventKind::Press {
                    return None;
                }
                match pressed.code {
                    KeyCode::Char('c') if pressed.modifiers.contains(KeyModifiers::CONTROL) => {
                        Some(Key::Interrupt)
                    }
                    KeyCode::Char(c) => Some(key(c)),
                    _ => None,
                }
            }
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if self.are_single() {
            let _ = terminal::disable_raw_mode();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_shown_once_and_others_are_other() {
        for (c, expected, _) in SHOWN {
            assert_eq!(key(c), expected);
            assert_eq!(SHOWN.iter().filter(|(other, ..)| *other == c).count(), 1);
        }
        assert_eq!(key('ü'), Key::Other);
    }
}
