//! The context that a variant gets from the lab.

use crate::log::RequestLog;
use crate::profiler_hooks::{self, ProfilerHooks};
use crate::{Answer, Batch, Heartbeat, Probe, Request, Requests};
use anyhow::Context;
use lab_recording::{Load, request_log};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};

/// Provides a variant with its load, runtime builder, request stream, probe and scratch folder.
#[derive(Debug)]
pub struct Cx {
    load: Load,
    folder: PathBuf,
    probe: Probe,
    profiler: Option<Arc<dyn ProfilerHooks>>,
    floor: bool,
}

impl Cx {
    /// A context that records into an existing folder.
    ///
    /// # Errors
    /// If the folder already holds a recording or cannot be written.
    pub fn create(load: Load, folder: &Path) -> anyhow::Result<Cx> {
        let probe = Probe::create(folder)
            .with_context(|| format!("cannot record into {}", folder.display()))?;
        Ok(Cx { load, folder: folder.to_owned(), probe, profiler: None, floor: true })
    }

    /// The same context for a profiled run. The floor is not measured, because no latency of a
    /// profiled run is used.
    #[must_use]
    pub fn profiled(self, profiler: Arc<dyn ProfilerHooks>) -> Cx {
        Cx { profiler: Some(profiler), floor: false, ..self }
    }

    /// The same context for one of many runs in one process, as in a benchmark. The floor is not
    /// measured: that would take a quarter of a second each time, and the floor is the same for all
    /// compared runs.
    #[must_use]
    pub fn quiet(self) -> Cx {
        Cx { floor: false, ..self }
    }

    /// The load.
    pub fn load(&self) -> &Load {
        &self.load
    }

    /// The seed of all generated data.
    pub fn seed(&self) -> u64 {
        self.load.seed
    }

    /// A builder for the multi-thread runtime under test, with the load's number of workers and all
    /// drivers enabled.
    pub fn runtime(&self) -> Builder {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(self.load.workers).enable_all();
        self.instrument(&mut builder);
        builder
    }

    /// A builder for a runtime of one thread under test, with all drivers enabled. Its tasks run
    /// while the thread that owns it is in `block_on`. The future of `block_on` itself and the tasks
    /// of a `LocalSet` are not recorded: tokio calls no hooks for them.
    pub fn current_thread(&self) -> Builder {
        let mut builder = Builder::new_current_thread();
        builder.enable_all();
        self.instrument(&mut builder);
        builder
    }

    /// Adds the profiler's callbacks to a builder of one's own, before a runtime is built of it.
    /// Without a profiler it does nothing. It replaces callbacks that the builder has already.
    pub fn instrument(&self, builder: &mut Builder) {
        if let Some(profiler) = &self.profiler {
            profiler.runtime(builder);
        }
    }

    /// Builds a runtime under test, as `builder.build()` does. Recorders of others see only runtimes
    /// that were built here, because they build a runtime themselves: `lab score --scanner` runs a
    /// variant under one.
    ///
    /// # Errors
    /// If the runtime cannot be built.
    pub fn build(&self, mut builder: Builder) -> io::Result<Runtime> {
        match &self.profiler {
            Some(profiler) => profiler.build(builder),
            None => builder.build(),
        }
    }

    /// The counters that the variant reports about itself.
    pub fn probe(&self) -> &Probe {
        &self.probe
    }

    /// A folder for files of the variant, made on first use. It is removed after the run, whatever
    /// its ending.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn scratch(&self) -> anyhow::Result<PathBuf> {
        let scratch = self.folder.join("scratch");
        std::fs::create_dir_all(&scratch)
            .with_context(|| format!("cannot make {}", scratch.display()))?;
        Ok(scratch)
    }

    /// Starts the load's requests on a runtime: `handler` makes the future of each request, which
    /// runs in a task of its own. Returns when the pacer has started. Call it before starting any
    /// other work of the scenario.
    ///
    /// First it measures the floor: it sends 1 000 requests to a null target, a separate runtime
    /// with an empty handler. That takes a quarter of a second. A context that is
    /// [profiled](Cx::profiled) or [quiet](Cx::quiet) skips it.
    ///
    /// # Errors
    /// If the request log cannot be made, for lack of disk space for example, or if this context
    /// already had a stream.
    pub fn requests<F, Fut>(&self, handle: &Handle, handler: F) -> anyhow::Result<Requests>
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Answer> + Send + 'static,
    {
        if self.floor {
            self.measure_floor(handle.metrics().num_workers())
                .context("cannot measure the floor")?;
        }
        self.stream(request_log::REQUESTS, &self.load, handle, handler)
    }

    /// Measures freezes of a runtime until the heartbeat is stopped or dropped. Start it with the
    /// measured time.
    ///
    /// # Errors
    /// If its thread cannot be started.
    pub fn heartbeat(&self, handle: &Handle) -> anyhow::Result<Heartbeat> {
        Heartbeat::start(&self.probe, handle)
    }

    /// A closed batch of `size` items, which counts polls, wakes and allocations, and times them.
    ///
    /// # Errors
    /// If there is no room for its counters.
    pub fn batch(&self, size: usize) -> anyhow::Result<Batch> {
        if let Some(profiler) = &self.profiler {
            profiler.begin();
        }
        Batch::new(&self.probe, size)
    }

    fn measure_floor(&self, workers: usize) -> anyhow::Result<()> {
        let load = Load {
            rate: 8_000.0,
            warmup_ms: 20,
            duration_ms: 125,
            arrivals: lab_recording::Arrivals::Constant,
            ..self.load.clone()
        };
        let null_target =
            Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
        self.stream(request_log::FLOOR, &load, null_target.handle(), |_request| async {})?
            .finish()?;
        null_target.shutdown_timeout(Duration::from_secs(1));
        Ok(())
    }

    fn stream<F, Fut>(
        &self,
        file: &str,
        load: &Load,
        handle: &Handle,
        handler: F,
    ) -> anyhow::Result<Requests>
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Answer> + Send + 'static,
    {
        // Time for the pacer's thread to start before its first deadline.
        const START_IN_NS: u64 = 2_000_000;
        let path = self.folder.join(file);
        let log = RequestLog::create(&path, load, START_IN_NS)
            .with_context(|| format!("cannot make the request log {}", path.display()))?;
        if let Some(profiler) = &self.profiler {
            profiler_hooks::begin_at(profiler, log.window_ns, load.duration());
        }
        let requests = Requests::start(log, load.drain(), handle, handler)?;
        Ok(requests.profiled(self.profiler.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_recording::request_log::Entry;
    use std::sync::Mutex;

    fn record(
        load: &Load,
        handler: impl Fn(Request) -> bool + Send + Sync + 'static,
    ) -> (request_log::Header, Vec<Entry>) {
        let folder = tempfile::tempdir().unwrap();
        let cx = Cx::create(load.clone(), folder.path()).unwrap();
        let runtime = cx.runtime().build().unwrap();
        let requests = cx.requests(runtime.handle(), move |request| {
            let answers = handler(request);
            async move { assert!(answers, "this request is lost on purpose") }
        });
        requests.unwrap().finish().unwrap();
        let (header, entries) =
            request_log::read(&folder.path().join(request_log::REQUESTS)).unwrap();
        (header, entries.map(Result::unwrap).collect())
    }

    #[test]
    fn every_request_is_sent_polled_and_answered_in_that_order() {
        let load = Load { rate: 1_000.0, warmup_ms: 50, duration_ms: 200, ..Load::DEFAULT };
        let (header, entries) = record(&load, |_| true);
        assert_eq!((header.scheduled, header.excluded, entries.len()), (250, 50, 250));
        assert!(header.closed_ns.is_some() && header.cpu_ns.is_some() && header.pacer.is_some());
        for entry in entries {
            let path =
                [Some(entry.intended_ns), entry.sent_ns, entry.first_poll_ns, entry.ended_ns];
            assert!(
                path.is_sorted() && path.iter().all(Option::is_some) && !entry.lost,
                "{entry:?}"
            );
        }
    }

    #[test]
    fn a_request_that_panics_is_lost_and_only_that_one() {
        let load = Load { rate: 500.0, warmup_ms: 20, duration_ms: 100, ..Load::DEFAULT };
        let (_, entries) = record(&load, |request| request.number % 10 != 3);
        assert_eq!(entries.iter().filter(|e| e.lost).count(), 6);
        assert!(
            entries
                .iter()
                .enumerate()
                .all(|(i, e)| e.lost == (i % 10 == 3) && e.ended_ns.is_some())
        );
    }

    #[test]
    fn a_stalled_runtime_neither_drops_a_request_nor_delays_its_sending() {
        let load = Load { rate: 1_000.0, warmup_ms: 0, duration_ms: 300, ..Load::DEFAULT };
        let (_, entries) = record(&load, |request| {
            if request.number == 50 {
                std::thread::sleep(Duration::from_millis(150)); // blocks the only worker
            }
            true
        });
        assert!(entries.iter().all(|e| e.sent_ns.is_some() && e.ended_ns.is_some()));
        let stall_ends = entries[50].ended_ns.unwrap();
        let sent_meanwhile =
            entries[51..].iter().filter(|e| e.sent_ns.unwrap() < stall_ends).count();
        assert!(sent_meanwhile > 20, "{sent_meanwhile} were sent while the runtime was blocked");
    }

    #[test]
    fn a_request_without_an_answer_stays_open_in_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let load =
            Load { rate: 100.0, warmup_ms: 0, duration_ms: 100, drain_ms: 1_000, ..Load::DEFAULT };
        let cx = Cx::create(load, folder.path()).unwrap();
        let runtime = cx.runtime().build().unwrap();
        let requests = cx.requests(runtime.handle(), |request| async move {
            if request.number == 4 {
                std::future::pending::<()>().await;
            }
        });
        requests.unwrap().finish().unwrap();
        drop(runtime); // drops the request, after the log was closed
        let (header, entries) =
            request_log::read(&folder.path().join(request_log::REQUESTS)).unwrap();
        let entries: Vec<Entry> = entries.map(Result::unwrap).collect();
        let after_the_end = |e: &Entry| e.ended_ns > header.closed_ns;
        assert_eq!(entries.iter().filter(|e| after_the_end(e)).count(), 1);
        assert!(after_the_end(&entries[4]));
    }

    #[test]
    fn a_load_that_is_stopped_sends_no_more_and_waits_for_sent_requests() {
        let folder = tempfile::tempdir().unwrap();
        let load = Load { rate: 1_000.0, warmup_ms: 0, duration_ms: 60_000, ..Load::DEFAULT };
        let cx = Cx::create(load, folder.path()).unwrap();
        let runtime = cx.runtime().build().unwrap();
        let mut requests = cx.requests(runtime.handle(), |_request| async {}).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        assert!(!requests.is_sent());
        requests.stop().unwrap();
        requests.finish().unwrap();
        let (header, entries) =
            request_log::read(&folder.path().join(request_log::REQUESTS)).unwrap();
        let entries: Vec<Entry> = entries.map(Result::unwrap).collect();
        let sent = entries.iter().filter(|e| e.sent_ns.is_some()).count();
        let stopped_ns = header.stopped_ns.unwrap();
        assert!((1..60_000).contains(&sent), "{sent}");
        assert!(
            entries[..sent].iter().all(|e| e.ended_ns.is_some() && e.intended_ns <= stopped_ns)
        );
        assert!(entries[sent..].iter().all(|e| e.sent_ns.is_none()));
    }

    #[test]
    fn an_error_is_an_answer() {
        let folder = tempfile::tempdir().unwrap();
        let load = Load { rate: 100.0, warmup_ms: 0, duration_ms: 100, ..Load::DEFAULT };
        let cx = Cx::create(load, folder.path()).unwrap();
        let runtime = cx.runtime().build().unwrap();
        let odd = |request: Request| async move {
            if request.number % 2 == 1 { Err("odd") } else { Ok(()) }
        };
        cx.requests(runtime.handle(), odd).unwrap().finish().unwrap();
        let (_, entries) = request_log::read(&folder.path().join(request_log::REQUESTS)).unwrap();
        assert!(
            entries
                .map(Result::unwrap)
                .enumerate()
                .all(|(number, e)| e.error == (number % 2 == 1) && !e.lost)
        );
    }

    #[test]
    fn a_quiet_run_records_its_requests_and_no_floor() {
        let folder = tempfile::tempdir().unwrap();
        let load = Load { rate: 100.0, warmup_ms: 0, duration_ms: 100, ..Load::DEFAULT };
        let cx = Cx::create(load, folder.path()).unwrap().quiet();
        let runtime = cx.runtime().build().unwrap();
        cx.requests(runtime.handle(), |_request| async {}).unwrap().finish().unwrap();
        let (_, entries) = request_log::read(&folder.path().join(request_log::REQUESTS)).unwrap();
        assert_eq!(entries.map(Result::unwrap).filter(|e| e.ended_ns.is_some()).count(), 10);
        assert!(!folder.path().join(request_log::FLOOR).exists());
    }

    /// A profiler that notes when it is called, in words.
    #[derive(Debug, Default)]
    struct Moments(Mutex<Vec<&'static str>>);

    impl Moments {
        fn note(&self, moment: &'static str) {
            self.0.lock().unwrap().push(moment);
        }
    }

    impl ProfilerHooks for Moments {
        fn runtime(&self, _builder: &mut Builder) {
            self.note("runtime");
        }

        fn build(&self, mut builder: Builder) -> io::Result<Runtime> {
            self.note("build");
            builder.build()
        }

        fn begin(&self) {
            self.note("begin");
        }

        fn first_part_ends(&self) {
            self.note("first part ends");
        }

        fn load_ends(&self) {
            self.note("load ends");
        }
    }

    #[test]
    fn a_profiler_is_called_after_a_sixth_and_before_the_variant_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let load = Load { rate: 200.0, warmup_ms: 20, duration_ms: 600, ..Load::DEFAULT };
        let moments = Arc::new(Moments::default());
        let cx = Cx::create(load, folder.path()).unwrap().profiled(moments.clone());
        let runtime = cx.build(cx.runtime()).unwrap();
        let requests = cx.requests(runtime.handle(), |_request| async {}).unwrap();
        requests.finish().unwrap();
        let moments = moments.0.lock().unwrap();
        assert_eq!(*moments, ["runtime", "build", "begin", "first part ends", "load ends"]);
    }

    #[test]
    fn a_batch_begins_and_has_no_other_moment() {
        let folder = tempfile::tempdir().unwrap();
        let moments = Arc::new(Moments::default());
        let cx = Cx::create(Load::BATCH, folder.path()).unwrap().profiled(moments.clone());
        cx.batch(1).unwrap();
        assert_eq!(*moments.0.lock().unwrap(), ["begin"]);
    }

    #[test]
    fn a_folder_takes_one_recording() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Cx::create(Load::DEFAULT, folder.path()).unwrap();
        assert!(Cx::create(Load::DEFAULT, folder.path()).is_err());
    }
}
