//! Names that are looked up on the blocking pool while their server is slow: everything else on the pool waits too.

use lab_kit::{Cause, Cx, Load, Scenario, Truth};
use lab_strangers::{LOAD, cured, nothing, scenario, serve_on, sick};
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

pub static SCENARIO: Scenario = scenario(
    "lookups",
    "half of the requests look up a name, half read a small file",
    Load { rate: 200.0, ..LOAD },
    &[
        sick(
            "names are looked up on the blocking pool",
            |cx| run(cx, true),
            Some(Truth::new(Cause::PoolExhausted, "reported::lookups::connect")),
        ),
        cured("names are looked up by a task", |cx| run(cx, false)),
    ],
);

/// What the system's resolver does while its server does not answer.
fn resolve() -> [u8; 4] {
    std::thread::sleep(Duration::from_millis(400));
    [127, 0, 0, 1]
}

async fn connect() {
    let _ = spawn_blocking(resolve).await;
}

async fn connect_fixed() {
    sleep(Duration::from_millis(400)).await;
}

async fn settings(file: PathBuf) {
    let _ = tokio::fs::read(file).await;
}

fn run(cx: &Cx, buggy: bool) -> anyhow::Result<()> {
    let file = cx.scratch()?.join("settings");
    std::fs::write(&file, "name = lookups")?;
    let mut builder = cx.runtime();
    builder.max_blocking_threads(24);
    let handle = move |number: usize| {
        let file = file.clone();
        async move {
            match (number.is_multiple_of(2), buggy) {
                (false, _) => settings(file).await,
                (true, true) => connect().await,
                (true, false) => connect_fixed().await,
            }
        }
    };
    serve_on(builder.build()?, cx, handle, nothing())
}
