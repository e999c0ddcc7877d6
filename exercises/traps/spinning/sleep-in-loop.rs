//! Spinning.
//!
//! The price counter answers quotes with the newest list of prices. The lists of a day are published
//! in the morning, and a handful of customers ask all day. Quotes are quick and right. But from the
//! moment at which the last list of the day is there one core is at 100 %, until the evening. The
//! bill for the fleet has doubled since prices are lists, laptops of developers are warm, and no
//! log has a line more than before.
//!
//! TODO(lab): the counter must be idle while nobody asks and no list comes. Each quote must still be
//! answered at once, with the newest list.
//!
//!     cargo lab exercise check spinning

use lab_exercises::counter::{self, Prices, Quote};
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

fn main() -> ExitCode {
    lab_exercises::run(|cx| counter::serve(cx, serve_counter))
}

/// Answers quotes until nobody can ask any more.
async fn serve_counter(mut quotes: mpsc::Receiver<Quote>, mut lists: watch::Receiver<Prices>) {
    let mut prices = *lists.borrow_and_update();
    loop {
        tokio::select! {
            quote = quotes.recv() => match quote {
                Some(quote) => quote.answer(&prices),
                None => return,
            },
            _ = lists.changed() => {
                prices = *lists.borrow_and_update();
                sleep(Duration::from_millis(5)).await;
            }
        }
    }
}
