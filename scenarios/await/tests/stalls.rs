//! The chapter's statements on who is answered, without load: an order, and many at once when it is time
//! for the disk to pause.

use lab_kit::{Cx, Load};
use scenario_await::journal::{Disk, EVERY, Journal, Order};
use scenario_await::pool::Pool;
use scenario_await::{both_polled, buggy, fixed, one_connection, two_connections};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const ORDERS: usize = 100;
/// Far longer than a pause. What is not answered by then waits for ever.
const LONG: Duration = Duration::from_secs(2);

/// Whether all orders are answered.
fn all_answered<F, Fut>(record: impl FnOnce(Disk) -> F) -> bool
where
    F: Fn(Order) -> Fut,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let folder = tempfile::tempdir().unwrap();
    let cx = Cx::create(Load::DEFAULT, folder.path()).unwrap();
    let record = record(Disk::new(cx.probe()).unwrap());
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let answered = runtime.block_on(async {
        let mut orders = JoinSet::new();
        orders.spawn_on(record(Order { number: 0 }), runtime.handle());
        sleep(EVERY).await;
        for number in 1..ORDERS {
            orders.spawn_on(record(Order { number }), runtime.handle());
        }
        timeout(LONG, orders.join_all()).await
    });
    answered.is_ok_and(|answers| answers.iter().all(Result::is_ok))
}

#[test]
fn an_entry_that_is_kept_and_not_polled_keeps_the_lock() {
    let on = |disk| Arc::new(Journal::on(disk));
    assert!(!all_answered(|disk| {
        let journal = on(disk);
        move |order| buggy::record(Arc::clone(&journal), order)
    }));
    assert!(all_answered(|disk| {
        let journal = on(disk);
        move |order| fixed::record(Arc::clone(&journal), order)
    }));
    assert!(all_answered(|disk| {
        let journal = on(disk);
        move |order| both_polled::record(Arc::clone(&journal), order)
    }));
}

#[test]
fn a_burst_of_orders_with_two_connections_each_exhausts_a_pool_of_any_size() {
    for connections in [4, 8] {
        assert!(!all_answered(|disk| {
            let pool = Pool::of(connections, disk);
            move |order| two_connections::record(pool.clone(), order)
        }));
    }
    assert!(all_answered(|disk| {
        let pool = Pool::of(4, disk);
        move |order| one_connection::record(pool.clone(), order)
    }));
}
