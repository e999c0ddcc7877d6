//! The behaviour of tokio with blocking code, checked by order and counts instead of a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::block_in_place;
use tokio::time::timeout;

/// A runtime with one worker, and the number of threads that it has started.
fn one_worker() -> (Runtime, Arc<AtomicUsize>) {
    let started = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&started);
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().on_thread_start(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    (builder.build().unwrap(), started)
}

#[test]
fn reading_with_tokio_starts_a_thread_of_the_blocking_pool() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("note");
    std::fs::write(&path, "words").unwrap();
    let (runtime, started) = one_worker();
    let read =
        |path: std::path::PathBuf| async move { tokio::fs::read_to_string(path).await.unwrap() };
    assert_eq!(runtime.block_on(runtime.spawn(read(path))).unwrap(), "words");
    assert_eq!(started.load(Ordering::SeqCst), 2, "the worker, and a thread of the blocking pool");
}

#[test]
fn a_deadline_in_the_same_task_cannot_fire_while_it_blocks() {
    let (runtime, _) = one_worker();
    let answer = runtime.spawn(async {
        let blocking = async { block_in_place(|| thread::sleep(Duration::from_millis(100))) };
        timeout(Duration::from_millis(1), blocking).await
    });
    assert_eq!(
        runtime.block_on(answer).unwrap(),
        Ok(()),
        "the answer is a hundred times too late, and the timeout does not fire"
    );
}

#[test]
fn block_in_place_panics_on_a_current_thread_runtime() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let task = runtime.spawn(async { block_in_place(|| ()) });
    let panic = runtime.block_on(task).unwrap_err().into_panic();
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    assert!(
        text.contains("can call blocking only when running on the multi-threaded runtime"),
        "{text}"
    );
}
