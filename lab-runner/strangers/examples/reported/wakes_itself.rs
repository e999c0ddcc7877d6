//! A future written by hand that wakes itself until its device is ready.

use lab_kit::{Cause, Load, Scenario, Truth};
use lab_strangers::{LOAD, cured, scenario, serve, sick};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::sleep;

pub static SCENARIO: Scenario = scenario(
    "wakes-itself",
    "a service that waits for a device beside its requests",
    Load { rate: 50.0, ..LOAD },
    &[
        sick(
            "the future of the device asks for its next poll in each poll",
            |cx| serve(cx, |_| sleep(Duration::from_millis(1)), watch(Device::default())),
            Some(Truth::new(Cause::BusyLoop, "reported::wakes_itself::Ready")),
        ),
        cured("the device is asked every ten milliseconds", |cx| {
            serve(cx, |_| sleep(Duration::from_millis(1)), watch_fixed(Device::default()))
        }),
    ],
);

#[derive(Clone, Default)]
struct Device {
    ready: Arc<AtomicBool>,
}

impl Device {
    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}

struct Ready<'a>(&'a Device);

impl Future for Ready<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.is_ready() {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

async fn watch(device: Device) {
    Ready(&device).await;
}

async fn watch_fixed(device: Device) {
    while !device.is_ready() {
        sleep(Duration::from_millis(10)).await;
    }
}
