//! The thread that builds and measures, one check after another.

use crate::cmd::exercise::build::Shown;
use crate::cmd::exercise::check::{Checked, Depth, ToCheck, check};
use crate::cmd::exercise::judge::Outcome;
use crate::cmd::exercise::mystery;
use crate::cmd::exercise::pack::Pack;
use crate::engine::supervise::{Interrupts, Latch};
use crate::report::Style;
use crate::report::screen::Line;
use anyhow::Context;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

/// What it reports.
pub(crate) enum News {
    Lines(Vec<Line>),
    /// A check has ended. `counted`: it was one of counts, and nothing is missed by them.
    Done {
        solved: bool,
        counted: bool,
    },
}

pub(crate) struct Worker {
    orders: Option<Sender<(String, Depth)>>,
    news: Receiver<News>,
    latch: Latch,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub fn start(
        pack: Pack,
        out: PathBuf,
        interrupts: Interrupts,
        style: Style,
    ) -> anyhow::Result<Worker> {
        let (orders, to_do) = channel::<(String, Depth)>();
        let (tell, news) = channel();
        let latch = interrupts.latch();
        let work = move || {
            for (slug, depth) in to_do {
                interrupts.rearm();
                let done = one(&pack, &slug, depth, &out, &interrupts, style, &tell);
                if tell.send(done).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("exercise".into()).spawn(work);
        let thread = Some(thread.context("cannot start a thread")?);
        Ok(Worker { orders: Some(orders), news, latch, thread })
    }

    /// Orders a check.
    pub fn check(&self, slug: &str, depth: Depth) {
        if let Some(orders) = &self.orders {
            // It ends only when this is dropped.
            let _ = orders.send((slug.to_owned(), depth));
        }
    }

    /// Ends the check that is under way.
    pub fn cancel(&self) {
        self.latch.cancel();
    }

    /// What it has reported, if anything.
    pub fn news(&self) -> Option<News> {
        self.news.try_recv().ok()
    }

    /// Ends what is under way and waits for that: no process is left.
    pub fn stop(&mut self) {
        self.orders = None;
        self.latch.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn one(
    pack: &Pack,
    slug: &str,
    depth: Depth,
    out: &std::path::Path,
    interrupts: &Interrupts,
    style: Style,
    tell: &Sender<News>,
) -> News {
    let say = |lines: &[Line]| {
        // The screen is gone only when the lab ends.
        let _ = tell.send(News::Lines(lines.to_vec()));
        Ok(())
    };
    let mut say_all = say;
    let checked = pack.exercise(slug).and_then(|exercise| {
        let exercise = &mystery::prepared(exercise, None)?;
        let what = ToCheck { pack, exercise, depth, out, interrupts, style, shown: Shown::Kept };
        check(&what, &mut say_all)
    });
    match checked {
        Ok(Checked::Judged(outcome)) => News::Done {
            solved: outcome == Outcome::Solved && depth == Depth::Full,
            counted: depth == Depth::Counts
                && matches!(outcome, Outcome::Inconclusive(_) | Outcome::Solved),
        },
        Ok(Checked::NotBuilt(words)) => {
            let lines: Vec<Line> = words.lines().map(Line::plain).collect();
            let _ = say(&lines);
            News::Done { solved: false, counted: false }
        }
        Ok(Checked::Interrupted(_, folder)) => {
            // Half a recording of a file that has changed since.
            let cancelled = interrupts.latch().signal().is_none();
            if let Some(folder) = folder.filter(|_| cancelled) {
                let _ = std::fs::remove_dir_all(folder);
            }
            News::Done { solved: false, counted: false }
        }
        Err(error) => {
            let _ = say(&[Line::plain(format!("{error:#}"))]);
            News::Done { solved: false, counted: false }
        }
    }
}
