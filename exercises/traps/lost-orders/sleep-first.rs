//! Lost orders.
//!
//! Customers order, the service charges their cards and confirms. A deploy asks each pod to stop,
//! and a pod is gone within a millisecond: the dashboard of the deploy is green. After every deploy
//! the support gets letters from a dozen customers. Their money was taken, and they never heard of
//! their order again. Most of them have a bank that asks back.
//!
//! TODO(lab): an order that a pod has taken must be confirmed, however long its bank takes, also
//! when the pod is asked to stop meanwhile. A pod without such orders must still stop at once.
//!
//!     cargo lab exercise check lost-orders

use anyhow::ensure;
use lab_exercises::orders::{self, Board, Inbox, Order, Pod, Stop};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{interval, sleep};

fn main() -> ExitCode {
    lab_exercises::run(|cx| orders::serve_pods(cx, serve))
}

/// Time between two looks of the operators' board.
const SHOW_EVERY: Duration = Duration::from_millis(50);
/// Time in which an order is charged.
const GRACE: Duration = Duration::from_millis(200);

/// The cents that a pod has charged.
type Charged = Arc<AtomicU64>;

/// Runs a pod until it is asked to stop.
fn serve(pod: Pod) -> anyhow::Result<()> {
    let charged = Charged::default();
    pod.runtime.spawn(show(pod.board, Arc::clone(&charged)));
    pod.runtime.block_on(async {
        accept(&pod.stop, pod.orders, &charged).await?;
        // Orders in hand are confirmed meanwhile.
        sleep(GRACE).await;
        anyhow::Ok(())
    })?;
    // What is still running must not keep the pod.
    pod.runtime.shutdown_background();
    Ok(())
}

/// Takes orders until the pod is asked to stop. Those that wait are left to other pods.
async fn accept(stop: &Stop, mut orders: Inbox, charged: &Charged) -> anyhow::Result<()> {
    let mut stopping = pin!(stop.requested());
    loop {
        tokio::select! {
            requested = &mut stopping => return requested,
            Some(order) = orders.next() => {
                tokio::spawn(handle(order, Arc::clone(charged)));
            }
        }
    }
}

/// Charges the customer and confirms the order.
async fn handle(order: Order, charged: Charged) -> anyhow::Result<()> {
    let payment = order.charge().await;
    let (asked, paid) = (order.cents(), payment.cents());
    ensure!(asked == paid, "{paid} cents were charged instead of {asked}");
    charged.fetch_add(paid, Ordering::Relaxed);
    order.confirm(payment);
    Ok(())
}

/// Keeps the operators' board up to date.
async fn show(board: Board, charged: Charged) {
    let mut beat = interval(SHOW_EVERY);
    loop {
        beat.tick().await;
        board.show(charged.load(Ordering::Relaxed));
    }
}
