//! TITLE.
//!
//! Say what an engineer on call would see: who complains, and what the dashboards show.
//!
//! TODO(lab): say what must become true, and not how.
//!
//!     cargo lab exercise check SLUG

use lab_kit::Cx;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    lab_exercises::run(serve)
}

/// Answers every request of the load.
fn serve(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.runtime().build()?;
    cx.requests(runtime.handle(), |_request| answer())?.finish()
}

async fn answer() {
    let slow = async { std::thread::sleep(Duration::from_millis(5)) };
    let _ = tokio::spawn(slow).await;
}
