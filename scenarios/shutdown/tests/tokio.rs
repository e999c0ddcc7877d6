//! What a runtime does that is ended from inside itself, as far as it ends: the hangs are variants
//! of the scenario.

use std::sync::mpsc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Hands a runtime to a task of its own and returns the panic that follows.
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
fn dropping_it_in_async_code_panics() {
    assert!(
        panic_of(drop).contains("Cannot drop a runtime in a context where blocking is not allowed")
    );
}

#[test]
fn a_deadline_in_async_code_panics_as_well() {
    let text = panic_of(|runtime| runtime.shutdown_timeout(Duration::from_secs(3)));
    assert!(
        text.contains("Cannot drop a runtime in a context where blocking is not allowed"),
        "{text}"
    );
}

/// At which await the caller is cancelled is not certain: a worker may poll it once more before it
/// looks whether its runtime is to end.
#[test]
fn in_the_background_it_returns_and_its_caller_is_cancelled_at_one_of_its_next_awaits() {
    let runtime = runtime();
    let handle = runtime.handle().clone();
    let (say, heard) = mpsc::channel();
    let caller = handle.spawn(async move {
        runtime.shutdown_background();
        say.send("returned").unwrap();
        loop {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(
        heard.iter().collect::<Vec<_>>(),
        ["returned"],
        "the task is dropped, and the sender with it"
    );
    let outside = Builder::new_current_thread().build().unwrap();
    let end: Result<(), _> = outside.block_on(caller);
    assert!(end.unwrap_err().is_cancelled());
}
