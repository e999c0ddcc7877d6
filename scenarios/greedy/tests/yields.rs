//! The README's statements on yielding, checked by counting: no clock, no load. These tests break
//! when tokio changes its behaviour.

use lab_kit::Load;
use scenario_greedy::backlog::Backlog;
use scenario_greedy::shop::Message;
use scenario_greedy::{await_more, buggy, consume_budget, fixed, tokio_mutex};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::{Builder, Runtime};

const MESSAGES: usize = 1_000;

/// The first messages of a backlog of small messages.
fn backlog() -> std::iter::Take<Backlog> {
    Backlog::of(&Load::DEFAULT, 1_024).unwrap().take(MESSAGES)
}

fn one_worker() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).build().unwrap()
}

/// How often an import yields before it ends.
fn yields<Fut>(import: Fut) -> usize
where
    Fut: Future<Output = anyhow::Result<u64>> + Send + 'static,
{
    let counted = async move {
        let mut import = pin!(import);
        let mut yields = 0;
        let stored = std::future::poll_fn(|cx| {
            let poll = import.as_mut().poll(cx);
            yields += usize::from(poll.is_pending());
            poll
        });
        assert_eq!(stored.await.unwrap(), MESSAGES as u64);
        yields
    };
    let runtime = one_worker();
    runtime.block_on(runtime.spawn(counted)).unwrap()
}

#[test]
fn an_import_yields_as_often_as_its_variant_promises() {
    assert_eq!(yields(buggy::import(backlog(), Arc::default())), 0, "its .await is always ready");
    assert_eq!(yields(await_more::import(backlog(), Arc::default())), 0, "both are always ready");
    assert_eq!(yields(fixed::import(backlog(), Arc::default())), 10, "once in 100 messages");
    assert_eq!(yields(consume_budget::import(backlog(), Arc::default())), 7, "once in 128");
    assert_eq!(
        yields(tokio_mutex::import(backlog(), Arc::default())),
        7,
        "a free tokio mutex yields once in 128"
    );
}

/// Spawns `others` tasks and yields until they have all run. Returns how many of them ran during
/// each yield.
fn turns(mut builder: Builder, others: usize) -> Vec<usize> {
    let runtime = builder.worker_threads(1).build().unwrap();
    let yielder = async move {
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..others {
            let ran = Arc::clone(&ran);
            tokio::spawn(async move { ran.fetch_add(1, Ordering::Relaxed) });
        }
        let mut turns = Vec::new();
        while ran.load(Ordering::Relaxed) < others {
            let before = ran.load(Ordering::Relaxed);
            tokio::task::yield_now().await;
            turns.push(ran.load(Ordering::Relaxed) - before);
        }
        turns
    };
    runtime.block_on(runtime.spawn(yielder)).unwrap()
}

#[test]
fn a_yield_lets_at_most_sixty_others_run() {
    let turns_at = |interval| {
        let mut builder = Builder::new_multi_thread();
        builder.event_interval(interval);
        turns(builder, 200)
    };
    // After `event_interval` ticks the worker polls the I/O driver and wakes the tasks that
    // yielded, into the slot that runs next. So a yield takes one tick less than the interval,
    // however many other tasks are queued. The first yield starts anywhere inside an interval and
    // the last one has only the remaining tasks; neither is counted.
    let full = |turns: Vec<usize>| turns[1..turns.len() - 1].to_vec();
    assert_eq!(full(turns_at(61)), [60; 2], "two full intervals among 200 tasks");
    assert_eq!(full(turns_at(31)), [30; 5]);
    assert!(turns_at(1_000).len() <= 2, "{:?}", turns_at(1_000));
    assert_eq!(
        full(turns(Builder::new_multi_thread(), 200)),
        [60; 2],
        "61 is the default interval"
    );
}

#[test]
fn a_message_of_the_backlog_is_an_order() {
    let Message { key, body } = backlog().next().unwrap();
    let order: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(key, 0);
    assert!(order["lines"].as_array().is_some_and(|lines| !lines.is_empty()));
}
