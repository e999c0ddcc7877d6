//! The spans that each thread is inside of, and the time of the last change.

use crate::spans::follow::Paths;
use lab_recording::spans::Inside;
use std::collections::HashMap;
use std::thread::{self, ThreadId};
use std::time::Instant;

/// The threads that are inside spans.
#[derive(Debug, Default)]
pub(crate) struct Threads(HashMap<ThreadId, Spans>);

#[derive(Debug)]
struct Spans {
    /// Paths of the spans that were entered and not left, outermost first.
    paths: Vec<usize>,
    changed: Instant,
}

impl Threads {
    /// The calling thread enters a span.
    pub fn enters(&mut self, path: usize, now: Instant) {
        let spans = self
            .0
            .entry(thread::current().id())
            .or_insert(Spans { paths: Vec::new(), changed: now });
        spans.paths.push(path);
        spans.changed = now;
    }

    /// The calling thread leaves the span that it entered last.
    pub fn leaves(&mut self, now: Instant) {
        let id = thread::current().id();
        let Some(spans) = self.0.get_mut(&id) else { return };
        spans.paths.pop();
        spans.changed = now;
        if spans.paths.is_empty() {
            self.0.remove(&id);
        }
    }

    /// The innermost span of each thread, and the time since its last change.
    pub fn inside(&self, now: Instant, paths: &Paths) -> Vec<Inside> {
        let inside = self.0.values().filter_map(|spans| {
            let ns = now.saturating_duration_since(spans.changed).as_nanos() as u64;
            Some(Inside { stack: paths.text(*spans.paths.last()?), ns })
        });
        inside.collect()
    }
}
