//! An export that reads ahead three pages, and uploads each page before it takes the next one.

use futures::StreamExt;
use futures::stream;
use lab_kit::{Cause, Load, Scenario, Truth};
use lab_strangers::{LOAD, cured, nothing, scenario, serve, sick};
use std::time::Duration;
use tokio::time::sleep;

pub static SCENARIO: Scenario = scenario(
    "ordered-pages",
    "exports that read pages ahead and upload them in their order",
    Load { rate: 10.0, ..LOAD },
    &[
        sick(
            "reading ahead stands still during each upload",
            |cx| serve(cx, |_| Export.run(), nothing()),
            Some(Truth::new(Cause::StarvedInTask, "reported::ordered_pages::Export::run")),
        ),
        cured("each page is read by a task", |cx| serve(cx, |_| Export.run_fixed(), nothing())),
    ],
);

struct Export;

impl Export {
    /// Ten short round trips, none of which is slow.
    async fn read(page: u32) -> u32 {
        for _ in 0..10 {
            sleep(Duration::from_millis(4)).await;
        }
        page
    }

    async fn upload(_page: u32) {
        sleep(Duration::from_millis(40)).await;
    }

    async fn run(self) {
        stream::iter(0..8_u32)
            .map(|page| Box::pin(Self::read(page)))
            .buffered(3)
            .for_each(|page| async move { Self::upload(page).await })
            .await;
    }

    async fn run_fixed(self) {
        stream::iter(0..8_u32)
            .map(|page| tokio::spawn(Self::read(page)))
            .buffered(3)
            .for_each(|page| async move { Self::upload(page.unwrap_or(0)).await })
            .await;
    }
}
