//! The harness of all variants: the API under load, and an import that starts with the measured
//! time.

use crate::backlog::Backlog;
use crate::shop::{quote, quote_from_upstream};
use lab_kit::{Counter, Cx, Requests};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tracing::{Instrument, info_span};

/// Runs the API and one import on the load's workers.
pub fn drive<S, F, Fut>(cx: &Cx, import: F) -> anyhow::Result<()>
where
    S: Default,
    F: Fn(Backlog, Arc<S>) -> Fut,
    Fut: Future<Output = anyhow::Result<u64>> + Send + 'static,
{
    let backlog = Backlog::of(cx.load(), cx.load().size)?;
    drive_with(cx, cx.load().workers, vec![backlog], import)
}

/// Runs the API and an import for each backlog on `workers` worker threads. Each import has a store
/// of its own: two imports that share a store sometimes wait for its lock, and so yield.
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
    let mut builder = cx.runtime();
    builder.worker_threads(workers);
    let runtime = cx.build(builder)?;
    let clock = ImportClock::new(cx)?;
    let requests = answer(cx, &runtime)?;
    requests.wait_for_window();
    clock.waiting.set(backlogs.iter().map(Backlog::left).sum());
    let mut imports = Vec::new();
    for backlog in backlogs {
        imports.push(runtime.spawn(clock.clone().time(import(backlog, Arc::default()))));
    }
    requests.finish()?;
    for import in imports {
        runtime.block_on(import)??;
    }
    Ok(())
}

/// Starts the API's requests. Not generic over the import: otherwise the compiler would generate
/// the code of the request tasks once for each import.
fn answer(cx: &Cx, runtime: &Runtime) -> anyhow::Result<Requests> {
    cx.requests(runtime.handle(), |request| async move {
        std::hint::black_box(quote(request.number));
    })
}

/// Runs the API without an import; each request waits for a slow upstream service.
pub fn drive_upstream(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.build(cx.runtime())?;
    let requests = cx.requests(runtime.handle(), |request| async move {
        std::hint::black_box(quote_from_upstream(request.number).await);
    })?;
    requests.finish()?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

/// Counters of an import: messages waiting at its start, messages stored, and its duration.
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
