//! Follows every span that has a number, poll by poll, and keeps the slowest one.

mod slowest;
mod threads;

use lab_recording::spans::Inside;
pub(crate) use slowest::Slow;
use slowest::Slowest;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use threads::Threads;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The field by which a span is followed.
const NUMBER: &str = "id";

/// What is known so far.
#[derive(Debug, Default)]
pub(crate) struct Known {
    paths: Paths,
    slowest: Slowest,
    threads: Threads,
    /// Spans that were made so far, and times that one was entered.
    pub made: u64,
    pub entered: u64,
}

impl Known {
    /// The slowest so far, and how many were followed.
    pub fn slow(&self, now: Instant) -> (Option<Slow>, u64) {
        (self.slowest.told(now, &self.paths), self.slowest.followed())
    }

    /// The threads that are inside spans.
    pub fn inside(&self, now: Instant) -> Vec<Inside> {
        self.threads.inside(now, &self.paths)
    }
}

/// Spans in spans, each way down to one as a number: `request;fetch`.
#[derive(Debug, Default)]
struct Paths(Vec<String>);

impl Paths {
    /// Different ways that there is room for; further ones go by their parent's.
    const MOST: usize = 10_000;

    fn below(&mut self, parent: Option<usize>, name: &str) -> usize {
        let path =
            parent.map_or_else(|| name.to_owned(), |parent| format!("{};{name}", self.0[parent]));
        match (self.0.iter().position(|known| *known == path), parent) {
            (Some(known), _) => known,
            (None, Some(parent)) if self.0.len() >= Paths::MOST => parent,
            (None, _) => {
                self.0.push(path);
                self.0.len() - 1
            }
        }
    }

    fn text(&self, path: usize) -> String {
        self.0.get(path).cloned().unwrap_or_default()
    }
}

/// What is noted at a span.
#[derive(Clone, Copy, Debug)]
struct Place {
    path: usize,
    /// The span with a number that this one is, or is in.
    followed: Option<u64>,
}

/// The layer.
#[derive(Debug)]
pub(crate) struct Follow {
    looking: Arc<AtomicBool>,
    known: Arc<Mutex<Known>>,
}

impl Follow {
    /// Follows spans, and keeps those that end while the profiler runs.
    pub fn new(looking: Arc<AtomicBool>, known: Arc<Mutex<Known>>) -> Follow {
        Follow { looking, known }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Follow {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let parent = span.parent().and_then(|parent| parent.extensions().get::<Place>().copied());
        let outer = parent.and_then(|parent| parent.followed);
        let mut known = self.known();
        known.made += 1;
        let path = known.paths.below(parent.map(|parent| parent.path), span.name());
        let number = if outer.is_none() { number(attributes) } else { None };
        if let Some(number) = number {
            known.slowest.begins(id.into_u64(), number, path);
        }
        drop(known);
        let followed = outer.or(number.map(|_| id.into_u64()));
        span.extensions_mut().insert(Place { path, followed });
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(place) = place(id, &context) else { return };
        let now = Instant::now();
        let mut known = self.known();
        known.entered += 1;
        known.threads.enters(place.path, now);
        if let Some(followed) = place.followed {
            known.slowest.enters(followed, followed == id.into_u64(), now);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(place) = place(id, &context) else { return };
        let now = Instant::now();
        let mut known = self.known();
        known.threads.leaves(now);
        if let Some(followed) = place.followed {
            known.slowest.leaves(followed, followed == id.into_u64(), place.path, now);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(place) = place(&id, &context) else { return };
        let looking = self.looking.load(Ordering::Relaxed);
        match place.followed {
            Some(followed) if followed == id.into_u64() => {
                self.known().slowest.ends(followed, looking)
            }
            Some(followed) => self.known().slowest.step_ends(followed, place.path),
            None => {}
        }
    }
}

fn place<S: Subscriber + for<'span> LookupSpan<'span>>(
    id: &Id,
    context: &Context<'_, S>,
) -> Option<Place> {
    context.span(id)?.extensions().get::<Place>().copied()
}

/// The number that a span is made with, if it has one.
fn number(attributes: &Attributes<'_>) -> Option<u64> {
    struct Number(Option<u64>);
    impl Visit for Number {
        fn record_u64(&mut self, field: &Field, value: u64) {
            if field.name() == NUMBER {
                self.0 = Some(value);
            }
        }

        fn record_debug(&mut self, _field: &Field, _value: &dyn std::fmt::Debug) {}
    }
    let mut number = Number(None);
    attributes.record(&mut number);
    number.0
}
