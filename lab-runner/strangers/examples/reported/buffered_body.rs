//! Downloads that nobody looks at while what was downloaded is stored: their time is up before they are polled again.

use futures::StreamExt;
use futures::stream;
use lab_kit::{Cause, Load, Scenario, Truth};
use lab_strangers::{LOAD, cured, nothing, scenario, serve, sick};
use std::time::Duration;
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

pub static SCENARIO: Scenario = scenario(
    "buffered-body",
    "pages are fetched four at a time and stored one by one",
    Load { rate: 20.0, ..LOAD },
    &[
        sick(
            "the stream is not polled while a page is stored",
            |cx| serve(cx, |_| import(), nothing()),
            Some(Truth::new(Cause::StarvedInTask, "reported::buffered_body::import")),
        ),
        cured("each page is fetched by a task", |cx| serve(cx, |_| import_fixed(), nothing())),
    ],
);

/// A few round trips of ten milliseconds, none of which is slow.
async fn fetch(page: usize) -> Result<usize, Elapsed> {
    let download = async move {
        for _ in 0..if page % 4 == 3 { 4 } else { 2 } {
            sleep(Duration::from_millis(10)).await;
        }
        page
    };
    timeout(Duration::from_millis(80), download).await
}

async fn store(_page: usize) {
    sleep(Duration::from_millis(30)).await;
}

async fn import() -> Result<(), Elapsed> {
    let mut pages = stream::iter(0..12).map(fetch).buffer_unordered(4);
    while let Some(page) = pages.next().await {
        store(page?).await;
    }
    Ok(())
}

async fn import_fixed() -> Result<(), Elapsed> {
    let mut pages = stream::iter(0..12).map(|page| tokio::spawn(fetch(page))).buffer_unordered(4);
    while let Some(page) = pages.next().await {
        if let Ok(page) = page {
            store(page?).await;
        }
    }
    Ok(())
}
