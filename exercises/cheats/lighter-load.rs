//! A cheap pass that must not pass: the service runs under a load of its own.

use lab_exercises::shop::{self, Backlog, Orders};
use lab_kit::{Cx, Load};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    lab_exercises::run(|cx| {
        // A recording beside the real one, which stays without its load.
        let light = Load { rate: 1.0, size: 1_024, ..cx.load().clone() };
        let folder = cx.scratch()?.join("light");
        std::fs::create_dir_all(&folder)?;
        shop::serve(&Cx::create(light, &folder)?, import)
    })
}

async fn import(backlog: Backlog, orders: Arc<Orders>) -> anyhow::Result<u64> {
    let mut stored = 0;
    for message in backlog {
        orders.put(message.key, serde_json::from_str(&message.body)?).await;
        stored += 1;
        tokio::task::yield_now().await;
    }
    Ok(stored)
}
