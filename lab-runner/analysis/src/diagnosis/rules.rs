//! The rules as data: the signs that a suspect must show for a cause, the reason of each limit,
//! and the refutation. The first rule whose limits are all met names the cause.

use crate::diagnosis::sign::Sign;
use crate::diagnosis::suspect::Suspicion;
use lab_recording::Cause;

/// The rule for a cause.
#[derive(Debug)]
pub struct Rule {
    /// The cause.
    pub cause: Cause,
    /// The kind of suspects it applies to.
    pub of: Suspicion,
    /// The limits that all must be met.
    pub when: &'static [Limit],
    /// The observation that would refute the finding.
    pub refuted_by: &'static str,
    /// The remedy, in the imperative.
    pub remedy: &'static str,
    /// The chapter of the book.
    pub chapter: &'static str,
}

/// A lower limit on a sign.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The sign.
    pub sign: Sign,
    /// The smallest value that meets it.
    pub least: f64,
    /// The reason for the value.
    pub why: &'static str,
}

const fn limit(sign: Sign, least: f64, why: &'static str) -> Limit {
    Limit { sign, least, why }
}

const MOSTLY: &str = "more than half: everything else in these polls explains less";
/// A tenth of a second, which people notice, in milliseconds.
pub const NOTICED_MS: f64 = 100.0;
/// A poll of so many milliseconds is long.
pub const LONG_MS: f64 = 10.0;
/// So many waits are more than chance.
pub const OFTEN_WAITS: f64 = 5.0;
/// The growth of memory after the first sixth of the load that is no warm-up.
pub const GROWN: f64 = 1.3;
/// Bytes that remain per operation of a leak.
pub const BYTES_PER_OP: f64 = 64.0;
/// The reason for a sign that is present or absent.
pub const ONCE: &str = "a fact, without a threshold";

const GIVE_WAY: &str = "yield after a slice of time (a millisecond, not a number of items), or \
                        move the work to spawn_blocking";
const WAITS_WITHOUT_IT: &str = "the same tasks wait as long in a run without this function";
const SPAWN_OR_BOUND: &str = "spawn each item into a JoinSet and await that, or bound what is \
                              polled at a time: buffer_unordered(64)";

const LONG: Limit = limit(
    Sign::LongestPollMs,
    LONG_MS,
    "a thousand times the limit between two awaits in tokio's documentation, and twice the time \
     slice of a kernel",
);
const HARMS: Limit = limit(
    Sign::InflictedMeanMs,
    1.0,
    "polls of a healthy service take tens of microseconds; a millisecond is the time of a hundred \
     of them",
);
const OFTEN: Limit =
    limit(Sign::InflictedWaits, OFTEN_WAITS, "a few waits are long by chance, on a busy host");
const EXPLAINS: Limit =
    limit(Sign::InflictedShare, 0.05, "a smaller share of all waiting does not explain it");

const STUCK_MS: Limit = limit(
    Sign::StuckMs,
    1_000.0,
    "a lock that is handed on, or a channel that is served, ends a wait more often; the run waits \
     for its last answers at the end",
);
const IDLE: Limit = limit(
    Sign::Asleep,
    0.5,
    "workers that are in polls for longer may be what the requests wait for",
);

const GO_BACK: Limit =
    limit(Sign::GoBack, 0.9, "a task that ends, or goes on, was woken for a reason");
const POLLS_PER_US: Limit = limit(
    Sign::PollsPerUs,
    1.0,
    "a poll that does a piece of work takes longer, however often the task yields",
);

const SPIN_SHARE: Limit =
    limit(Sign::SpinShare, 0.25, "a smaller share of a worker is not worth a fix");

/// All rules, in the order in which they are tried on a suspect.
pub static RULES: &[Rule] = &[
    Rule {
        cause: Cause::SelfShutdown,
        of: Suspicion::Hang,
        when: &[limit(Sign::CycleWithRuntime, 1.0, ONCE)],
        refuted_by: "the thread that shuts the runtime down has no task or thread of \
                     that runtime below it",
        remedy: "shut the runtime down from outside: return it to the thread that built it, which \
                 drains it and gives shutdown_timeout a deadline",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::NeverYields,
        of: Suspicion::Hang,
        when: &[limit(Sign::WaitsForComputing, 1.0, ONCE)],
        refuted_by: "a later stack of the same thread is in no poll: then it was slow, \
                     not endless",
        remedy: "give the loop an await or a cancellation check, and shut the runtime down with \
                 shutdown_timeout",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::Deadlock,
        of: Suspicion::Hang,
        when: &[limit(Sign::Cycle, 1.0, ONCE)],
        refuted_by: "a member of the cycle can go on without the others: by a timeout, \
                     a cancellation, another sender",
        remedy: "take locks in one order everywhere, hold none across an await, and let no side of a channel wait for its own other side",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::Deadlock,
        of: Suspicion::Locked,
        when: &[
            limit(Sign::Locked, 1.0, ONCE),
            limit(
                Sign::LockedMs,
                1_000.0,
                "a lock that is held across a stall is released when the stall is over; after the \
                 last request nothing new takes it",
            ),
        ],
        refuted_by: "the holder of the lock is a thread outside of the runtime, and goes on",
        remedy: "hold no guard while the same lock is taken again, also in one expression: copy \
                 what is needed out of the guard; take several locks in one order everywhere",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::SelfShutdown,
        of: Suspicion::Refusal,
        when: &[limit(Sign::RuntimeRefused, 1.0, ONCE)],
        refuted_by: "the same panic has no task of the runtime below it in its stack",
        remedy: "shut the runtime down from outside: return it to the thread that built it",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::SelfShutdown,
        of: Suspicion::StuckThread,
        when: &[limit(
            Sign::StoodMs,
            200.0,
            "a runtime whose tasks are drained shuts down within a few milliseconds; a thread \
             blocked fifty times longer is waiting for itself",
        )],
        refuted_by: "another thread of the runtime was busy for all of that time",
        remedy: "shut the runtime down from outside of its own threads; inside, shutdown_timeout \
                 always takes the whole deadline",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::SelfShutdown,
        of: Suspicion::Polls,
        when: &[LONG, limit(Sign::EndsRuntime, 0.5, MOSTLY)],
        refuted_by: "the stack shuts down another runtime than the task's",
        remedy: "shut the runtime down from outside; block_in_place avoids the panic and keeps \
                 the wait",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::LockAcrossStall,
        of: Suspicion::Polls,
        when: &[LONG, limit(Sign::AtLock, 0.5, MOSTLY)],
        refuted_by: "the holder keeps the lock for microseconds: then the queue is \
                     long, not the critical section",
        remedy: "do the blocking work before the lock is taken or after it is released; a lock \
                 held across a stall blocks every thread that takes it",
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
                "a poll should not block in a system call; on a busy host, short calls lose a few \
                 time slices",
            ),
        ],
        refuted_by: "the wait channel shows the thread runnable: then it waited for a CPU core",
        remedy: "await tokio's type for the file, socket or timer instead; or use spawn_blocking \
                 where there is nothing to await",
        chapter: "blocking",
    },
    Rule {
        cause: Cause::NeverYields,
        of: Suspicion::Polls,
        when: &[
            LONG,
            limit(Sign::Computes, 0.5, MOSTLY),
            limit(Sign::OpenShare, 0.9, "what began later may only be long"),
        ],
        refuted_by: "the poll ends by itself when its work is done",
        remedy: "give the loop an await of what it waits for, or a thread of its own",
        chapter: "greedy",
    },
    Rule {
        cause: Cause::DriverStarvation,
        of: Suspicion::Polls,
        when: &[
            LONG,
            limit(Sign::Computes, 0.5, MOSTLY),
            limit(
                Sign::AsleepBeside,
                0.5,
                "a sleeping worker takes what another one queues within microseconds",
            ),
            HARMS,
            OFTEN,
            EXPLAINS,
        ],
        refuted_by: "a thread that wakes any task of the runtime every few milliseconds changes \
                     nothing",
        remedy: "move the work to spawn_blocking: of several workers one looks for input, and in a \
                 long poll it does not; enable_eager_driver_handoff (unstable) hands that on",
        chapter: "scheduling",
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
                "a task that yields dozens of times is cooperative; one that does a fifth of its \
                 work in one poll yields too late",
            ),
            HARMS,
            OFTEN,
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
            LONG,
            limit(Sign::Computes, 0.5, MOSTLY),
            limit(
                Sign::LongShare,
                0.1,
                "the longest of many short polls, which is long by chance, is a small part of them",
            ),
            limit(
                Sign::OverService,
                10.0,
                "a task that waits for a poll like its own waits its turn; ten of its own polls are \
                 more than a turn",
            ),
            HARMS,
            OFTEN,
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
            LONG,
            limit(Sign::Computes, 0.5, MOSTLY),
            limit(
                Sign::OpenShare,
                0.5,
                "half of the load is too long whether somebody waits or not",
            ),
        ],
        refuted_by: "nothing else ever has to run on its worker",
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
                "people notice a tenth of a second (Nielsen 1993)",
            ),
            limit(Sign::Computes, 0.5, MOSTLY),
            HARMS,
            OFTEN,
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
                "a set bounded to 1 024 items, more than usual, polls each up to 8 times: 1 024 \
                 items for each budget of 128",
            ),
            limit(Sign::Combines, 0.25, "a smaller share is not worth a fix"),
        ],
        refuted_by: "twice the items take the same number of polls each",
        remedy: SPAWN_OR_BOUND,
        chapter: "unordered",
    },
    Rule {
        cause: Cause::QuadraticCombinator,
        of: Suspicion::Sets,
        when: &[
            limit(Sign::Combines, 0.25, "a smaller share is not worth a fix"),
            limit(
                Sign::TurnsAway,
                0.04,
                "a set that polls only ready items spends no time on others; samples show less \
                 than this by chance",
            ),
            limit(Sign::SpentPolls, 20.0, "a set that spends few budgets is small"),
            limit(
                Sign::PerBudgetMs,
                0.3,
                "128 ready operations take tens of microseconds; the rest is spent on items that \
                 are not ready",
            ),
        ],
        refuted_by: "twice the items take twice the time: then each item is costly, \
                     not their number",
        remedy: SPAWN_OR_BOUND,
        chapter: "unordered",
    },
    Rule {
        cause: Cause::QuadraticCombinator,
        of: Suspicion::Sets,
        when: &[
            limit(Sign::Combines, 0.25, "a smaller share is not worth a fix"),
            limit(
                Sign::CrowdedPolls,
                128.0,
                "a set that is awaited once as a whole is polled a few times",
            ),
            limit(
                Sign::LeavesPerPoll,
                128.0,
                "each poll is for the few that are ready; a bounded set has few others",
            ),
        ],
        refuted_by: "twice the items take the same number of polls each",
        remedy: SPAWN_OR_BOUND,
        chapter: "unordered",
    },
    Rule {
        cause: Cause::PoolDeadlock,
        of: Suspicion::Pool,
        when: &[
            limit(Sign::PoolWaits, 1.0, "one thread that goes on takes the next job"),
            limit(
                Sign::PoolWaitsMs,
                1_000.0,
                "a job that waits for another one of the same pool waits for ever; the run waits \
                 for its last answers at the end",
            ),
        ],
        refuted_by: "what these jobs wait for is done by a thread outside of the pool",
        remedy: "never wait on a thread of the pool for work that needs the pool: await it in the \
                 task, and hand the rest over afterwards",
        chapter: "blocking",
    },
    Rule {
        cause: Cause::PoolExhausted,
        of: Suspicion::Pool,
        when: &[limit(
            Sign::QueuedMs,
            60.0,
            "a pool below its limit starts a thread within a millisecond; this is three readings \
             in a row",
        )],
        refuted_by: "a wider pool has as long a queue under the same load",
        remedy: "raise max_blocking_threads above the number of calls that may block at a time, \
                 or bound the calls and give those that block threads of their own",
        chapter: "blocking",
    },
    Rule {
        cause: Cause::Futurelock,
        of: Suspicion::Waits,
        when: &[limit(Sign::Unpolled, 1.0, ONCE), STUCK_MS, IDLE],
        refuted_by: "the part that is ready is polled again, or dropped",
        remedy: "poll the future that waits for the lock until it is done, or drop it, before the \
                 task awaits the same lock again: spawn it, or take the lock inside one future",
        chapter: "await",
    },
    Rule {
        cause: Cause::StuckTasks,
        of: Suspicion::Waits,
        when: &[limit(Sign::Stuck, 1.0, ONCE), STUCK_MS, IDLE],
        refuted_by: "the same requests are answered when the run waits longer",
        remedy: "find the code that should end this await: the release of the lock, the send, the \
                 notification; hold no lock across an await of the same lock",
        chapter: "await",
    },
    Rule {
        cause: Cause::StarvedInTask,
        of: Suspicion::Starved,
        when: &[
            limit(
                Sign::StarvedMeanMs,
                5.0,
                "a task that is woken is polled within a few milliseconds on a busy worker",
            ),
            limit(Sign::StarvedShare, 0.1, "a smaller share does not explain a slow request"),
        ],
        refuted_by: "the parts are results, with no work left in them",
        remedy: "spawn each part as a task of its own, so that it goes on while this task awaits \
                 something else",
        chapter: "await",
    },
    Rule {
        cause: Cause::WakeStorm,
        of: Suspicion::Spins,
        when: &[
            limit(
                Sign::WokenTasks,
                100.0,
                "a request wakes the tasks behind it: a few, seldom a hundred",
            ),
            GO_BACK,
            POLLS_PER_US,
            limit(Sign::SpinShare, 0.1, "a smaller share of a worker is not worth a fix"),
        ],
        refuted_by: "each of these tasks has something to do when it is woken",
        remedy: "wake one task that can go on: notify_one in place of notify_waiters, a channel for \
                 each waiter, or a semaphore; or let the tasks wait for what concerns them alone",
        chapter: "method",
    },
    Rule {
        cause: Cause::BusyLoop,
        of: Suspicion::Spins,
        when: &[
            limit(
                Sign::PollsPerRequest,
                1_000.0,
                "an answered request wakes the tasks behind it a few times; a thousand polls have \
                 no event each",
            ),
            GO_BACK,
            POLLS_PER_US,
            SPIN_SHARE,
        ],
        refuted_by: "each poll of the task follows an event of its own: a packet, a message, a tick",
        remedy: "await the event itself, with a waker: recv() in place of try_recv() and yield_now()",
        chapter: "await",
    },
    // What is awaited is ready, again and again: the budget ends each poll.
    Rule {
        cause: Cause::BusyLoop,
        of: Suspicion::Spins,
        when: &[
            limit(
                Sign::SpentShare,
                0.9,
                "a task that takes messages waits for more when it has taken them all",
            ),
            limit(
                Sign::OpsPerRequest,
                20_000.0,
                "messages come for a reason: a request is not behind tens of thousands",
            ),
            limit(
                Sign::OpsPerUs,
                1.0,
                "an operation behind which there is a piece of work takes longer",
            ),
            GO_BACK,
            SPIN_SHARE,
        ],
        refuted_by: "the task takes messages out of a channel all the time, and there are as many",
        remedy: "look for a future that is ready for ever, such as changed() or recv() of a channel \
                 whose senders are gone: leave the loop, or switch its arm of the select! off",
        chapter: "await",
    },
    Rule {
        cause: Cause::StackOverflow,
        of: Suspicion::Crash,
        when: &[limit(Sign::StackFull, 1.0, ONCE)],
        refuted_by: "the same code runs on a stack of the same size without a future of this size",
        remedy: "keep what is large on the heap: a Vec or a Box in place of an array that lives \
                 across an await, and Box::pin for a large future; thread_stack_size only moves the \
                 limit",
        chapter: "method",
    },
    Rule {
        cause: Cause::Panic,
        of: Suspicion::Panic,
        when: &[limit(
            Sign::Panics,
            1.0,
            "tokio catches the panic of a task: the task ends, and only its JoinHandle reports \
             the panic",
        )],
        refuted_by: "its JoinHandle is awaited and its error handled: then the program \
                     reports an error by a panic",
        remedy: "fix the panic, or return an error as the answer of the request; await the \
                 JoinHandle to handle it",
        chapter: "method",
    },
    Rule {
        cause: Cause::AbortedWork,
        of: Suspicion::Lost,
        when: &[limit(Sign::CutOff, 1.0, "every accepted request must be answered")],
        refuted_by: "each of them got an error answer: then they were rejected, not dropped",
        remedy: "stop accepting first, then wait for the accepted requests, with a deadline, and \
                 only then shut the runtime down",
        chapter: "shutdown",
    },
    Rule {
        cause: Cause::Leak,
        of: Suspicion::Memory,
        when: &[
            limit(
                Sign::Grown,
                GROWN,
                "caches and buffers are full after the first sixth of the load; a third more is \
                 not warm-up",
            ),
            limit(
                Sign::GrowingSixths,
                5.0,
                "a cache or a backlog stops growing during the load; a sixth with less than a \
                 quarter of the mean growth up to it does not count",
            ),
            limit(
                Sign::BytesPerOp,
                BYTES_PER_OP,
                "a cache line per operation: less may be the allocator's own memory",
            ),
        ],
        refuted_by: "memory levels off in a longer run",
        remedy: "find the owner of what this function allocates (the view `alloc growth` has the \
                 stacks), and the code that should remove an entry there or end a task",
        chapter: "leak",
    },
    Rule {
        cause: Cause::HostNoise,
        of: Suspicion::Machine,
        when: &[limit(
            Sign::Stolen,
            0.1,
            "clock ticks and daemons of a host take less than a tenth",
        )],
        refuted_by: "the result is the same on an otherwise idle host",
        remedy: "repeat it on an otherwise idle host; lab doctor measures host noise",
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
                "threads that share a core wait for a time slice at times; the mean stays below a \
                 millisecond",
            ),
        ],
        refuted_by: "the result is the same with fewer workers than cores",
        remedy: "repeat it on an otherwise idle host, or with fewer workers; lab doctor measures \
                 host noise",
        chapter: "method",
    },
    Rule {
        cause: Cause::HostNoise,
        of: Suspicion::Machine,
        when: &[limit(Sign::PacerFailed, 1.0, ONCE)],
        refuted_by: "the run is valid",
        remedy: "lower the rate, or repeat it on an otherwise idle host",
        chapter: "method",
    },
    Rule {
        cause: Cause::Overload,
        of: Suspicion::Load,
        when: &[
            limit(Sign::Unanswered, 1.0, "the run waits for answers after the last request"),
            limit(Sign::Busy, 0.8, "with less, the workers are not the limit: another resource is"),
        ],
        refuted_by: "as many requests have no answer in a run with more workers",
        remedy: "lower the rate, do less per request, or add workers; then repeat",
        chapter: "method",
    },
    // All are answered in the end, because the load ends.
    Rule {
        cause: Cause::Overload,
        of: Suspicion::Load,
        when: &[
            limit(Sign::Busy, 0.9, "with less, a worker is free for the next request now and then"),
            limit(
                Sign::ForWorkerMs,
                10.0,
                "people notice it; where the workers suffice, a request waits for a few short \
                 polls of others",
            ),
        ],
        refuted_by: "requests wait as long at half the rate",
        remedy: "lower the rate, do less per request, or add workers; then repeat",
        chapter: "method",
    },
];
