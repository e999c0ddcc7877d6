//! The half of the profilers that works in the child: started when the warm-up is over, stopped
//! when the variant has returned. An error of a profiler is written into its status and never ends
//! the run.

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

/// The thread that sends requests, which is no part of the program.
const PACER: &str = "lab-pacer";

/// A profiler that watches a run.
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

/// What had been used when it began to look.
struct Began {
    process_ns: u64,
    at_ns: u64,
    pacer_ns: Option<u64>,
    /// What beginning took, on the thread that did it.
    own_ns: u64,
    counted: Vec<(&'static str, u64)>,
}

impl Session {
    /// A session that has not started.
    pub fn new(profiler: Profiler, folder: &Path) -> Arc<Session> {
        let mut instrument = crate::profilers::new(profiler);
        let mut hooks = Hooks::default();
        instrument.hooks(&mut hooks);
        let prices = price::apart(|| instrument.prices(&hooks, folder));
        let prices =
            prices.unwrap_or_else(|why| vec![("what is done on the program's threads", Err(why))]);
        let state = Mutex::new(State { instrument, prices, began: None, started: None });
        Arc::new(Session { folder: folder.to_owned(), hooks, state })
    }

    /// Stops it and writes its note.
    pub fn finish(&self) -> anyhow::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let note = match state.started.take() {
            Some(Ok(())) => {
                // What it does from now on no longer touches the run.
                let used = state.used();
                let stopped = state.instrument.stop(&self.folder);
                used.map_or(Ok(()), |used| state.with_events(used).write(&self.folder))?;
                stopped.unwrap_or_else(|error| {
                    ProfilerStatus::unavailable(format!("what it saw is lost: {error:#}"))
                })
            }
            Some(Err(why)) => ProfilerStatus::unavailable(why),
            None => {
                ProfilerStatus::unavailable("the run had no measured time, so nothing was profiled")
            }
        };
        note.write(&self.folder)
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

    /// CPU time since it began; nothing if it did not.
    fn used(&self) -> Option<Overhead> {
        let began = self.began.as_ref()?;
        let process_ns = clock::process_cpu_ns() - began.process_ns;
        let (mut threads, mut missing) =
            (vec![OwnThread { name: "beginning".into(), cpu_ns: began.own_ns }], Vec::new());
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

    /// The same with what happened on the threads of the program.
    fn with_events(&self, mut used: Overhead) -> Overhead {
        let counts = self.instrument.counted();
        let of = |counts: &[(&str, u64)], wanted| {
            counts.iter().find(|(what, _)| *what == wanted).map(|(_, count)| *count)
        };
        for (what, price) in &self.prices {
            let before =
                self.began.as_ref().and_then(|began| of(&began.counted, *what)).unwrap_or(0);
            let count = of(&counts, *what).map(|count| count.saturating_sub(before));
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
