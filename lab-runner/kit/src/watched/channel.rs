//! A channel that records the waiters at each end and the last users of the other end.

use crate::watched::lock::recorded;
use crate::watched::state::{Role, RoleGuard, State};
use lab_recording::post_mortem::WatchedKind;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::{SendError, TryRecvError, TrySendError};

/// A bounded channel with a name, like [`tokio::sync::mpsc::channel`].
///
/// The user of an end is known once it has sent or received. An end that was only moved to another
/// task has no known user.
///
/// # Panics
/// If the capacity is zero.
#[track_caller]
pub fn channel<T>(name: &str, capacity: usize) -> (Sender<T>, Receiver<T>) {
    let state = State::new(WatchedKind::Channel, name, Location::caller());
    let (sender, receiver) = mpsc::channel(capacity);
    let user = LastUser::default();
    (
        Sender { inner: sender, state: Arc::clone(&state), user },
        Receiver { inner: receiver, state, user: None },
    )
}

/// The last user of a handle; it is forgotten when the handle is dropped.
#[derive(Debug, Default)]
struct LastUser(Mutex<Option<RoleGuard>>);

impl LastUser {
    fn set(&self, user: RoleGuard) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(user);
    }
}

/// The sending end of a channel.
#[derive(Debug)]
pub struct Sender<T> {
    inner: mpsc::Sender<T>,
    state: Arc<State>,
    user: LastUser,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender {
            inner: self.inner.clone(),
            state: Arc::clone(&self.state),
            user: LastUser::default(),
        }
    }
}

impl<T> Sender<T> {
    /// Sends a message, and waits while the channel is full.
    ///
    /// # Errors
    /// If all receivers are gone.
    #[track_caller]
    pub fn send(&self, message: T) -> impl Future<Output = Result<(), SendError<T>>> {
        let at = Location::caller();
        async move {
            self.user.set(self.state.record(Role::Sends, at));
            recorded(self.inner.send(message), &self.state, Role::Waits, at).await
        }
    }

    /// Sends a message if there is room.
    ///
    /// # Errors
    /// If there is none, or if all receivers are gone.
    #[track_caller]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.user.set(self.state.record(Role::Sends, Location::caller()));
        self.inner.try_send(message)
    }
}

/// The receiving end of a channel.
#[derive(Debug)]
pub struct Receiver<T> {
    inner: mpsc::Receiver<T>,
    state: Arc<State>,
    user: Option<RoleGuard>,
}

impl<T> Receiver<T> {
    /// Receives a message, and waits while there is none. Returns `None` once all senders are gone.
    #[track_caller]
    pub fn recv(&mut self) -> impl Future<Output = Option<T>> {
        let at = Location::caller();
        async move {
            self.user = Some(self.state.record(Role::Receives, at));
            recorded(self.inner.recv(), &self.state, Role::WaitsToReceive, at).await
        }
    }

    /// Receives a message if there is one.
    ///
    /// # Errors
    /// If there is none, or if all senders are gone.
    #[track_caller]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.user = Some(self.state.record(Role::Receives, Location::caller()));
        self.inner.try_recv()
    }
}
