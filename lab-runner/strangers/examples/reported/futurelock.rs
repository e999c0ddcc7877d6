//! A journal that warns when an entry takes long, and writes the warning to itself.

use lab_kit::{Cause, Load, Scenario, Truth};
use lab_strangers::{LOAD, cured, nothing, scenario, serve, sick};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::sleep;

pub static SCENARIO: Scenario = scenario(
    "futurelock",
    "a journal behind an async lock, and entries that warn when they are late",
    Load { rate: 100.0, ..LOAD },
    &[
        sick(
            "the late entry is kept and not polled while the warning is written",
            |cx| {
                let journal = Arc::new(Journal::default());
                serve(cx, move |number| handle(Arc::clone(&journal), number), nothing())
            },
            Some(Truth::new(Cause::Futurelock, "reported::futurelock::Journal::append")),
        ),
        cured("the late entry goes on in a task of its own", |cx| {
            let journal = Arc::new(Journal::default());
            serve(cx, move |number| handle_fixed(Arc::clone(&journal), number), nothing())
        }),
    ],
);

#[derive(Default)]
struct Journal {
    entries: Mutex<Vec<String>>,
}

impl Journal {
    async fn append(&self, entry: String) {
        let mut entries = self.entries.lock().await;
        if entries.len() % 64 == 63 {
            sleep(Duration::from_millis(60)).await; // a disk that is slow at times
        }
        entries.push(entry);
    }
}

async fn handle(journal: Arc<Journal>, number: usize) {
    let mut written = pin!(journal.append(format!("request {number}")));
    tokio::select! {
        () = &mut written => return,
        () = sleep(Duration::from_millis(20)) => {}
    }
    journal.append(format!("request {number} is late")).await;
    written.await;
}

async fn handle_fixed(journal: Arc<Journal>, number: usize) {
    let writer = Arc::clone(&journal);
    let mut written = tokio::spawn(async move { writer.append(format!("request {number}")).await });
    tokio::select! {
        _ = &mut written => return,
        () = sleep(Duration::from_millis(20)) => {}
    }
    journal.append(format!("request {number} is late")).await;
    let _ = written.await;
}
