//! The reason why a tight limiter fixes the fault by accident: since tokio 1.54 an acquisition that
//! is refused for lack of budget already holds its permit. Checked by counts, without a clock.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use tokio::sync::Semaphore;
use tokio::task::coop;

/// Runs a future inside a task, which has a budget.
fn in_a_task<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(runtime.spawn(task)).unwrap()
}

/// Consumes the rest of the task's budget.
async fn spend_the_budget() {
    while coop::has_budget_remaining() {
        coop::consume_budget().await;
    }
}

#[test]
fn an_acquisition_that_is_refused_for_lack_of_budget_holds_its_permit() {
    let (refused, left, left_after) = in_a_task(async {
        let limiter = Semaphore::new(10);
        spend_the_budget().await;
        let mut acquire = Box::pin(limiter.acquire());
        let refused = poll_fn(|cx| Poll::Ready(acquire.as_mut().poll(cx).is_pending())).await;
        let left = limiter.available_permits();
        drop(acquire);
        (refused, left, limiter.available_permits())
    });
    assert!(refused, "ten permits are free, and the budget is spent");
    assert_eq!((left, left_after), (9, 10), "the acquisition returns its permit when dropped");
}

#[test]
fn an_acquisition_outside_the_budget_is_not_refused() {
    let ready = in_a_task(async {
        let limiter = Semaphore::new(10);
        spend_the_budget().await;
        let mut acquire = pin!(coop::unconstrained(limiter.acquire()));
        poll_fn(|cx| Poll::Ready(acquire.as_mut().poll(cx).is_ready())).await
    });
    assert!(ready);
}
