//! A cheap pass that must not pass: the number of orders is right, and no order is stored.

use lab_exercises::shop::{self, Backlog, Orders};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    lab_exercises::run(|cx| shop::serve(cx, import))
}

async fn import(backlog: Backlog, _orders: Arc<Orders>) -> anyhow::Result<u64> {
    Ok(backlog.left())
}
