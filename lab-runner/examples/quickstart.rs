//! A whole scenario: `cargo run --release --example quickstart -- run quickstart`.
//! Then `-- run quickstart --fixed`, and `-- compare quickstart` for what the fix changes.

use lab_kit::{Cx, Kind, Scenario, Variant};
use std::{process::ExitCode, time::Duration};

/// The fault: the call keeps the worker thread, and no other task runs meanwhile.
async fn blocks() {
    std::thread::sleep(Duration::from_millis(20));
}

/// The fix: only the task waits, and its worker runs others.
async fn waits() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// A service under the load of the scenario; every hundredth request takes the slow path.
fn serve<F: Future<Output = ()> + Send + 'static>(cx: &Cx, slow: fn() -> F) -> anyhow::Result<()> {
    let runtime = cx.runtime().build()?;
    let requests = cx.requests(runtime.handle(), move |request| async move {
        if request.number.is_multiple_of(100) {
            slow().await;
        }
    })?;
    requests.finish()
}

static SCENARIO: Scenario = Scenario::new(
    "quickstart",
    "a handler that blocks its worker delays the requests of others",
    &[
        Variant::new("buggy", Kind::Buggy, |cx| serve(cx, blocks)).about("std::thread::sleep"),
        Variant::new("fixed", Kind::Fixed, |cx| serve(cx, waits)).about("tokio::time::sleep"),
    ],
);

fn main() -> ExitCode {
    lab_runner::main(&[&SCENARIO])
}
