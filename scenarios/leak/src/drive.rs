//! The harness of all variants: clients that come and go, a feed that publishes to open sessions, and
//! what is alive after a sixth of the load and at its end.

use crate::service::{Client, Market, Publish, SMALLEST};
use anyhow::ensure;
use lab_kit::{Cx, Load, Requests, alloc};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, Runtime};

/// Time between two updates.
pub const EVERY: Duration = Duration::from_millis(20);
/// Time until a client asks, and asks again.
pub const PAUSE: Duration = Duration::from_millis(5);
/// The first of this many parts of the load is left out of growth: caches and buffers fill up.
const PARTS: u32 = 6;

/// Runs the service on the load's workers. Each request is the visit of a client.
pub fn drive<H, F, Fut>(cx: &Cx, hub: Arc<H>, serve: F) -> anyhow::Result<()>
where
    H: Publish,
    F: Fn(Arc<H>, Client) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let runtime = cx.build(cx.runtime())?;
    let market = Arc::new(Market::new(cx.seed(), cx.load().size));
    let requests = visits(cx, runtime.handle(), &market, &hub, serve)?;
    let feed = Feed::start(Arc::clone(&market), hub)?;
    let memory = Memory::watch(&requests, cx.load(), &market);
    requests.finish()?;
    let alive = alive_when_settled(&runtime)? as u64;
    memory.report(cx, &market)?;
    for (name, value) in [
        ("sessions_opened", market.connected()),
        ("sessions_alive_end", alive),
        ("sessions_ended", market.connected().saturating_sub(alive)),
        ("updates_due", market.due()),
        ("updates_shown", market.shown()),
    ] {
        cx.probe().counter(name)?.set(value);
    }
    drop(feed);
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

/// Starts the visits of clients.
fn visits<H, F, Fut>(
    cx: &Cx,
    handle: &Handle,
    market: &Arc<Market>,
    hub: &Arc<H>,
    serve: F,
) -> anyhow::Result<Requests>
where
    H: Publish,
    F: Fn(Arc<H>, Client) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let (market, hub) = (Arc::clone(market), Arc::clone(hub));
    cx.requests(handle, move |request| {
        serve(Arc::clone(&hub), Client::connect(&market, request.number, PAUSE))
    })
}

/// The feed: a thread that publishes updates until it is dropped. They come from outside, so their
/// pace is not that of the runtime.
struct Feed {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    fn start(market: Arc<Market>, hub: Arc<impl Publish>) -> anyhow::Result<Feed> {
        let stop = Arc::<AtomicBool>::default();
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().name("feed".into()).spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                market.publish(&*hub);
                thread::sleep(EVERY);
            }
        })?;
        Ok(Feed { stop, thread: Some(thread) })
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Live memory of the process, and the visits that were over by then.
#[derive(Clone, Copy, Debug)]
struct Look {
    /// None if the allocator of this binary does not count.
    live_bytes: Option<u64>,
    gone: u64,
}

impl Look {
    fn now(market: &Market) -> Look {
        Look { live_bytes: alloc::held_bytes(), gone: market.gone() }
    }

    /// Bytes that were added until a later look, for each visit that ended meanwhile; none are added
    /// if there are fewer than before.
    fn growth(self, later: Look) -> Option<u64> {
        let visits = later.gone.saturating_sub(self.gone).max(1);
        Some(later.live_bytes?.saturating_sub(self.live_bytes?) / visits)
    }
}

/// Looks at live memory during the load.
struct Memory {
    sixth: Look,
    half: Look,
}

impl Memory {
    /// Waits for the first sixth and for the first half of the measured time.
    fn watch(requests: &Requests, load: &Load, market: &Market) -> Memory {
        requests.wait_for_window();
        let window = Instant::now();
        let look = |at: Duration| {
            thread::sleep((window + at).saturating_duration_since(Instant::now()));
            Look::now(market)
        };
        let sixth = look(load.duration() / PARTS);
        Memory { sixth, half: look(load.duration() / 2) }
    }

    /// Looks once more, and reports all of it.
    fn report(self, cx: &Cx, market: &Market) -> anyhow::Result<()> {
        let Memory { sixth, half } = self;
        let end = Look::now(market);
        let kb = |look: Look| look.live_bytes.map(|bytes| bytes / 1_024);
        for (name, value) in [
            ("live_sixth_kb", kb(sixth)),
            ("live_half_kb", kb(half)),
            ("live_end_kb", kb(end)),
            ("growth_per_request_b", sixth.growth(end)),
            ("late_growth_per_request_b", half.growth(end)),
        ] {
            if let Some(value) = value {
                cx.probe().counter(name)?.set(value);
            }
        }
        Ok(())
    }
}

/// Live tasks of the runtime once the log is closed. A session whose client has just left needs a
/// moment to end, so that this waits for them, for as long as the runtime needs to run another task
/// a few hundred times. That task counts as live until shortly after its end, so the least count is
/// the answer: no session begins any more.
fn alive_when_settled(runtime: &Runtime) -> anyhow::Result<usize> {
    const ROUNDS: usize = 300;
    let metrics = runtime.metrics();
    let mut least = metrics.num_alive_tasks();
    for _ in 0..ROUNDS {
        if least == 0 {
            break;
        }
        runtime.block_on(runtime.spawn(async {}))?;
        thread::sleep(Duration::from_millis(1));
        least = least.min(metrics.num_alive_tasks());
    }
    Ok(least)
}

/// Number of visits in the warm-up and in this share of the measured time.
pub fn visits_until(load: &Load, share: f64) -> usize {
    let seconds = load.warmup().as_secs_f64() + load.duration().as_secs_f64() * share;
    (load.rate * seconds) as usize
}

/// Rejects updates of a size that no page has, and loads whose leak does not fit into memory.
pub fn check(load: &Load) -> anyhow::Result<()> {
    lab_kit::no_input(load)?;
    ensure!(
        (SMALLEST..=64 * 1_024).contains(&load.size),
        "an update has between {SMALLEST} bytes and 64 KiB: try --size 256"
    );
    lab_kit::fits_memory("a leak of every session", leaked_bytes(load))
}

/// About what the faulty variant keeps until the end of the load: what every session has, and the
/// updates that it collects, for half of the load on average, in vectors that double.
fn leaked_bytes(load: &Load) -> u64 {
    const SESSION: f64 = 8.0 * 1_024.0;
    let lasts = (load.warmup() + load.duration()).as_secs_f64();
    let updates = lasts / 2.0 / EVERY.as_secs_f64();
    (load.rate * lasts * (SESSION + updates * load.size as f64 * 1.5)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_per_visit_and_never_below_zero() {
        let look = |bytes, gone| Look { live_bytes: Some(bytes), gone };
        assert_eq!(look(1_000, 10).growth(look(9_000, 50)), Some(200));
        assert_eq!(look(9_000, 10).growth(look(1_000, 50)), Some(0));
        assert_eq!(look(1_000, 10).growth(look(9_000, 10)), Some(8_000), "no visit ended");
        let uncounted = Look { live_bytes: None, gone: 9 };
        assert_eq!(look(1_000, 10).growth(uncounted), None, "not measured is not zero");
    }

    #[test]
    fn a_load_that_leaks_more_than_there_is_room_for_is_rejected() {
        let load = Load { rate: 500.0, size: 256, ..Load::DEFAULT };
        assert!((20 << 20..200 << 20).contains(&leaked_bytes(&load)), "{}", leaked_bytes(&load));
        assert!(check(&load).is_ok());
        let long = Load { duration_ms: 100_000_000, ..load.clone() };
        assert!(check(&long).unwrap_err().to_string().contains("try a smaller"));
        for size in [SMALLEST - 1, 1 << 20] {
            assert!(
                check(&Load { size, ..load.clone() }).unwrap_err().to_string().contains("--size")
            );
        }
        assert_eq!(visits_until(&Load { warmup_ms: 300, ..load }, 0.4), 750);
    }
}
