//! `lab exercise watch`: builds and counts whenever the learner's file is saved, the timed runs on a
//! key. On a terminal it is a screen with keys; without one it prints lines and reads keys as lines.
//!
//! One thread shows and listens, another builds and measures, so that a key is answered while a
//! program hangs. The file is looked at twice a second, by its content: events of the kernel do not
//! come from network folders and from the other side of WSL.

mod keys;
mod screen;
mod worker;

use crate::cli::exercise::WatchArgs;
use crate::cmd::exercise::check::Depth;
use crate::cmd::exercise::pack::{Exercise, Pack};
use crate::cmd::exercise::progress::{self, Progress};
use crate::cmd::exercise::{learner, predict};
use crate::engine::supervise::Interrupts;
use crate::exit::Exit;
use crate::report::Style;
use crate::report::screen::Line;
use keys::{Key, Keys, PREDICT};
use screen::Screen;
use std::fs;
use std::time::{Duration, Instant};
use worker::{News, Worker};

/// Between two looks at the file.
const LOOK: Duration = Duration::from_millis(500);
/// How long a file stays as it is before a hint says how to run by hand.
const LONG: Duration = Duration::from_secs(180);

/// What the loop knows.
struct Watch<'a> {
    pack: &'a Pack,
    exercise: &'a Exercise,
    screen: Screen,
    worker: Worker,
    /// The file as it was when it was last looked at.
    code: Option<Vec<u8>>,
    changed: Instant,
    /// The check that is under way.
    running: bool,
    /// Saved while a check was under way: another one follows.
    again: bool,
    /// A key that asks for itself once more, to reset or to skip.
    asked: Option<Key>,
    said_long: bool,
    solved: bool,
}

pub(crate) fn run(args: &WatchArgs, pack: &Pack, style: Style) -> anyhow::Result<Exit> {
    let exercise = super::chosen(pack, args.slug.as_deref())?;
    let interrupts = Interrupts::catch()?;
    let signal = interrupts.latch();
    let keys = Keys::listen(style.plain)?;
    let screen = Screen::new(style, keys.are_single());
    let worker = Worker::start(pack.clone(), args.out.clone(), interrupts, style)?;
    let mut watch = Watch {
        pack,
        exercise,
        screen,
        worker,
        code: None,
        changed: Instant::now(),
        running: false,
        again: false,
        asked: None,
        said_long: false,
        solved: false,
    };
    watch.begin(exercise)?;
    let mut looked = Instant::now();
    let exit = loop {
        if let Some(signal) = signal.signal() {
            break Exit::Interrupted(signal);
        }
        while let Some(news) = watch.worker.news() {
            watch.take(news)?;
        }
        match keys.next(Duration::from_millis(50)) {
            Some(Key::Quit) => break Exit::Done,
            Some(Key::Interrupt) => break Exit::Interrupted(signal_hook::consts::SIGINT),
            Some(Key::Predict) => watch.predict(&keys)?,
            Some(key) => watch.press(key)?,
            None => {}
        }
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            watch.look()?;
        }
    };
    // In this order: the program under test is ended, and then the terminal is the shell's again.
    watch.worker.stop();
    drop(keys);
    watch.screen.leave()?;
    Ok(exit)
}

impl<'a> Watch<'a> {
    /// Goes to an exercise and checks it.
    fn begin(&mut self, exercise: &'a Exercise) -> anyhow::Result<()> {
        self.exercise = exercise;
        self.code = fs::read(exercise.file()).ok();
        (self.changed, self.said_long, self.solved) = (Instant::now(), false, false);
        progress::change(self.pack, |progress| progress.note_current(exercise.slug()));
        self.screen.enter(self.pack, exercise)?;
        match self.question() {
            Some(question) => {
                let text = format!("{question} {PREDICT} predicts it; r runs without");
                self.screen.say(&[Line::plain(text)])
            }
            None => self.start(Depth::Counts),
        }
    }

    /// The question of a prediction that can still be made: before the first run.
    fn question(&self) -> Option<&'a str> {
        let slug = self.exercise.slug();
        let progress = Progress::read(self.pack);
        let open = progress.tries(slug) == 0 && progress.predicted(slug).is_none();
        let predict = self.exercise.entry.predict.as_ref().filter(|_| open)?;
        Some(&predict.question)
    }

    fn predict(&mut self, keys: &Keys) -> anyhow::Result<()> {
        let slug = self.exercise.slug();
        if self.question().is_none() || self.running {
            return self.screen.say(&[Line::plain("there is nothing to predict now")]);
        }
        if !keys.are_single() {
            let text = format!("lab exercise predict {slug} --value NUMBER in another terminal");
            return self.screen.say(&[Line::plain(text)]);
        }
        match keys.without(|| predict::ask_and_note(self.pack, self.exercise)) {
            Ok(()) => self.start(Depth::Counts),
            Err(error) => self.screen.say(&[Line::plain(format!("{error:#}"))]),
        }
    }

    fn start(&mut self, depth: Depth) -> anyhow::Result<()> {
        if self.running {
            self.again = true;
            return Ok(());
        }
        if !self.exercise.file().is_file() {
            let file = self.exercise.file();
            let text = format!("{} is not there: x puts it back", file.display());
            return self.screen.say(&[Line::plain(text)]);
        }
        self.running = true;
        self.screen.clear(self.pack, self.exercise)?;
        self.screen.status(match depth {
            Depth::Counts => "building and counting …",
            Depth::Full => "building and measuring, about half a minute …",
        })?;
        self.worker.check(self.exercise.slug(), depth);
        Ok(())
    }

    /// What the worker reports.
    fn take(&mut self, news: News) -> anyhow::Result<()> {
        match news {
            News::Lines(lines) => self.screen.say(&lines),
            News::Done { solved, counted } => {
                self.running = false;
                self.solved = solved;
                self.screen.status("")?;
                if solved {
                    self.screen.say(&[Line::plain("solved: n goes on to the next one")])?;
                } else if counted {
                    self.screen.say(&[Line::plain("c measures it beside the starter")])?;
                }
                if std::mem::take(&mut self.again) { self.start(Depth::Counts) } else { Ok(()) }
            }
        }
    }

    fn press(&mut self, key: Key) -> anyhow::Result<()> {
        let asked = self.asked.take();
        match key {
            Key::Run => self.start(Depth::Counts),
            Key::Check => self.start(Depth::Full),
            Key::Hint => {
                let hint = learner::next_hint(self.pack, self.exercise)?;
                self.screen.say(&hint)
            }
            Key::List => {
                let list = learner::listed(self.pack);
                self.screen.say(&list)
            }
            Key::Reset if asked == Some(Key::Reset) => {
                let lines = learner::reset_file(self.exercise)?;
                self.screen.say(&lines)
            }
            Key::Reset => self.ask(key, "x once more puts the file back as it was shipped"),
            Key::Next if self.solved || asked == Some(Key::Next) => self.go_on(),
            Key::Next => self.ask(key, "not solved yet: n once more skips it"),
            Key::Quit | Key::Interrupt | Key::Predict => Ok(()),
            Key::Other => self.screen.keys(),
        }
    }

    fn ask(&mut self, key: Key, text: &str) -> anyhow::Result<()> {
        self.asked = Some(key);
        self.screen.say(&[Line::plain(text)])
    }

    /// To the next exercise that is not solved, in the order of the pack and from the beginning
    /// after the last one.
    fn go_on(&mut self) -> anyhow::Result<()> {
        let progress = Progress::read(self.pack);
        let all = &self.pack.exercises;
        let here = all.iter().position(|one| one.slug() == self.exercise.slug()).unwrap_or(0);
        let after = (1..all.len()).map(|step| &all[(here + step) % all.len()]);
        match after.into_iter().find(|one| !progress.is_solved(one.slug())) {
            Some(next) => {
                self.worker.cancel();
                self.begin(next)
            }
            None => self.screen.say(&[Line::plain("every other exercise is solved")]),
        }
    }

    /// Looks whether the file was saved.
    fn look(&mut self) -> anyhow::Result<()> {
        let code = fs::read(self.exercise.file()).ok();
        if code == self.code {
            if self.changed.elapsed() > LONG && !self.running && !self.said_long {
                self.said_long = true;
                let file = self.exercise.file();
                let text = format!("{} has not changed for a while: r runs it", file.display());
                self.screen.say(&[Line::plain(text)])?;
            }
            return Ok(());
        }
        // An editor may be half way through: what counts is a file that stays as it is.
        std::thread::sleep(Duration::from_millis(100));
        let settled = fs::read(self.exercise.file()).ok();
        if settled != code {
            return Ok(());
        }
        let was_there = self.code.is_some();
        (self.code, self.changed, self.said_long) = (code, Instant::now(), false);
        match (&self.code, was_there) {
            (None, true) => self.start_without_file(),
            (None, false) => Ok(()),
            (Some(_), _) => {
                // What is under way measures an older file.
                self.worker.cancel();
                self.start(Depth::Counts)
            }
        }
    }

    fn start_without_file(&mut self) -> anyhow::Result<()> {
        self.worker.cancel();
        let file = self.exercise.file();
        let text = format!("{} was moved away: x puts it back", file.display());
        self.screen.say(&[Line::plain(text)])
    }
}
