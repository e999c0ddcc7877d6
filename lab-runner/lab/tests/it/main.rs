//! The integration tests of the lab and of the harness, in one binary: each further one would cost
//! a build of its own.
//!
//! * [`load`] starts runs: a real child under real load. Endings, counts and texts are asserted,
//!   never speed. All but [`load::child`] take minutes together and are ignored unless asked for.
//! * [`plain`] starts none: refusals, plans, documents, recordings that are checked in, and
//!   recorders on runtimes in this process.
//!
//! ```console
//! $ cargo test -p lab                     # all that take a moment
//! $ cargo test -p lab -- --ignored        # those under load, seven minutes
//! $ cargo test -p lab plain::             # one kind
//! $ cargo test -p lab load::child::       # one module, here load/child.rs
//! ```
//!
//! The programs of `fixtures/` are built beside this one; cargo does that, no test does.

mod support;

mod load {
    mod blocking;
    mod child;
    mod compare;
    mod damaged;
    mod doctor;
    mod export;
    mod findings;
    mod greedy;
    mod leak;
    mod limits;
    mod overhead;
    mod pack;
    mod page;
    mod post_mortem;
    mod profiler_alloc;
    mod profiler_cpu;
    mod profiler_overhead;
    mod profiler_sched;
    mod profiler_spans;
    mod profilers;
    mod recorded;
    mod reported;
    mod score;
    mod shutdown;
    mod signals;
    mod unordered;
    mod verify;
}

mod plain {
    mod dry_run;
    mod exercise;
    mod export;
    mod habits;
    mod hostile;
    mod papers;
    mod scenarios;
    mod sched;
    mod stall;
    mod structure;
    mod wrong_input;
}
