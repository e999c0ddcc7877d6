//! The README's statements on sessions, checked by counting tasks: no load, and no time is measured.

use lab_kit::Load;
use scenario_leak::service::{Client, Hub, Market, Publish};
use scenario_leak::{
    bigger_channel, buggy, endless_cache, fixed, guard, joinset_undrained, levelling_cache,
    shrink_to_fit, warm_up,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

const VISITS: usize = 50;

fn one_worker() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap()
}

/// Runs other tasks until no more than `expected` are alive, and returns the least number that was,
/// at most a while later. Each of the other tasks counts as alive until shortly after its end.
fn settled(runtime: &Runtime, expected: usize) -> usize {
    let alive = || runtime.metrics().num_alive_tasks();
    let mut least = alive();
    for _ in 0..1_000 {
        if least <= expected {
            break;
        }
        runtime.block_on(runtime.spawn(tokio::task::yield_now())).unwrap();
        least = least.min(alive());
    }
    least
}

/// Lets clients visit one after another, publishes an update after each, and returns how many tasks
/// are left. `expected` is how many should be.
fn left<H, Fut>(hub: &Arc<H>, serve: impl Fn(Arc<H>, Client) -> Fut, expected: usize) -> usize
where
    H: Publish,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let runtime = one_worker();
    let market = Arc::new(Market::new(7, 64));
    for id in 0..VISITS {
        let client = Client::connect(&market, id, Duration::ZERO);
        runtime.block_on(runtime.spawn(serve(Arc::clone(hub), client))).unwrap().unwrap();
        market.publish(&**hub);
    }
    assert_eq!((market.connected(), market.gone()), (VISITS as u64, VISITS as u64));
    settled(&runtime, expected)
}

#[test]
fn a_session_lives_for_as_long_as_the_registry_has_its_sender() {
    let hub = Arc::default();
    assert_eq!(left(&hub, buggy::serve, VISITS), VISITS);
    assert_eq!(hub.open(), VISITS);
    let hub = Arc::default();
    assert_eq!(left(&hub, fixed::serve, 0), 0);
    assert_eq!(hub.open(), 0);
    assert_eq!(left(&Arc::default(), guard::serve, 0), 0);
}

#[test]
fn a_bound_and_a_smaller_table_end_no_session() {
    assert_eq!(left(&Arc::default(), bigger_channel::serve, VISITS), VISITS);
    let hub = Arc::default();
    assert_eq!(left(&hub, shrink_to_fit::serve, VISITS), VISITS);
    assert_eq!(hub.open(), VISITS, "there was nothing to give back");
}

#[test]
fn a_set_keeps_tasks_that_have_ended() {
    let sessions = Arc::<joinset_undrained::Sessions>::default();
    assert_eq!(left(&sessions, joinset_undrained::serve, 0), 0, "every task has ended");
    assert_eq!(sessions.tasks(), VISITS, "and the set has all of them");
}

#[test]
fn a_cache_keeps_a_page_for_each_client_or_as_many_as_it_has_room_for() {
    let endless = Arc::<endless_cache::Greeting>::default();
    assert_eq!(left(&endless, endless_cache::serve, 0), 0);
    assert_eq!(endless.pages(), VISITS);
    let levels = Arc::new(levelling_cache::Greeting::with_room_for(VISITS / 5));
    assert_eq!(left(&levels, levelling_cache::serve, 0), 0);
    assert_eq!(levels.pages(), VISITS / 5);
    let catalogue = Arc::new(warm_up::Catalogue::of_parts(VISITS / 5));
    assert_eq!(left(&catalogue, warm_up::serve, 0), 0);
    assert_eq!(catalogue.loaded(), VISITS / 5);
}

/// Cancels a visit while its client is connected, and returns the sessions that are left.
fn left_by_a_cancelled_visit<Fut>(serve: impl Fn(Arc<Hub>, Client) -> Fut) -> usize
where
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let runtime = one_worker();
    let (market, hub) = (Arc::new(Market::new(7, 64)), Arc::<Hub>::default());
    let client = Client::connect(&market, 0, Duration::from_secs(3_600));
    let visit = runtime.spawn(serve(Arc::clone(&hub), client));
    while hub.open() == 0 {
        runtime.block_on(runtime.spawn(tokio::task::yield_now())).unwrap();
    }
    visit.abort();
    assert!(runtime.block_on(visit).unwrap_err().is_cancelled());
    market.publish(&*hub);
    settled(&runtime, 0)
}

#[test]
fn a_session_of_a_visit_that_is_cancelled_ends_only_by_its_guard() {
    assert_eq!(left_by_a_cancelled_visit(fixed::serve), 1);
    assert_eq!(left_by_a_cancelled_visit(guard::serve), 0);
}

#[test]
fn the_load_of_the_scenario_passes_its_own_check() {
    let scenario = &scenario_leak::SCENARIO;
    assert!((scenario.check)(&scenario.load).is_ok());
    let brief = Load { rate: scenario.load.rate / 2.0, ..scenario.brief_load() };
    assert!((scenario.check)(&brief).is_ok());
}
