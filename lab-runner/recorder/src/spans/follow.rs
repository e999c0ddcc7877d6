//! Follows every span with a field `id` poll by poll, and keeps the slowest one.

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

/// The field of a span that is followed.
const NUMBER: &str = "id";

/// The state of the layer.
#[derive(Debug, Default)]
pub(crate) struct FollowState {
    paths: Paths,
    slowest: Slowest,
    threads: Threads,
    /// Number of spans that were created.
    pub made: u64,
    /// Number of times that a span was entered.
    pub entered: u64,
}

impl FollowState {
    /// The slowest span so far, and the number of spans that were followed.
    pub fn slow(&self, now: Instant) -> (Option<Slow>, u64) {
        (self.slowest.slow(now, &self.paths), self.slowest.followed())
    }

    /// The threads that are inside spans.
    pub fn inside(&self, now: Instant) -> Vec<Inside> {
        self.threads.inside(now, &self.paths)
    }
}

/// Paths of nested spans such as `request;fetch`, each with a number.
#[derive(Debug, Default)]
struct Paths(Vec<String>);

impl Paths {
    /// Most different paths. Beyond that a span gets the path of its parent.
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

/// The data that the layer attaches to a span.
#[derive(Clone, Copy, Debug)]
struct SpanData {
    path: usize,
    /// The followed span: this one, or one around it.
    followed: Option<u64>,
}

/// The layer.
#[derive(Debug)]
pub(crate) struct Follow {
    enabled: Arc<AtomicBool>,
    state: Arc<Mutex<FollowState>>,
}

impl Follow {
    /// A layer that follows spans, and keeps those that end while `enabled` is set.
    pub fn new(enabled: Arc<AtomicBool>, state: Arc<Mutex<FollowState>>) -> Follow {
        Follow { enabled, state }
    }

    fn state(&self) -> MutexGuard<'_, FollowState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Follow {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let parent =
            span.parent().and_then(|parent| parent.extensions().get::<SpanData>().copied());
        let outer = parent.and_then(|parent| parent.followed);
        let mut state = self.state();
        state.made += 1;
        let path = state.paths.below(parent.map(|parent| parent.path), span.name());
        let number = if outer.is_none() { number(attributes) } else { None };
        if let Some(number) = number {
            state.slowest.begins(id.into_u64(), number, path);
        }
        drop(state);
        let followed = outer.or(number.map(|_| id.into_u64()));
        span.extensions_mut().insert(SpanData { path, followed });
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = data(id, &context) else { return };
        let now = Instant::now();
        let mut state = self.state();
        state.entered += 1;
        state.threads.enters(span.path, now);
        if let Some(followed) = span.followed {
            state.slowest.enters(followed, followed == id.into_u64(), now);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = data(id, &context) else { return };
        let now = Instant::now();
        let mut state = self.state();
        state.threads.leaves(now);
        if let Some(followed) = span.followed {
            state.slowest.leaves(followed, followed == id.into_u64(), span.path, now);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = data(&id, &context) else { return };
        let enabled = self.enabled.load(Ordering::Relaxed);
        match span.followed {
            Some(followed) if followed == id.into_u64() => {
                self.state().slowest.ends(followed, enabled)
            }
            Some(followed) => self.state().slowest.step_ends(followed, span.path),
            None => {}
        }
    }
}

fn data<S: Subscriber + for<'span> LookupSpan<'span>>(
    id: &Id,
    context: &Context<'_, S>,
) -> Option<SpanData> {
    context.span(id)?.extensions().get::<SpanData>().copied()
}

/// The value of the field `id` of a new span, if it has one.
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
