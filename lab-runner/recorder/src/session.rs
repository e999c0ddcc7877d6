//! The session of a profiler in the child: it starts after the warm-up, passes on the moments of the
//! load, and stops when the variant has returned. An error of the profiler is written into its status and never ends the run.

use crate::hooks::Hooks;
use crate::instrument::Instrument;
use crate::price::{self, Priced};
use crate::proc;
use lab_kit::{ProfilerHooks, clock};
use lab_recording::overhead::{Event, Overhead, OwnThread};
use lab_recording::profiler::{Profiler, ProfilerStatus};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Builder;

/// Name of the pacer's thread, whose CPU time is not the program's.
const PACER: &str = "lab-pacer";

/// A profiler of a run.
pub struct Session {
    folder: PathBuf,
    hooks: Hooks,
    state: Mutex<State>,
}

struct State {
    instrument: Box<dyn Instrument>,
    prices: Vec<Priced>,
    began: Option<Began>,
    started: Option<Result<(), String>>,
}

/// Clocks and counts at the start of the profiler.
struct Began {
    /// CPU time of the process.
    process_ns: u64,
    at_ns: u64,
    /// CPU time of the pacer.
    pacer_ns: Option<u64>,
    /// CPU time of the start and of later moments of the load, on the threads that call the profiler
    /// then.
    own_ns: u64,
    counted: Vec<(&'static str, u64)>,
}

impl Session {
    /// A session that has not started.
    pub fn new(profiler: Profiler, folder: &Path) -> Arc<Session> {
        let mut instrument = crate::profilers::new(profiler);
        let mut hooks = Hooks::default();
        instrument.hooks(&mut hooks);
        // Before any runtime exists: the cost of events is measured without the program.
        let prices = price::on_a_thread(|| instrument.prices(&hooks, folder));
        let prices =
            prices.unwrap_or_else(|why| vec![("events on the program's threads", Err(why))]);
        let state = Mutex::new(State { instrument, prices, began: None, started: None });
        Arc::new(Session { folder: folder.to_owned(), hooks, state })
    }

    /// Stops the profiler and writes its status and its overhead.
    ///
    /// # Errors
    /// If one of these files cannot be written.
    pub fn finish(&self) -> anyhow::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let status = match state.started.take() {
            Some(Ok(())) => {
                // Read before `stop`, whose work is after the run and not overhead of it.
                let used = state.used();
                let stopped = state.instrument.stop(&self.folder);
                used.map_or(Ok(()), |used| state.with_events(used).write(&self.folder))?;
                stopped.unwrap_or_else(|error| {
                    ProfilerStatus::unavailable(format!("the profile is lost: {error:#}"))
                })
            }
            Some(Err(why)) => ProfilerStatus::unavailable(why),
            None => {
                ProfilerStatus::unavailable("the run had no measured time, so nothing was profiled")
            }
        };
        status.write(&self.folder)
    }

    /// Calls a profiler that has started and has not stopped, and adds up the CPU time of the call.
    fn at_a_moment(&self, call: impl FnOnce(&mut dyn Instrument, &Path)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(state.started, Some(Ok(()))) {
            return;
        }
        let before_ns = clock::thread_cpu_ns();
        call(&mut *state.instrument, &self.folder);
        let took_ns = clock::thread_cpu_ns() - before_ns;
        state.began.iter_mut().for_each(|began| began.own_ns += took_ns);
    }
}

impl ProfilerHooks for Session {
    fn runtime(&self, builder: &mut Builder) {
        self.hooks.install(builder);
    }

    fn begin(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.started.is_none() {
            state.begin(&self.folder);
        }
    }

    fn first_part_ends(&self) {
        self.at_a_moment(|instrument, folder| instrument.first_part_ends(folder));
    }

    fn load_ends(&self) {
        self.at_a_moment(|instrument, folder| instrument.load_ends(folder));
    }
}

impl State {
    fn begin(&mut self, folder: &Path) {
        let pacer = proc::tids().into_iter().find(|tid| proc::name(*tid) == PACER);
        let (at_ns, process_ns, own_ns) =
            (clock::now_ns(), clock::process_cpu_ns(), clock::thread_cpu_ns());
        let counted = self.instrument.counted();
        self.started = Some(self.instrument.start(folder));
        let own_ns = clock::thread_cpu_ns() - own_ns;
        self.began = Some(Began {
            process_ns,
            at_ns,
            pacer_ns: pacer.and_then(proc::cpu_ns),
            own_ns,
            counted,
        });
    }

    /// CPU time since the start, of the process and of the profiler's threads; none if the profiler
    /// has not started.
    fn used(&self) -> Option<Overhead> {
        let began = self.began.as_ref()?;
        let process_ns = clock::process_cpu_ns() - began.process_ns;
        let (mut threads, mut missing) =
            (vec![OwnThread { name: "calls".into(), cpu_ns: began.own_ns }], Vec::new());
        let all: Vec<(i32, String)> =
            proc::tids().into_iter().map(|tid| (tid, proc::name(tid))).collect();
        for name in self.instrument.threads() {
            let cpu_ns =
                all.iter().find(|(_, known)| known == name).and_then(|(tid, _)| proc::cpu_ns(*tid));
            match cpu_ns {
                Some(cpu_ns) => threads.push(OwnThread { name: name.into(), cpu_ns }),
                None => missing
                    .push(format!("thread {name}: it has ended, or its CPU time is not available")),
            }
        }
        Some(Overhead {
            process_ns,
            wall_ns: clock::now_ns() - began.at_ns,
            pacer_before_ns: began.pacer_ns,
            threads,
            events: Vec::new(),
            missing,
        })
    }

    /// Adds the events on the threads of the program: counts since the start, with their costs.
    fn with_events(&self, mut used: Overhead) -> Overhead {
        let counts = self.instrument.counted();
        let find = |counts: &[(&str, u64)], wanted| {
            counts.iter().find(|(what, _)| *what == wanted).map(|(_, count)| *count)
        };
        for (what, price) in &self.prices {
            let before =
                self.began.as_ref().and_then(|began| find(&began.counted, *what)).unwrap_or(0);
            let count = find(&counts, *what).map(|count| count.saturating_sub(before));
            match (price, count) {
                (Ok(price), Some(count)) => {
                    used.events.push(Event { what: (*what).into(), count, price: *price })
                }
                (Ok(_), None) => used.missing.push(format!("{what}: not counted")),
                (Err(why), _) => used.missing.push(format!("{what}: {why}")),
            }
        }
        used
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("folder", &self.folder).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// How often each moment of a load reached a profiler.
    #[derive(Default)]
    struct Reached {
        first_part: AtomicUsize,
        load_end: AtomicUsize,
    }

    struct Counts(Arc<Reached>);

    impl Instrument for Counts {
        fn start(&mut self, _folder: &Path) -> Result<(), String> {
            Ok(())
        }

        fn first_part_ends(&mut self, _folder: &Path) {
            self.0.first_part.fetch_add(1, Ordering::Relaxed);
        }

        fn load_ends(&mut self, _folder: &Path) {
            self.0.load_end.fetch_add(1, Ordering::Relaxed);
        }

        fn stop(&mut self, _folder: &Path) -> anyhow::Result<ProfilerStatus> {
            Ok(ProfilerStatus::default())
        }
    }

    #[test]
    fn moments_reach_a_profiler_between_its_start_and_its_stop() {
        let folder = tempfile::tempdir().unwrap();
        let reached = Arc::new(Reached::default());
        let instrument = Box::new(Counts(Arc::clone(&reached)));
        let state = State { instrument, prices: Vec::new(), began: None, started: None };
        let (folder, hooks) = (folder.path().to_owned(), Hooks::default());
        let session = Session { folder, hooks, state: Mutex::new(state) };
        let counts = || {
            let Reached { first_part, load_end } = &*reached;
            (first_part.load(Ordering::Relaxed), load_end.load(Ordering::Relaxed))
        };
        session.first_part_ends();
        session.load_ends();
        assert_eq!(counts(), (0, 0), "it has not started");
        session.begin();
        session.first_part_ends();
        session.load_ends();
        assert_eq!(counts(), (1, 1));
        session.finish().unwrap();
        session.load_ends();
        assert_eq!(counts(), (1, 1), "it has stopped");
    }
}
