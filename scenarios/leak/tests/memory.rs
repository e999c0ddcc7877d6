//! The README's statements on memory, checked by counting bytes: no load, and no time is measured.
//!
//! One test in a process of its own: the allocator counts for all threads.

use lab_kit::alloc::{Counting, held_bytes};
use scenario_leak::service::{Client, Market, Publish};
use scenario_leak::{
    bigger_channel, buggy, endless_cache, fixed, guard, joinset_undrained, levelling_cache,
    shrink_to_fit,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;

#[global_allocator]
static COUNTING: Counting = Counting::over(std::alloc::System);

/// Bytes that each visit leaves, after a few visits that fill buffers. Updates are published
/// between them.
fn left_by_a_visit<H, Fut>(hub: Arc<H>, serve: impl Fn(Arc<H>, Client) -> Fut) -> u64
where
    H: Publish,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    const FIRST: usize = 100;
    const MORE: usize = 400;
    const AT_A_TIME: usize = 20;
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let market = Arc::new(Market::new(7, 64));
    let visits = |ids: std::ops::Range<usize>| {
        for ids in ids.collect::<Vec<_>>().chunks(AT_A_TIME) {
            let visits: Vec<_> = ids
                .iter()
                .map(|id| Client::connect(&market, *id, Duration::ZERO))
                .map(|client| runtime.spawn(serve(Arc::clone(&hub), client)))
                .collect();
            for visit in visits {
                runtime.block_on(visit).unwrap().unwrap();
            }
            market.publish(&*hub);
        }
        // Sessions that are to end do so meanwhile.
        for _ in 0..1_000 {
            runtime.block_on(runtime.spawn(tokio::task::yield_now())).unwrap();
        }
        held_bytes().unwrap()
    };
    let before = visits(0..FIRST);
    visits(FIRST..FIRST + MORE).saturating_sub(before) / MORE as u64
}

/// What the claims of the variants allow and demand.
const FEW: u64 = 512;
const MANY: u64 = 2_048;

#[test]
fn each_visit_leaves_what_its_variant_keeps() {
    for (name, bytes) in [
        ("fixed", left_by_a_visit(Arc::default(), fixed::serve)),
        ("guard", left_by_a_visit(Arc::default(), guard::serve)),
        (
            "levelling-cache",
            left_by_a_visit(
                Arc::new(levelling_cache::Greeting::with_room_for(50)),
                levelling_cache::serve,
            ),
        ),
    ] {
        assert!(bytes <= FEW / 2, "{name}: {bytes}");
    }
    for (name, bytes) in [
        ("buggy", left_by_a_visit(Arc::default(), buggy::serve)),
        ("bigger-channel", left_by_a_visit(Arc::default(), bigger_channel::serve)),
        ("shrink-to-fit", left_by_a_visit(Arc::default(), shrink_to_fit::serve)),
        ("joinset-undrained", left_by_a_visit(Arc::default(), joinset_undrained::serve)),
        ("endless-cache", left_by_a_visit(Arc::default(), endless_cache::serve)),
    ] {
        assert!(bytes >= 2 * MANY, "{name}: {bytes}");
    }
}
