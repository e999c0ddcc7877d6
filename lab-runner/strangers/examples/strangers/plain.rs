//! Services of plain functions.

use lab_kit::Cx;
use lab_strangers::{nothing, serve, serve_on, spin};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

async fn reload() {
    loop {
        tokio::time::sleep(Duration::from_millis(150)).await;
        std::thread::sleep(Duration::from_millis(60)); // settles
    }
}

pub fn sleeps(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, |_| nothing(), reload())
}

pub fn sleeps_async(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, |_| nothing(), async {
        loop {
            tokio::time::sleep(Duration::from_millis(210)).await;
        }
    })
}

async fn report(number: usize) {
    if number % 100 == 50 {
        let mut rows: Vec<u64> = (0..600_000).map(spin_a_little).collect();
        rows.sort_unstable();
        black_box(rows);
    }
}

fn spin_a_little(seed: u64) -> u64 {
    spin(4) ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

pub fn sorts(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, report, nothing())
}

async fn resolve(number: usize) {
    if number % 80 == 40 {
        let (answer, answered) = std::sync::mpsc::channel();
        let ask = std::thread::Builder::new().spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            answer.send(number)
        });
        black_box((ask.is_ok(), answered.recv().is_ok()));
    }
}

pub fn resolves(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, resolve, nothing())
}

type Shared = Arc<Mutex<HashMap<usize, u64>>>;

async fn look_up(shared: Shared, number: usize) {
    let known = shared.lock().unwrap_or_else(PoisonError::into_inner).get(&(number % 7)).copied();
    black_box(known);
}

pub fn shared_map(cx: &Cx) -> anyhow::Result<()> {
    let shared = Shared::default();
    let (filled, asked) = (Arc::clone(&shared), Arc::clone(&shared));
    let filler = std::thread::Builder::new().name("filler".into());
    filler.spawn(move || {
        for round in 0..20 {
            let mut map = filled.lock().unwrap_or_else(PoisonError::into_inner);
            std::thread::sleep(Duration::from_millis(70)); // asks a database
            map.insert(round % 7, spin(100));
            drop(map);
            std::thread::sleep(Duration::from_millis(30));
        }
    })?;
    serve(cx, move |number| look_up(Arc::clone(&asked), number), nothing())
}

async fn broadcast(permits: Arc<Semaphore>, number: usize) {
    if number == 150 {
        let one = |_| {
            let permits = Arc::clone(&permits);
            async move { permits.acquire_owned().await.is_ok() }
        };
        black_box(futures::future::join_all((0..60_000).map(one)).await);
    }
}

pub fn fans_out(cx: &Cx) -> anyhow::Result<()> {
    let permits = Arc::new(Semaphore::new(1_000_000));
    serve(cx, move |number| broadcast(Arc::clone(&permits), number), nothing())
}

async fn thumbnail(number: usize) {
    if number.is_multiple_of(4) {
        let scale = move || std::thread::sleep(Duration::from_millis(60));
        black_box(tokio::task::spawn_blocking(scale).await.is_ok());
    }
}

pub fn hands_off(cx: &Cx) -> anyhow::Result<()> {
    let mut builder = cx.runtime();
    builder.max_blocking_threads(2);
    serve_on(builder.build()?, cx, thumbnail, nothing())
}

pub fn naps(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, |_| tokio::time::sleep(Duration::from_millis(30)), nothing())
}

pub fn computes(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, |_| async { assert_ne!(black_box(spin(50_000)), 0) }, nothing())
}

pub fn offloads(cx: &Cx) -> anyhow::Result<()> {
    let offload = |number: usize| async move {
        if number % 50 == 25 {
            black_box(tokio::task::spawn_blocking(|| spin(20_000_000)).await.is_ok());
        }
    };
    serve(cx, offload, nothing())
}

pub fn slices(cx: &Cx) -> anyhow::Result<()> {
    serve(cx, |_| nothing(), async {
        for _ in 0..2_000 {
            black_box(spin(100_000));
            tokio::task::yield_now().await;
        }
    })
}

pub fn locks(cx: &Cx) -> anyhow::Result<()> {
    let shared = Shared::default();
    let use_it = move |number: usize| {
        let shared = Arc::clone(&shared);
        async move {
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let sum = shared.entry(number % 16).or_default();
            *sum = sum.wrapping_add(spin(50));
        }
    };
    serve(cx, use_it, nothing())
}
