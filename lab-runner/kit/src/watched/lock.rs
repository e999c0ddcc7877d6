//! Locks that record their holders and waiters.

use crate::watched::state::{Role, RoleGuard, State};
use lab_recording::post_mortem::WatchedKind;
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::pin;
use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult};
use std::task::Poll;

/// A [`std::sync::Mutex`] that records its holder and its waiters.
#[derive(Debug)]
pub struct Mutex<T> {
    inner: std::sync::Mutex<T>,
    state: Arc<State>,
}

/// The guard of a locked [`Mutex`]; its drop unlocks it.
#[derive(Debug)]
pub struct MutexGuard<'a, T> {
    // Dropped before the lock is released. So a snapshot may miss the holder of a lock that is
    // about to be free, but never shows two holders.
    _held: RoleGuard,
    inner: std::sync::MutexGuard<'a, T>,
}

impl<T> Mutex<T> {
    /// A lock with a name.
    #[track_caller]
    pub fn new(name: &str, value: T) -> Mutex<T> {
        Mutex {
            inner: std::sync::Mutex::new(value),
            state: State::new(WatchedKind::Lock, name, Location::caller()),
        }
    }

    /// Locks, and blocks the thread until the lock is free.
    ///
    /// # Errors
    /// If a holder panicked, as for the lock of the standard library.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let at = Location::caller();
        let locked = match self.inner.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let _waits = self.state.record(Role::Waits, at);
                self.inner.lock()
            }
            Ok(guard) => Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => Err(poisoned),
        };
        match locked {
            Ok(guard) => Ok(self.held(guard, at)),
            Err(poisoned) => Err(PoisonError::new(self.held(poisoned.into_inner(), at))),
        }
    }

    /// Locks if the lock is free.
    ///
    /// # Errors
    /// If it is held, or if a holder panicked.
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let at = Location::caller();
        match self.inner.try_lock() {
            Ok(guard) => Ok(self.held(guard, at)),
            Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
            Err(TryLockError::Poisoned(poisoned)) => {
                Err(TryLockError::Poisoned(PoisonError::new(self.held(poisoned.into_inner(), at))))
            }
        }
    }

    /// Whether a holder panicked.
    pub fn is_poisoned(&self) -> bool {
        self.inner.is_poisoned()
    }

    fn held<'a>(
        &self,
        inner: std::sync::MutexGuard<'a, T>,
        at: &'static Location<'static>,
    ) -> MutexGuard<'a, T> {
        MutexGuard { _held: self.state.record(Role::Holds, at), inner }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

/// A [`tokio::sync::Mutex`] that records its holder and its waiters.
#[derive(Debug)]
pub struct AsyncMutex<T> {
    inner: tokio::sync::Mutex<T>,
    state: Arc<State>,
}

/// The guard of a locked [`AsyncMutex`]; its drop unlocks it.
#[derive(Debug)]
pub struct AsyncMutexGuard<'a, T> {
    _held: RoleGuard,
    inner: tokio::sync::MutexGuard<'a, T>,
}

impl<T> AsyncMutex<T> {
    /// A lock with a name.
    #[track_caller]
    pub fn new(name: &str, value: T) -> AsyncMutex<T> {
        AsyncMutex {
            inner: tokio::sync::Mutex::new(value),
            state: State::new(WatchedKind::AsyncLock, name, Location::caller()),
        }
    }

    /// Locks, and waits until the lock is free. The task of the first poll is recorded as the
    /// waiter, until the future is dropped.
    // Not an `async fn`, because `#[track_caller]` has no effect on one.
    #[track_caller]
    pub fn lock(&self) -> impl Future<Output = AsyncMutexGuard<'_, T>> {
        let at = Location::caller();
        async move {
            let inner = recorded(self.inner.lock(), &self.state, Role::Waits, at).await;
            AsyncMutexGuard { _held: self.state.record(Role::Holds, at), inner }
        }
    }

    /// Locks if the lock is free.
    #[track_caller]
    pub fn try_lock(&self) -> Option<AsyncMutexGuard<'_, T>> {
        let inner = self.inner.try_lock().ok()?;
        Some(AsyncMutexGuard { _held: self.state.record(Role::Holds, Location::caller()), inner })
    }
}

impl<T> Deref for AsyncMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for AsyncMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

/// Awaits a future, and records the task in `role` from the first pending poll on.
pub(super) async fn recorded<F: Future>(
    future: F,
    state: &Arc<State>,
    role: Role,
    at: &'static Location<'static>,
) -> F::Output {
    let mut future = pin!(future);
    let mut waits = None;
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Pending => {
            waits.get_or_insert_with(|| state.record(role, at));
            Poll::Pending
        }
        ready => ready,
    })
    .await
}
