//! Faulty and healthy programs that no rule of the diagnosis was made for: a corpus to be scored
//! on. `cargo run --release --example strangers -- score`

use lab_kit::{Cause, Claim, Cx, Ending, Kind, Load, Scenario, Truth, Variant};
use std::process::ExitCode;

mod background;
mod boxed;
mod declared;
mod generic;
mod mixed;
mod plain;
mod waits;

#[global_allocator]
static COUNTING: lab_kit::alloc::Counting<lab_runner::Jemalloc> =
    lab_kit::alloc::Counting::over(lab_runner::Jemalloc);

const ENDS: &[Claim] = &[Claim::ending("it ends", Ending::Finished)];

const fn faulty(
    name: &'static str,
    about: &'static str,
    run: fn(&Cx) -> anyhow::Result<()>,
    truth: Truth,
) -> Variant {
    Variant::new(name, Kind::Trap, run).about(about).claims(ENDS).truth(truth)
}

const fn healthy(
    name: &'static str,
    about: &'static str,
    run: fn(&Cx) -> anyhow::Result<()>,
) -> Variant {
    Variant::new(name, Kind::Decoy, run).about(about).claims(ENDS)
}

static STRANGERS: Scenario = Scenario::new(
    "strangers",
    "services that somebody else wrote",
    &[
        Variant {
            kind: Kind::Buggy,
            ..faulty(
                "sleeps",
                "std's sleep in a background task",
                plain::sleeps,
                answer(Cause::BlockingCall, "strangers::plain::reload"),
            )
        },
        Variant {
            kind: Kind::Fixed,
            ..healthy("sleeps-async", "tokio's sleep in its place", plain::sleeps_async)
        },
        faulty(
            "sorts",
            "sorts a report in the handler of every hundredth request",
            plain::sorts,
            answer(Cause::LongPoll, "strangers::plain::report"),
        ),
        faulty(
            "resolves",
            "a channel of std is waited for in a task",
            plain::resolves,
            answer(Cause::BlockingCall, "strangers::plain::resolve"),
        ),
        faulty(
            "shared-map",
            "a lock that a thread keeps while it sleeps",
            plain::shared_map,
            answer(Cause::LockAcrossStall, "strangers::plain::look_up"),
        ),
        faulty(
            "fans-out",
            "join_all over thousands of permits in one handler",
            plain::fans_out,
            answer(Cause::QuadraticCombinator, "strangers::plain::broadcast"),
        ),
        faulty(
            "hands-off",
            "spawn_blocking for what stalls, on two threads",
            plain::hands_off,
            answer(Cause::PoolExhausted, "strangers::plain::thumbnail"),
        ),
        healthy("naps", "every handler awaits a timer", plain::naps),
        healthy("computes", "every handler computes for a tenth of a millisecond", plain::computes),
        healthy("offloads", "long computing on the blocking pool", plain::offloads),
        healthy("slices", "long computing that gives way", plain::slices),
        healthy("locks", "a lock that everybody takes and nobody keeps", plain::locks),
        faulty(
            "renders",
            "jobs of the blocking pool wait for jobs of the same pool",
            boxed::renders,
            answer(Cause::PoolDeadlock, "strangers::boxed::Renderer::render"),
        ),
        faulty(
            "adds-up",
            "a task that adds up for as long as the service lives, on two workers",
            boxed::adds_up,
            Truth::new(Cause::NeverYields, "strangers::boxed::Totals::keep_up"),
        ),
        faulty(
            "asks-itself",
            "a task that owns an account and sends itself a message",
            boxed::asks_itself,
            answer(Cause::StuckTasks, "strangers::boxed::Account::ask"),
        ),
        faulty(
            "selects",
            "select_all in a loop over thousands of tasks",
            generic::selects,
            answer(Cause::QuadraticCombinator, "strangers::generic::first_come"),
        ),
        faulty(
            "wakes-all",
            "a notification wakes two thousand sessions, and all go back to waiting",
            generic::wakes_all,
            // Those that wait, or the call that wakes them all.
            answer(Cause::WakeStorm, "strangers::generic"),
        ),
        faulty(
            "forgets",
            "sessions that nobody closes",
            generic::forgets,
            answer(Cause::Leak, "strangers::generic::Sessions::follow"),
        ),
        faulty(
            "rates",
            "a refresh that computes for 30 ms, four times a second",
            declared::rates::run,
            answer(Cause::LongPoll, "strangers::declared::rates::beside"),
        ),
        faulty(
            "eager",
            "a task that looks into its inbox whenever it can",
            declared::eager::run,
            answer(Cause::BusyLoop, "strangers::declared::eager::beside"),
        ),
        faulty(
            "ledger",
            "two locks of tokio, taken in two orders",
            declared::ledger::run,
            answer(Cause::StuckTasks, "strangers::declared::ledger::handle"),
        ),
        faulty(
            "flags",
            "a broadcast whose sender is gone is received from again and again",
            declared::flags::run,
            answer(Cause::BusyLoop, "strangers::declared::flags::beside"),
        ),
        healthy("renders-loaded", "short jobs on the same pool", boxed::renders_loaded),
        healthy("adds-up-outside", "a thread that adds up now and then", boxed::adds_up_outside),
        healthy("asks-others", "the same account, and nobody asks itself", boxed::asks_others),
        healthy("orders", "FuturesOrdered over a few shards", generic::orders),
        healthy("wakes-one", "a watch channel with eight sessions", generic::wakes_one),
        healthy("bursts", "a burst of two thousand short tasks, now and then", generic::bursts),
        healthy("pairs", "the refresh in slices of half a millisecond", declared::pairs::run),
        healthy("patient", "a task that is woken by its inbox", declared::patient::run),
        healthy("ordered", "two locks of tokio, taken in one order", declared::ordered::run),
        healthy("ticks", "half a million prices a second, added up", declared::ticks::run),
        faulty(
            "permits",
            "a limit whose permits are forgotten where a request fails",
            waits::permits,
            answer(Cause::StuckTasks, "strangers::waits::Limit::pass"),
        ),
        faulty(
            "logs",
            "a log whose writer stopped at an entry it did not understand",
            waits::logs,
            answer(Cause::StuckTasks, "strangers::waits::Log::append"),
        ),
        faulty(
            "orphaned",
            "a page cache whose loading entry stays where its first reader gave up",
            waits::orphaned,
            answer(Cause::StuckTasks, "strangers::waits::Pages::page"),
        ),
        faulty(
            "books",
            "a guard of a lock that is kept where the same lock is written",
            waits::books,
            answer(Cause::StuckTasks, "strangers::waits::Book::enter"),
        ),
        faulty(
            "nested",
            "a thread that is joined in a task",
            waits::nested,
            answer(Cause::BlockingCall, "strangers::waits::nested"),
        ),
        healthy("permits-back", "the same limit, and every permit comes back", waits::permits_back),
        healthy("gates", "a gate that opens again and again", waits::gates),
        healthy("batched", "work that is gathered for 20 ms", waits::batched),
        healthy("coalesced", "all wait for what the first one loads", waits::coalesced),
        faulty(
            "ring",
            "two stages that send to each other through bounded channels",
            mixed::ring,
            answer(Cause::StuckTasks, "strangers::mixed::Stages::submit"),
        ),
        faulty(
            "settings",
            "a cell that is filled by a future which reads it",
            mixed::settings,
            answer(Cause::StuckTasks, "strangers::mixed::Settings::region"),
        ),
        faulty(
            "registries",
            "two locks of std, taken in two orders on two workers",
            mixed::registries,
            Truth::new(Cause::Deadlock, "strangers::mixed::Registries"),
        ),
        faulty(
            "looks-at-all",
            "a future written by hand that polls four thousand receivers for each answer",
            mixed::looks_at_all,
            answer(Cause::Overload, "strangers::mixed::any_of"),
        ),
        faulty(
            "impatient",
            "a future written by hand that wakes itself until a flag is set",
            mixed::impatient,
            answer(Cause::BusyLoop, "strangers::mixed::impatient"),
        ),
        faulty(
            "bridges",
            "a trait without async functions, implemented by a thread that is joined",
            mixed::bridges,
            answer(Cause::BlockingCall, "strangers::mixed::bridges"),
        ),
        faulty(
            "exports",
            "a stream that keeps a permit while its consumer takes another",
            mixed::exports,
            answer(Cause::StuckTasks, "strangers::mixed"),
        ),
        faulty(
            "mirrors",
            "downloads that nobody polls while a part is stored",
            mixed::mirrors,
            answer(Cause::StarvedInTask, "strangers::mixed::mirror"),
        ),
        faulty(
            "unwraps",
            "a task that unwraps an error of its upstream",
            mixed::unwraps,
            answer(Cause::Panic, "strangers::mixed::unwraps"),
        ),
        faulty(
            "closes",
            "a future that is kept after its deadline, and the lock that it needs",
            background::closes,
            answer(Cause::Futurelock, "strangers::background::Ledger::close"),
        ),
        faulty(
            "slots",
            "a set of futures that need the slots which its loop needs",
            background::slots,
            answer(Cause::Futurelock, "strangers::background::drains"),
        ),
        faulty(
            "reindex",
            "an index that is built on one of two workers",
            background::reindex,
            Truth::new(Cause::DriverStarvation, "strangers::background::reindex"),
        ),
        faulty(
            "chunks",
            "jobs of the blocking pool that wait for smaller ones",
            background::chunks,
            answer(Cause::PoolDeadlock, "strangers::background::chunk"),
        ),
        faulty(
            "thumbs",
            "films are transcoded on the pool of the requests",
            background::thumbs,
            answer(Cause::PoolExhausted, "strangers::background::thumbs"),
        ),
        faulty(
            "rooms",
            "every message goes to fifteen hundred rooms",
            background::rooms,
            answer(Cause::WakeStorm, "strangers::background::rooms"),
        ),
        faulty(
            "caches",
            "a cache without an end",
            background::caches,
            answer(Cause::Leak, "strangers::background::remember"),
        ),
        faulty(
            "events",
            "a queue whose consumer is slower than its producers",
            background::events,
            answer(Cause::Leak, "strangers::background::emit"),
        ),
        faulty(
            "config",
            "settings that a thread keeps locked while it reads a file",
            background::config,
            answer(Cause::LockAcrossStall, "strangers::background::config"),
        ),
        faulty(
            "ordered-writes",
            "pages are fetched at once and written in order",
            background::ordered_writes,
            answer(Cause::StarvedInTask, "strangers::background::ordered_writes"),
        ),
        healthy("actor", "an actor that asks a database before it answers", mixed::actor),
        healthy(
            "one-at-a-time",
            "a lock that is kept while a database answers",
            mixed::one_at_a_time,
        ),
        healthy("own-pool", "a pool of threads of the program's own", mixed::own_pool),
        healthy("retries", "what fails is tried three times", mixed::retries),
        healthy("followers", "sessions that follow a price", mixed::followers),
        healthy("fetches", "pages are fetched eight at a time", mixed::fetches),
        healthy("local", "one thread, with sessions that are not Send", mixed::local),
        healthy("hashes", "passwords are hashed outside of the polls", background::hashes),
        healthy("gates-open", "a limit that nobody reaches", background::gates_open),
        healthy("bounded-cache", "a cache of a hundred entries", background::bounded_cache),
        faulty(
            "main-sums",
            "the future of block_on computes, on one thread",
            mixed::main_sums,
            answer(Cause::LongPoll, "strangers::mixed::sums_up"),
        ),
        faulty(
            "local-compacts",
            "a task of a LocalSet computes now and then",
            mixed::local_compacts,
            answer(Cause::LongPoll, "strangers::mixed::compacts"),
        ),
        faulty(
            "main-reads",
            "the future of block_on blocks, on one thread",
            mixed::main_reads,
            answer(Cause::BlockingCall, "strangers::mixed::reads"),
        ),
        healthy("main-slices", "the future of block_on computes in slices", mixed::main_slices),
    ],
)
.load(Load { rate: 400.0, duration_ms: 1_500, warmup_ms: 200, ..Load::DEFAULT });

const fn answer(cause: Cause, function: &'static str) -> Truth {
    Truth::new(cause, function).at_most_workers(1)
}

fn main() -> ExitCode {
    lab_runner::main(&[&STRANGERS])
}
