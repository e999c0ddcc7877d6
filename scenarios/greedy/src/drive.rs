//! What every variant runs through: the API under load, and an import that begins with the measured
//! time.

use crate::backlog::Backlog;
use crate::shop::{quote, quote_from_upstream};
use lab_kit::{Counter, Cx, Requests};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tracing::{Instrument, info_span};

/// The API and one import, on the load's workers.
pub fn drive<S, F, Fut>(cx: &Cx, import: F) -> anyhow::Result<()>
where
    S: Default,
    F: Fn(Backlog, Arc<S>) -> Fut,
    Fut: Future<Output = anyhow::Result<u64>> + Send + 'static,
{
    let backlog = Backlog::of(cx.load(), cx.load().size)?;
    drive_with(cx, cx.load().workers, vec![backlog], import)
}

/// The API and an import for each backlog, on this many workers. Each import has a store of its
/// own: two that share one wait for its lock now and then, and so yield.
pub fn drive_with<S, F, Fut>(
    cx: &Cx,
    workers: usize,
    backlogs: Vec<Backlog>,
    import: F,
) -> anyhow::Result<()>
where
    S: Default,
    F: Fn(Backlog, Arc<S>) -> Fut,
    Fut: Future<Output = anyhow::Result<u64>> + Send + 'static,
{
    let runtime = cx.runtime().worker_threads(workers).build()?;
    let clock = ImportClock::new(cx)?;
    let requests = answer(cx, &runtime)?;
    requests.wait_for_window();
    clock.waiting.set(backlogs.iter().map(Backlog::left).sum());
    let start = |backlog| runtime.spawn(clock.clone().time(import(backlog, Arc::default())));
    let imports: Vec<_> = backlogs.into_iter().map(start).collect();
    requests.finish()?;
    for import in imports {
        runtime.block_on(import)??;
    }
    Ok(())
}

/// The API. Not generic: one copy of a runtime's tasks is enough for all imports, and the compiler
/// would make one for each.
fn answer(cx: &Cx, runtime: &Runtime) -> anyhow::Result<Requests> {
    cx.requests(runtime.handle(), |request| async move {
        std::hint::black_box(quote(request.number));
    })
}

/// The API alone, with answers that come from a slow service.
pub fn drive_upstream(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.runtime().build()?;
    let requests = cx.requests(runtime.handle(), |request| async move {
        std::hint::black_box(quote_from_upstream(request.number).await);
    })?;
    requests.finish()?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

/// What an import reports: what waited, what it stored, how long it took.
#[derive(Clone)]
struct ImportClock {
    waiting: Counter,
    stored: Counter,
    import_us: Counter,
}

impl ImportClock {
    fn new(cx: &Cx) -> anyhow::Result<ImportClock> {
        Ok(ImportClock {
            waiting: cx.probe().counter("messages_waiting")?,
            stored: cx.probe().counter("messages_stored")?,
            import_us: cx.probe().counter("import_us")?,
        })
    }

    async fn time(self, import: impl Future<Output = anyhow::Result<u64>>) -> anyhow::Result<()> {
        let begin = Instant::now();
        self.stored.add(import.instrument(info_span!("import")).await?);
        self.import_us.raise_to(begin.elapsed().as_micros() as u64);
        Ok(())
    }
}
