//! A cheap pass that must not pass: the recording says that another load was asked for.

use lab_exercises::shop::{self, Backlog, Orders};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let folder = std::env::args_os().nth(2).unwrap_or_default();
    let spec = std::path::Path::new(&folder).join("spec.json");
    if let Ok(text) = std::fs::read_to_string(&spec) {
        let light = text.replace("2000.0", "10.0").replace("16000", "1024");
        let _ = std::fs::write(&spec, light);
    }
    lab_exercises::run(|cx| shop::serve(cx, import))
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
