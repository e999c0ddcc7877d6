//! Faulty and healthy programs that no rule of the diagnosis was made for: a corpus to be scored
//! on. `cargo run --release --example strangers -- score`

use lab_kit::{Cause, Claim, Cx, Ending, Kind, Load, Scenario, Truth, Variant};
use std::process::ExitCode;

mod blind;
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
            "x",
            mixed::ring,
            Truth::new(Cause::StuckTasks, "strangers::mixed::Stages::submit"),
        ),
        faulty(
            "settings",
            "x",
            mixed::settings,
            Truth::new(Cause::StuckTasks, "strangers::mixed::Settings::region"),
        ),
        faulty(
            "registries",
            "x",
            mixed::registries,
            Truth::new(Cause::Deadlock, "strangers::mixed::Registries::join"),
        ),
        faulty(
            "looks-at-all",
            "x",
            mixed::looks_at_all,
            Truth::new(Cause::QuadraticCombinator, "strangers::mixed::any_of"),
        ),
        faulty(
            "publishes",
            "x",
            mixed::publishes,
            Truth::new(Cause::QuadraticCombinator, "strangers::mixed::publish"),
        ),
        faulty(
            "impatient",
            "x",
            mixed::impatient,
            Truth::new(Cause::BusyLoop, "strangers::mixed::impatient"),
        ),
        faulty(
            "bridges",
            "x",
            mixed::bridges,
            Truth::new(Cause::BlockingCall, "strangers::mixed::lookup"),
        ),
        faulty(
            "exports",
            "x",
            mixed::exports,
            Truth::new(Cause::StuckTasks, "strangers::mixed::export"),
        ),
        faulty(
            "mirrors",
            "x",
            mixed::mirrors,
            Truth::new(Cause::StarvedInTask, "strangers::mixed::mirror"),
        ),
        faulty(
            "unwraps",
            "x",
            mixed::unwraps,
            Truth::new(Cause::Panic, "strangers::mixed::unwraps"),
        ),
        faulty("too-much", "x", mixed::too_much, Truth::new(Cause::Overload, "strangers::mixed::")),
        healthy("actor", "x", mixed::actor),
        healthy("one-at-a-time", "x", mixed::one_at_a_time),
        healthy("own-pool", "x", mixed::own_pool),
        healthy("retries", "x", mixed::retries),
        healthy("followers", "x", mixed::followers),
        healthy("fetches", "x", mixed::fetches),
        healthy("local", "x", mixed::local),
        faulty(
            "closes",
            "x",
            blind::closes,
            Truth::new(Cause::Futurelock, "strangers::blind::Ledger::close"),
        ),
        faulty(
            "slots",
            "x",
            blind::slots,
            Truth::new(Cause::Futurelock, "strangers::blind::drains"),
        ),
        faulty(
            "reindex",
            "x",
            blind::reindex,
            Truth::new(Cause::LongPoll, "strangers::blind::reindex"),
        ),
        faulty(
            "chunks",
            "x",
            blind::chunks,
            Truth::new(Cause::PoolDeadlock, "strangers::blind::chunk"),
        ),
        faulty(
            "thumbs",
            "x",
            blind::thumbs,
            Truth::new(Cause::PoolExhausted, "strangers::blind::thumbs"),
        ),
        faulty("rooms", "x", blind::rooms, Truth::new(Cause::WakeStorm, "strangers::blind::rooms")),
        faulty("caches", "x", blind::caches, Truth::new(Cause::Leak, "strangers::blind::remember")),
        faulty("events", "x", blind::events, Truth::new(Cause::Leak, "strangers::blind::emit")),
        faulty(
            "nests",
            "x",
            blind::nests,
            Truth::new(Cause::StackOverflow, "strangers::blind::nest"),
        ),
        faulty(
            "local-sorts",
            "x",
            blind::local_sorts,
            Truth::new(Cause::LongPoll, "strangers::blind::local_sorts"),
        ),
        faulty("root", "x", blind::root, Truth::new(Cause::LongPoll, "strangers::blind::root")),
        faulty(
            "config",
            "x",
            blind::config,
            Truth::new(Cause::LockAcrossStall, "strangers::blind::setting"),
        ),
        faulty(
            "ordered-writes",
            "x",
            blind::ordered_writes,
            Truth::new(Cause::StarvedInTask, "strangers::blind::ordered_writes"),
        ),
        healthy("hashes", "x", blind::hashes),
        healthy("gates-open", "x", blind::gates_open),
        healthy("bounded-cache", "x", blind::bounded_cache),
    ],
)
.load(Load { rate: 400.0, duration_ms: 1_500, warmup_ms: 200, ..Load::DEFAULT });

const fn answer(cause: Cause, function: &'static str) -> Truth {
    Truth::new(cause, function).at_most_workers(1)
}

fn main() -> ExitCode {
    lab_runner::main(&[&STRANGERS])
}
