//! The order service, and what happens when it is asked to stop.
//!
//! [`serve`] runs one service, which owns its runtime and ends it. [`serve_pods`] runs two pods of
//! it behind one load: orders of the first one may take long, those of the second one never do.

use lab_kit::{Counter, Cx, Request, Requests, Stopwatch};
use scenario_shutdown::drive::drive;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};

pub use scenario_shutdown::service::{DRAIN_DEADLINE, SHUTDOWN_DEADLINE, Service, Stop};

/// Runs the service under the orders of the load, and asks it to stop when all of them were sent.
///
/// # Errors
/// If `serve` fails.
pub fn serve(cx: &Cx, serve: fn(Service) -> anyhow::Result<()>) -> anyhow::Result<()> {
    drive(cx, serve)
}

/// Time to charge a customer whose bank asks back.
const SLOW: Duration = Duration::from_millis(500);
/// One order of so many of the busy pod is a slow one.
const SLOW_EVERY: usize = 8;
/// Orders that wait for a pod to take them.
const WAITING: usize = 1_024;

/// A pod of the order service.
#[derive(Debug)]
pub struct Pod {
    /// The runtime of all its tasks.
    pub runtime: Runtime,
    /// The request to stop.
    pub stop: Stop,
    /// The orders that wait for it.
    pub orders: Inbox,
    /// What its operators see.
    pub board: Board,
}

/// Orders that wait for a pod. Those that it has not taken are another pod's when this is dropped.
#[derive(Debug)]
pub struct Inbox {
    waiting: mpsc::Receiver<Envelope>,
    taken: Counter,
}

impl Inbox {
    /// Takes the next order. None if there will be no more.
    pub async fn next(&mut self) -> Option<Order> {
        let order = self.waiting.recv().await?.open();
        self.taken.add(1);
        Some(order)
    }
}

/// An order that no pod has taken yet.
#[derive(Debug)]
struct Envelope(Option<Order>);

impl Envelope {
    fn open(mut self) -> Order {
        self.0.take().expect("an envelope is opened once")
    }
}

impl Drop for Envelope {
    fn drop(&mut self) {
        if let Some(order) = self.0.take() {
            let _ = order.reply.send(Answer::Refused);
        }
    }
}

/// An order that a pod has taken. Its customer waits for the confirmation.
#[derive(Debug)]
#[must_use = "an order that is dropped is lost"]
pub struct Order {
    number: usize,
    cents: u64,
    takes: Duration,
    reply: oneshot::Sender<Answer>,
}

/// What a customer hears of an order.
#[derive(Debug)]
enum Answer {
    /// No pod has taken it: the customer may try another one.
    Refused,
    /// It was charged.
    Confirmed(Payment),
}

/// The receipt of a charge.
#[derive(Debug)]
pub struct Payment {
    number: usize,
    cents: u64,
}

impl Payment {
    /// The amount that was charged.
    pub fn cents(&self) -> u64 {
        self.cents
    }
}

impl Order {
    /// The price.
    pub fn cents(&self) -> u64 {
        self.cents
    }

    /// Charges the customer.
    pub async fn charge(&self) -> Payment {
        tokio::time::sleep(self.takes).await;
        Payment { number: self.number, cents: self.cents }
    }

    /// Confirms the order to the customer.
    pub fn confirm(self, payment: Payment) {
        // The customer may have hung up.
        let _ = self.reply.send(Answer::Confirmed(payment));
    }
}

/// The board of a pod's operators.
#[derive(Clone, Debug)]
pub struct Board(Counter);

impl Board {
    /// Shows the cents that were charged so far.
    pub fn show(&self, cents: u64) {
        self.0.raise_to(cents);
    }
}

/// What is counted of all orders.
#[derive(Clone, Debug)]
struct Counts {
    taken: Counter,
    confirmed: Counter,
    refused: Counter,
    shown: Counter,
}

impl Counts {
    fn new(cx: &Cx) -> anyhow::Result<Counts> {
        let zero = |name| {
            let counter = cx.probe().counter(name)?;
            counter.set(0);
            anyhow::Ok(counter)
        };
        Ok(Counts {
            taken: zero("orders_taken")?,
            confirmed: zero("orders_confirmed")?,
            refused: zero("orders_refused")?,
            shown: zero("cents_shown")?,
        })
    }
}

/// Runs two pods, asks both to stop at once, and measures how long each of them takes.
///
/// # Errors
/// If `serve` fails in one of them.
pub fn serve_pods(cx: &Cx, serve: fn(Pod) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let (counts, stop) = (Counts::new(cx)?, Stop::default());
    cx.probe().counter("slow_order_us")?.set(SLOW.as_micros() as u64);
    let watches = [cx.probe().stopwatch("busy_stop")?, cx.probe().stopwatch("quick_stop")?];
    let [busy_stop, quick_stop] = watches.clone();
    // Profilers look at the busy pod alone: tasks of several runtimes would be mixed up.
    let plain = Builder::new_multi_thread().worker_threads(cx.load().workers).enable_all().build();
    let (busy, to_busy) = pod(cx.runtime().build()?, &stop, &counts);
    let (quick, to_quick) = pod(plain?, &stop, &counts);
    let customers = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let requests = order(cx, customers.handle(), [to_busy, to_quick], counts)?;
    thread::scope(|scope| {
        let named = |name: &str| thread::Builder::new().name(name.into());
        let load = named("customers").spawn_scoped(scope, || run_load(requests, stop, &watches))?;
        let quick = named("quick-pod").spawn_scoped(scope, || run(quick, serve, &quick_stop))?;
        let busy = run(busy, serve, &busy_stop);
        let joined = |thread: thread::ScopedJoinHandle<'_, anyhow::Result<()>>| {
            thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked")))
        };
        let (quick, load) = (joined(quick), joined(load));
        busy.and(quick).and(load)
    })
}

/// A pod, and the way to it.
fn pod(runtime: Runtime, stop: &Stop, counts: &Counts) -> (Pod, mpsc::Sender<Envelope>) {
    let (sender, waiting) = mpsc::channel(WAITING);
    let orders = Inbox { waiting, taken: counts.taken.clone() };
    (Pod { runtime, stop: stop.clone(), orders, board: Board(counts.shown.clone()) }, sender)
}

/// Runs a pod on this thread until it returns.
fn run(pod: Pod, serve: fn(Pod) -> anyhow::Result<()>, stopped: &Stopwatch) -> anyhow::Result<()> {
    let served = serve(pod);
    if served.is_ok() {
        stopped.end();
    }
    served
}

/// Starts the customers, who order from both pods in turn.
fn order(
    cx: &Cx,
    customers: &Handle,
    pods: [mpsc::Sender<Envelope>; 2],
    counts: Counts,
) -> anyhow::Result<Requests> {
    let (pods, counts) = (Arc::new(pods), Arc::new(counts));
    cx.requests(customers, move |request| {
        let (pods, counts) = (Arc::clone(&pods), Arc::clone(&counts));
        async move { customer(request, &pods, &counts).await }
    })
}

/// One customer: an error is a refusal, and no answer at all is a loss.
async fn customer(
    request: Request,
    pods: &[mpsc::Sender<Envelope>; 2],
    counts: &Counts,
) -> Option<Result<(), &'static str>> {
    let (number, cents) = (request.number, price(request.number));
    let (reply, answer) = oneshot::channel();
    let order = Order { number, cents, takes: takes(number), reply };
    // A pod that has stopped drops the envelope, which refuses the order.
    let _ = pods[number % pods.len()].send(Envelope(Some(order))).await;
    Some(match answer.await.ok()? {
        Answer::Confirmed(payment) if (payment.number, payment.cents) == (number, cents) => {
            counts.confirmed.add(1);
            Ok(())
        }
        Answer::Confirmed(_) => Err("another customer's receipt"),
        Answer::Refused => {
            counts.refused.add(1);
            Err("refused")
        }
    })
}

/// The price of an order.
fn price(number: usize) -> u64 {
    1_999 + 50 * (number % 37) as u64
}

/// Time to charge an order. Even ones go to the busy pod.
fn takes(number: usize) -> Duration {
    let of_its_pod = number / 2;
    if number.is_multiple_of(2) && of_its_pod % SLOW_EVERY == SLOW_EVERY / 2 {
        return SLOW;
    }
    Duration::from_millis(4 + (of_its_pod % 9) as u64)
}

/// Waits until all orders were sent, and asks the pods to stop.
fn run_load(mut requests: Requests, stop: Stop, watches: &[Stopwatch; 2]) -> anyhow::Result<()> {
    let stop = StopAtTheEnd(stop);
    while !requests.is_sent() && !stop.0.is_requested() {
        thread::sleep(Duration::from_millis(1));
    }
    requests.stop()?;
    watches.iter().for_each(Stopwatch::begin);
    stop.0.request();
    requests.finish()
}

/// Requests the stop when it is dropped, also after an error or a panic.
struct StopAtTheEnd(Stop);

impl Drop for StopAtTheEnd {
    fn drop(&mut self) {
        self.0.request();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_nobody_took_is_refused_and_one_that_was_dropped_is_lost() {
        let order = || {
            let (reply, answer) = oneshot::channel();
            (Order { number: 1, cents: 5, takes: Duration::ZERO, reply }, answer)
        };
        let (untaken, mut answer) = order();
        drop(Envelope(Some(untaken)));
        assert!(matches!(answer.try_recv(), Ok(Answer::Refused)));
        let (taken, mut answer) = order();
        drop(Envelope(Some(taken)).open());
        assert!(answer.try_recv().is_err());
    }

    #[test]
    fn only_the_busy_pod_has_slow_orders() {
        let slow = |pod: usize| (0..400).filter(|n| n % 2 == pod && takes(*n) == SLOW).count();
        assert_eq!((slow(0), slow(1)), (25, 0));
    }
}
