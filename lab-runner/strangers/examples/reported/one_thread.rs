//! A server whose workers are runtimes of one thread each, and a handler that asks a database and blocks.

use lab_kit::{Cause, Cx, Load, Request, Scenario, Truth};
use lab_strangers::{LOAD, cured, scenario, sick};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::sleep;

pub static SCENARIO: Scenario = scenario(
    "one-thread",
    "one runtime of one thread, as each worker of some web servers is",
    Load { rate: 300.0, ..LOAD },
    &[
        sick(
            "a token is looked up by a driver that blocks",
            |cx| run(cx, true),
            Some(Truth::new(Cause::BlockingCall, "reported::one_thread::verify")),
        ),
        cured("a token is looked up by a driver that is async", |cx| run(cx, false)),
    ],
);

async fn verify(number: usize) {
    if number % 60 == 40 {
        std::thread::sleep(Duration::from_millis(80)); // asks the database
    }
}

async fn verify_fixed(number: usize) {
    if number % 60 == 40 {
        sleep(Duration::from_millis(80)).await;
    }
}

fn run(cx: &Cx, buggy: bool) -> anyhow::Result<()> {
    let runtime = cx.current_thread().build()?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = std::thread::Builder::new().name("server".into());
    let server = server.spawn(move || runtime.block_on(stopped))?;
    let requests = cx.requests(&handle, move |Request { number }| async move {
        if buggy { verify(number).await } else { verify_fixed(number).await }
    })?;
    requests.finish()?;
    drop(stop);
    let _ = server.join();
    Ok(())
}
