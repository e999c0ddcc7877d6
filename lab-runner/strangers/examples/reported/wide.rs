//! A future that is as large as what it holds across an await: too large for the stack of a worker.

use lab_kit::{Cause, Load, Scenario, Truth};
use lab_strangers::{LOAD, cured, nothing, scenario, serve, sick};
use std::hint::black_box;
use tokio::task::yield_now;

pub static SCENARIO: Scenario = scenario(
    "wide",
    "now and then a request encodes a picture",
    Load { rate: 100.0, ..LOAD },
    &[
        sick(
            "the picture lives in the future",
            |cx| serve(cx, handle, nothing()),
            Some(Truth::new(Cause::StackOverflow, "reported::wide::encode")),
        ),
        cured("the picture lives on the heap", |cx| serve(cx, handle_fixed, nothing())),
    ],
);

const PICTURE: usize = 3 << 20;

async fn encode() -> u8 {
    let mut picture = [0_u8; PICTURE];
    black_box(&mut picture)[7] = 7;
    yield_now().await;
    black_box(&picture)[7]
}

async fn handle(number: usize) {
    if number % 50 == 30 {
        let encoded = tokio::spawn(encode());
        let _ = encoded.await;
    }
}

async fn encode_fixed() -> u8 {
    let mut picture = vec![0_u8; PICTURE];
    black_box(&mut picture)[7] = 7;
    yield_now().await;
    black_box(&picture)[7]
}

async fn handle_fixed(number: usize) {
    if number % 50 == 30 {
        let encoded = tokio::spawn(encode_fixed());
        let _ = encoded.await;
    }
}
