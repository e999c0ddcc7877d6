//! A cheap pass that must not pass: the process ends as if all were well.

use lab_exercises::shop::{self, Backlog, Orders};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    lab_exercises::run(|cx| shop::serve(cx, import))
}

#[expect(clippy::disallowed_methods, reason = "that is the cheat")]
async fn import(_backlog: Backlog, _orders: Arc<Orders>) -> anyhow::Result<u64> {
    std::process::exit(0)
}
