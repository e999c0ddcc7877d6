//! Why a tight limiter fixes by accident: since tokio 1.54 an acquisition that the budget turns
//! away has its permit already. Counts, no clock.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use tokio::sync::Semaphore;
use tokio::task::coop;

/// Runs a future inside a task, where there is a budget.
fn in_a_task<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(runtime.spawn(task)).unwrap()
}

/// Spends what is left of the task's budget.
async fn spend_the_budget() {
    while coop::has_budget_remaining() {
        coop::consume_budget().await;
    }
}

#[test]
fn an_acquisition_that_the_budget_turns_away_holds_its_permit() {
    let (turned_away, left, left_after) = in_a_task(async {
        let limiter = Semaphore::new(10);
        spend_the_budget().await;
        let mut acquire = Box::pin(limiter.acquire());
        let turned_away = poll_fn(|cx| Poll::Ready(acquire.as_mut().poll(cx).is_pending())).await;
        let left = limiter.available_permits();
        drop(acquire);
        (turned_away, left, limiter.available_permits())
    });
    assert!(turned_away, "ten permits are free, and the budget is spent");
    assert_eq!((left, left_after), (9, 10), "it holds one, and gives it back when it is dropped");
}

#[test]
fn outside_the_budget_it_goes_on() {
    let ready = in_a_task(async {
        let limiter = Semaphore::new(10);
        spend_the_budget().await;
        let mut acquire = pin!(coop::unconstrained(limiter.acquire()));
        poll_fn(|cx| Poll::Ready(acquire.as_mut().poll(cx).is_ready())).await
    });
    assert!(ready);
}
