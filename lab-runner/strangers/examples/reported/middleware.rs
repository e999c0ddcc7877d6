//! A middleware that keeps a lock for reading while it calls the handler, which wants it for writing.

use lab_kit::{Cause, Cx, Kind, Load, Scenario, Truth, Variant};
use lab_strangers::{LOAD, cured, nothing, scenario, serve, serve_joined, sick};
use std::sync::Arc;
use tokio::sync::RwLock;

pub static SCENARIO: Scenario = scenario(
    "middleware",
    "settings that a middleware reads and some handlers write",
    Load { rate: 200.0, ..LOAD },
    &[
        sick(
            "the settings stay locked while the handler runs",
            |cx| run(cx, true),
            Some(Truth::new(Cause::StuckTasks, "reported::middleware::handler")),
        ),
        cured("what is needed is copied before the handler runs", |cx| run(cx, false)),
        Variant {
            name: "joined",
            kind: Kind::Trap,
            ..sick(
                "as buggy, and main waits to store the settings",
                joined,
                Some(Truth::new(Cause::StuckTasks, "reported::middleware::handler")),
            )
        },
    ],
);

type Settings = Arc<RwLock<String>>;

async fn handler(settings: &Settings, number: usize) {
    if number % 200 == 150 {
        settings.write().await.push('.');
    }
}

async fn middleware(settings: Settings, number: usize) {
    let title = settings.read().await;
    handler(&settings, number).await;
    std::hint::black_box(title.len());
}

async fn middleware_fixed(settings: Settings, number: usize) {
    let title = settings.read().await.clone();
    handler(&settings, number).await;
    std::hint::black_box(title.len());
}

fn run(cx: &Cx, buggy: bool) -> anyhow::Result<()> {
    let settings = Settings::default();
    let handle = move |number| {
        let settings = Arc::clone(&settings);
        async move {
            if buggy {
                middleware(settings, number).await
            } else {
                middleware_fixed(settings, number).await
            }
        }
    };
    serve(cx, handle, nothing())
}

async fn store(settings: Settings) {
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    std::hint::black_box(settings.write().await.len());
}

fn joined(cx: &Cx) -> anyhow::Result<()> {
    let settings = Settings::default();
    let stored = Arc::clone(&settings);
    let handle = move |number| middleware(Arc::clone(&settings), number);
    serve_joined(cx.runtime().build()?, cx, handle, store(stored))
}
