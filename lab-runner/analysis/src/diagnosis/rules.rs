//! The rules: which signs a suspect must show for a cause, why each number is what it is, and what would refute it. Data alone; the
//! first rule that all signs meet names the cause.

use crate::diagnosis::sign::Sign;
use crate::diagnosis::suspect::Suspicion;
use lab_recording::Cause;

/// How a cause is told.
#[derive(Debug)]
pub struct Rule {
    /// The cause.
    pub cause: Cause,
    /// The suspects that it is about.
    pub of: Suspicion,
    /// What they must show.
    pub when: &'static [Limit],
    /// What would show that it is something else.
    pub refuted_by: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// The chapter of the book.
    pub chapter: &'static str,
}

/// What a sign must keep.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The sign.
    pub sign: Sign,
    /// It must be at least this.
    pub least: f64,
    /// Why this much.
    pub why: &'static str,
}

const fn limit(sign: Sign, least: f64, why: &'static str) -> Limit {
    Limit { sign, least, why }
}

const MOSTLY: &str = "more than half: what else these polls do explains less";
/// A tenth of a second is what people notice.
pub const NOTICED_MS: f64 = 100.0;
/// The reason of a sign that is there or is not.
pub const ONCE: &str = "it is so, or it is not";

const GIVE_WAY: &str =
    "give way after a slice of time (a millisecond, not a number of items), or hand the work to spawn_blocking";
const WAITS_WITHOUT_IT: &str = "a run without this function in which the same tasks wait as long";
const SPAWN_OR_BOUND: &str =
    "spawn each piece into a JoinSet and await that, or bound what is polled at a time: buffer_unordered(64)";

const LONG: Limit = limit(
    Sign::LongestPollMs,
    10.0,
    "a thousand times what tokio's documentation advises between two awaits, and twice the slice that a kernel gives a thread",
);
const HARMS: Limit = limit(
    Sign::InflictedMeanMs,
    1.0,
    "tasks of a healthy service queue behind polls of tens of microseconds; a millisecond is a hundred of those",
);
const EXPLAINS: Limit =
    limit(Sign::InflictedShare, 0.05, "a smaller part of all waiting does not explain it: twenty of that size would");

/// All rules, in the order in which they are tried on a suspect.
pub static RULES: &[Rule] = &[
    Rule {
        cause: Cause::SelfShutdown,
        of: Suspicion::Hang,
        when: &[limit(Sign::CycleWithRuntime, 1.0, ONCE)],
        refuted_by: "a stack of the thread that ends the runtime without a task or a thread of that runtime below it",
        remedy: "end the runtime from outside: hand it back to the thread that made it, which drains it and gives shutdown_timeout a deadline",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::NeverYields,
        of: Suspicion::Hang,
        when: &[limit(Sign::WaitsForComputing, 1.0, ONCE)],
        refuted_by: "a later look that finds the same thread in no poll: it was slow, and not endless",
        remedy: "give the loop an await or a cancellation to look at, and end the runtime with shutdown_timeout",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::Deadlock,
        of: Suspicion::Hang,
        when: &[limit(Sign::Cycle, 1.0, ONCE)],
        refuted_by: "a party of the cycle that can go on without the others: a timeout, a cancellation, another sender",
        remedy: "take locks in one order everywhere, hold none across an await, and let no side of a channel wait for its own other side",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::SelfShutdown,
        of: Suspicion::Refusal,
        when: &[limit(Sign::Refused, 1.0, ONCE)],
        refuted_by: "the same panic with no task of the runtime below it in the stack",
        remedy: "end the runtime from outside: hand it back to the thread that made it",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::SelfShutdown,
        of: Suspicion::StuckThread,
        when: &[limit(
            Sign::StoodMs,
            200.0,
            "a runtime whose tasks are drained ends within a few milliseconds; who stands there for fifty times that waits for himself",
        )],
        refuted_by: "another thread of the runtime that was busy all that time and ended just then",
        remedy: "end the runtime from outside of its own threads; shutdown_timeout in there always takes the whole deadline",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::SelfShutdown,
        of: Suspicion::Polls,
        when: &[LONG, limit(Sign::EndsRuntime, 0.5, MOSTLY)],
        refuted_by: "a stack in which the runtime that is ended is another one than that whose task it is",
        remedy: "end the runtime from outside; block_in_place silences the panic and keeps the wait",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::LockAcrossStall,
        of: Suspicion::Polls,
        when: &[LONG, limit(Sign::AtLock, 0.5, MOSTLY)],
        refuted_by: "a holder that keeps the lock for microseconds: then the queue for it is long, and not its tenure",
        remedy: "do what stalls before the lock is taken or after it is given back; a lock held across a stall stalls whoever asks for it",
        chapter: "blocking",
    },
    Rule {
        cause: Cause::BlockingCall,
        of: Suspicion::Polls,
        when: &[
            LONG,
            limit(Sign::InKernel, 0.5, MOSTLY),
            limit(
                Sign::InKernelMs,
                40.0,
                "a poll should wait in no system call; what a busy machine takes away inside of short ones stays below some slices",
            ),
        ],
        refuted_by: "a wait channel that says the thread was runnable: then it had no core, and waited for nothing",
        remedy: "await it instead, by what tokio has for files, sockets and timers; or spawn_blocking where there is nothing to await",
        chapter: "blocking",
    },
    Rule {
        cause: Cause::LongPoll,
        of: Suspicion::Polls,
        when: &[
            LONG,
            limit(Sign::Computes, 0.5, MOSTLY),
            limit(
                Sign::ShareOfTask,
                0.2,
                "a task that gives way dozens of times has chosen its slice; one that does a fifth of its work at a time gives way too late",
            ),
            HARMS,
            EXPLAINS,
        ],
        refuted_by: WAITS_WITHOUT_IT,
        remedy: GIVE_WAY,
        chapter: "greedy",
    },
    Rule {
        cause: Cause::LongPoll,
        of: Suspicion::Polls,
        when: &[
            limit(
                Sign::LongestPollMs,
                NOTICED_MS,
                "a tenth of a second is what people notice (Nielsen 1993), however often the task gives way",
            ),
            limit(Sign::Computes, 0.5, MOSTLY),
            HARMS,
            EXPLAINS,
        ],
        refuted_by: WAITS_WITHOUT_IT,
        remedy: GIVE_WAY,
        chapter: "greedy",
    },
    Rule {
        cause: Cause::QuadraticCombinator,
        of: Suspicion::Sets,
        when: &[
            limit(
                Sign::PollsPerPiece,
                10.0,
                "a bound of 1 024, wider than people choose, makes up to 8: 1 024 pieces for each budget of 128",
            ),
            limit(Sign::Combines, 0.25, "less of its time would not be worth mending"),
        ],
        refuted_by: "twice the pieces and the same number of polls of each",
        remedy: SPAWN_OR_BOUND,
        chapter: "unordered",
    },
    Rule {
        cause: Cause::QuadraticCombinator,
        of: Suspicion::Sets,
        when: &[
            limit(Sign::Combines, 0.25, "less of its time would not be worth mending"),
            limit(
                Sign::TurnsAway,
                0.04,
                "a set that is polled when something is ready turns nothing away; samples hit that by chance at most",
            ),
            limit(Sign::SpentPolls, 20.0, "a set that spends a few budgets is small, whatever it does with them"),
            limit(
                Sign::PerBudgetMs,
                0.3,
                "128 operations that are ready take some tens of microseconds of the set's time; several times that goes into those turned away",
            ),
        ],
        refuted_by: "twice the pieces and twice the time: then each piece is costly, and not their number",
        remedy: SPAWN_OR_BOUND,
        chapter: "unordered",
    },
    Rule {
        cause: Cause::PoolExhausted,
        of: Suspicion::Pool,
        when: &[limit(
            Sign::QueuedMs,
            60.0,
            "a pool that may grow starts a thread within a millisecond; three looks in a row are no start of a thread",
        )],
        refuted_by: "a wider pool under the same load whose queue is as long",
        remedy: "raise max_blocking_threads above what may stall at a time, or bound what is handed over and give what stalls threads of its own",
        chapter: "blocking",
    },
    Rule {
        cause: Cause::Panic,
        of: Suspicion::Panic,
        when: &[limit(Sign::Panics, 1.0, "tokio catches the panic of a task: the task is gone, and nobody else is told")],
        refuted_by: "a JoinHandle that is awaited and whose error is handled: then the panic is how this program reports an error",
        remedy: "mend what panics, or return an error where the request can be answered with one; await the JoinHandle to hear of it",
        chapter: "method",
    },
    Rule {
        cause: Cause::AbortedWork,
        of: Suspicion::Lost,
        when: &[limit(Sign::CutOff, 1.0, "accepted is accepted")],
        refuted_by: "an answer that says no to each of them: then they were refused, and not cut off",
        remedy: "stop accepting first, then wait for what was accepted, with a deadline, and only then end the runtime",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::Leak,
        of: Suspicion::Memory,
        when: &[
            limit(Sign::Grown, 1.3, "caches and buffers are warm after the first sixth; a third more is no warming up"),
            limit(Sign::GrowingSixths, 5.0, "what is a cache or a backlog stops growing at some time in the load"),
            limit(
                Sign::BytesPerOp,
                64.0,
                "a cache line for each operation: less is lost in what the allocator keeps for itself",
            ),
        ],
        refuted_by: "a longer run in which memory levels off",
        remedy: "find who keeps it: the stacks of the view `alloc live` at the end of the run, and what removes an entry there",
        chapter: "leak",
    },
    Rule {
        cause: Cause::HostNoise,
        of: Suspicion::Machine,
        when: &[limit(Sign::Stolen, 0.1, "a tenth of the machine is more than its own clock ticks and daemons take")],
        refuted_by: "the same on a machine of one's own",
        remedy: "repeat it where nobody else computes; lab doctor tells how noisy a machine is",
        chapter: "method",
    },
    Rule {
        cause: Cause::HostNoise,
        of: Suspicion::Machine,
        when: &[
            limit(Sign::NoCore, 0.5, MOSTLY),
            limit(
                Sign::InflictedMeanMs,
                1.0,
                "threads that share a core wait for a slice now and then; a millisecond in the mean is no now and then",
            ),
        ],
        refuted_by: "the same with fewer workers than cores",
        remedy: "repeat it where nobody else computes, or with fewer workers; lab doctor tells how noisy a machine is",
        chapter: "method",
    },
    Rule {
        cause: Cause::HostNoise,
        of: Suspicion::Machine,
        when: &[limit(Sign::PacerFailed, 1.0, ONCE)],
        refuted_by: "a valid run",
        remedy: "ask for less, or repeat it where nobody else computes",
        chapter: "method",
    },
    Rule {
        cause: Cause::Overload,
        of: Suspicion::Load,
        when: &[
            limit(Sign::Unanswered, 1.0, "the run waits for answers a good while after the last request"),
            limit(
                Sign::Busy,
                0.8,
                "workers that are inside polls for less have time left: then something else is short",
            ),
        ],
        refuted_by: "a run with more workers in which as many requests have no answer",
        remedy: "ask for less, do less for each request, or add workers; then repeat",
        chapter: "method",
    },
];
