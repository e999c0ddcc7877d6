use crate::watched::*;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// The lock or channel with this name in a new snapshot.
fn watched(name: &str) -> Option<Watched> {
    snapshot(crate::clock::now_ns()).into_iter().find(|watched| watched.name == name)
}

/// Waits until a condition holds: no event reports that a thread begins to wait.
fn until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the condition never held");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Polls a future once.
async fn once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    let mut future = Some(future);
    poll_fn(|cx| Poll::Ready(future.take().map(|future| future.poll(cx)).unwrap())).await
}

#[test]
fn a_lock_lists_its_holder_and_waiters() {
    let lock = Arc::new(Mutex::new("tells", 0));
    let made = line!() - 1;
    assert_eq!(watched("tells"), None);
    let held = lock.lock().unwrap();
    let other = Arc::clone(&lock);
    let waiting = std::thread::Builder::new()
        .name("waits".into())
        .spawn(move || *other.lock().unwrap() += 1)
        .unwrap();
    until(|| watched("tells").unwrap().waiters.len() == 1);
    let both = watched("tells").unwrap();
    assert_eq!((both.kind, both.holders.len(), both.holders[0].task), (WatchedKind::Lock, 1, None));
    assert!(both.place.ends_with(&format!("watched/tests.rs:{made}")), "{}", both.place);
    assert!(
        both.holders[0].place.ends_with(&format!("tests.rs:{}", made + 3)),
        "{:?}",
        both.holders
    );
    assert!(
        both.holders[0].tid != both.waiters[0].tid
            && both.holders[0].for_ms >= both.waiters[0].for_ms
    );
    drop(held);
    waiting.join().unwrap();
    assert_eq!((watched("tells"), *lock.lock().unwrap()), (None, 1));
    assert!(lock.try_lock().is_ok());
}

#[test]
fn a_poisoned_lock_behaves_like_that_of_std() {
    let lock = Arc::new(Mutex::new("poisoned", 7));
    let other = Arc::clone(&lock);
    let panics = move || {
        let _held = other.lock();
        std::panic::resume_unwind(Box::new(()));
    };
    std::thread::Builder::new().name("panics".into()).spawn(panics).unwrap().join().unwrap_err();
    assert!(lock.is_poisoned() && watched("poisoned").is_none(), "a panic releases the lock");
    assert_eq!(*lock.lock().unwrap_err().into_inner(), 7);
    assert!(matches!(lock.try_lock(), Err(std::sync::TryLockError::Poisoned(_))));
    assert_eq!(watched("poisoned"), None);
}

#[test]
fn an_async_lock_lists_tasks_and_removes_aborted_waiters() {
    let runtime = runtime();
    let lock = Arc::new(AsyncMutex::new("async", ()));
    let (held, waits) = runtime.block_on(async {
        let held = lock.lock().await;
        let other = Arc::clone(&lock);
        let waits = tokio::spawn(async move { drop(other.lock().await) });
        while watched("async").unwrap().waiters.is_empty() {
            tokio::task::yield_now().await;
        }
        (held, waits)
    });
    let both = watched("async").unwrap();
    assert_eq!(
        (both.kind, both.holders[0].task),
        (WatchedKind::AsyncLock, None),
        "the future of block_on is not a task"
    );
    assert_eq!(both.waiters[0].task.map(|task| task.to_string()), Some(waits.id().to_string()));
    waits.abort();
    until(|| watched("async").unwrap().waiters.is_empty());
    assert!(lock.try_lock().is_none());
    drop(held);
    assert_eq!(watched("async"), None);
    assert!(lock.try_lock().is_some());
}

#[test]
fn a_dropped_future_is_not_a_waiter() {
    runtime().block_on(async {
        let lock = AsyncMutex::new("dropped", ());
        let _held = lock.lock().await;
        {
            let mut second = pin!(lock.lock());
            assert!(watched("dropped").unwrap().waiters.is_empty(), "it was never polled");
            assert!(once(second.as_mut()).await.is_pending());
            assert_eq!(watched("dropped").unwrap().waiters.len(), 1);
        }
        assert!(watched("dropped").unwrap().waiters.is_empty());
    });
}

#[test]
fn a_channel_lists_its_waiters_and_the_users_of_the_other_end() {
    runtime().block_on(async {
        let (sender, mut receiver) = channel("full", 1);
        sender.send(1).await.unwrap();
        assert_eq!(watched("full"), None, "there is no waiter");
        {
            let mut second = pin!(sender.send(2));
            assert!(once(second.as_mut()).await.is_pending());
            let waits = watched("full").unwrap();
            assert_eq!(
                (waits.kind, waits.waiters.len(), waits.others.len()),
                (WatchedKind::Channel, 1, 0)
            );
            assert_eq!(receiver.recv().await, Some(1));
            assert_eq!(watched("full").unwrap().others.len(), 1, "now the receiver is known");
            assert!(once(second.as_mut()).await.is_ready());
        }
        assert_eq!((receiver.recv().await, watched("full")), (Some(2), None));
        let other = sender.clone();
        {
            let mut third = pin!(receiver.recv());
            assert!(once(third.as_mut()).await.is_pending());
            let waits = watched("full").unwrap();
            assert_eq!(
                (waits.waiters.len(), waits.others.len()),
                (1, 1),
                "a clone that sent nothing is not known"
            );
            other.try_send(3).unwrap();
            assert_eq!(watched("full").unwrap().others.len(), 2);
            drop(other);
            assert_eq!(watched("full").unwrap().others.len(), 1);
        }
        assert_eq!(receiver.try_recv(), Ok(3));
    });
}

#[test]
fn a_snapshot_lists_every_lock_that_is_held() {
    let lock = Mutex::new("forgotten", ());
    drop(lock);
    let all: Vec<_> = (0..1_000).map(|_| Mutex::new("many", ())).collect();
    let held: Vec<_> = all.iter().map(|lock| lock.lock().unwrap()).collect();
    let listed = snapshot(crate::clock::now_ns());
    assert_eq!(listed.iter().filter(|lock| lock.name == "many").count(), 1_000);
    drop(held);
    assert!(watched("many").is_none() && watched("forgotten").is_none());
}
