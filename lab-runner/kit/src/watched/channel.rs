//! A channel that records the waiters at its ends, and the last user of the other end.

use crate::watched::lock::noted;
use crate::watched::state::{Note, Part, State};
use lab_recording::post_mortem::WatchedKind;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::{SendError, TryRecvError, TrySendError};

/// A bounded channel under a name, as [`tokio::sync::mpsc::channel`].
///
/// Its other side is known once it was used: an end that was only handed over has no known user.
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

/// Who used a handle last; the note goes with the handle.
#[derive(Debug, Default)]
struct LastUser(Mutex<Option<Note>>);

impl LastUser {
    fn set(&self, note: Note) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(note);
    }
}

/// The end that sends.
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
            self.user.set(self.state.note(Part::Sends, at));
            noted(self.inner.send(message), &self.state, Part::Waits, at).await
        }
    }

    /// Sends a message if there is room.
    ///
    /// # Errors
    /// If there is none, or if all receivers are gone.
    #[track_caller]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.user.set(self.state.note(Part::Sends, Location::caller()));
        self.inner.try_send(message)
    }
}

/// The end that receives.
#[derive(Debug)]
pub struct Receiver<T> {
    inner: mpsc::Receiver<T>,
    state: Arc<State>,
    user: Option<Note>,
}

impl<T> Receiver<T> {
    /// Receives a message, and waits while there is none; none once all senders are gone.
    #[track_caller]
    pub fn recv(&mut self) -> impl Future<Output = Option<T>> {
        let at = Location::caller();
        async move {
            self.user = Some(self.state.note(Part::Receives, at));
            noted(self.inner.recv(), &self.state, Part::WaitsToReceive, at).await
        }
    }

    /// Receives a message if there is one.
    ///
    /// # Errors
    /// If there is none, or if all senders are gone.
    #[track_caller]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.user = Some(self.state.note(Part::Receives, Location::caller()));
        self.inner.try_recv()
    }
}
