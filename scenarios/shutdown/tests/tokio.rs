//! The behaviour of a runtime that is shut down from inside itself, in the cases that end. The
//! hangs are variants of the scenario.

use std::sync::mpsc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Runs `end` with a runtime, inside a task of that runtime, and returns the text of the panic.
fn panic_of(end: impl FnOnce(Runtime) + Send + 'static) -> String {
    let runtime = runtime();
    let handle = runtime.handle().clone();
    let (ended, end_of) = mpsc::channel();
    handle.spawn(async move {
        let ending = std::panic::AssertUnwindSafe(|| end(runtime));
        let panic = std::panic::catch_unwind(ending).expect_err("it panics");
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let _ = ended
            .send(text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default());
    });
    end_of.recv().unwrap()
}

#[test]
fn a_drop_in_async_code_panics() {
    assert!(
        panic_of(drop).contains("Cannot drop a runtime in a context where blocking is not allowed")
    );
}

#[test]
fn shutdown_timeout_in_async_code_panics() {
    let text = panic_of(|runtime| runtime.shutdown_timeout(Duration::from_secs(3)));
    assert!(
        text.contains("Cannot drop a runtime in a context where blocking is not allowed"),
        "{text}"
    );
}

/// The caller is cancelled at one of its next awaits, not necessarily the first: a worker may poll
/// the task again before it checks for the shutdown.
#[test]
fn shutdown_background_returns_and_its_caller_is_cancelled() {
    let runtime = runtime();
    let handle = runtime.handle().clone();
    let (sender, received) = mpsc::channel();
    let caller = handle.spawn(async move {
        runtime.shutdown_background();
        sender.send("returned").unwrap();
        loop {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(
        received.iter().collect::<Vec<_>>(),
        ["returned"],
        "the task is dropped, and the sender with it"
    );
    let outside = Builder::new_current_thread().build().unwrap();
    let end: Result<(), _> = outside.block_on(caller);
    assert!(end.unwrap_err().is_cancelled());
}
