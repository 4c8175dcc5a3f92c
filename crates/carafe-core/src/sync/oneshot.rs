//! One value, once, from one task to another.
//!
//! ```
//! use carafe_core::sync::oneshot;
//! # carafe_core::Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |_| {
//!
//! let (sender, receiver) = oneshot::channel();
//! sender.send(1).unwrap();
//! assert_eq!(receiver.await, Ok(1));
//! # }).unwrap();
//! ```

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_channel::oneshot as inner;

use super::Spends;
use crate::channel::{Broken, End, TryRecvError};
use crate::context;

/// Makes a channel for one value.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = inner::channel();
    (Sender { inner: sender }, Receiver { inner: receiver, has_waited: false })
}

/// The end where the value goes in; made by [`channel`].
///
/// # On drop
///
/// The receiver gets [`End`].
#[derive(Debug)]
pub struct Sender<T> {
    inner: inner::Sender<T>,
}

impl<T> Sender<T> {
    /// Sends the value. It never waits.
    ///
    /// # Errors
    ///
    /// [`Broken`], with the value, when the receiver is gone.
    pub fn send(self, value: T) -> Result<(), Broken<T>> {
        self.inner.send(value).map_err(Broken)
    }

    /// Whether the receiver is gone: the value is not worth its making.
    pub fn is_broken(&self) -> bool {
        self.inner.is_canceled()
    }

    /// Waits until the receiver is gone.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub async fn broken(&mut self) {
        Spends::new(poll_fn(|cx| self.inner.poll_canceled(cx))).await;
    }
}

/// The end where the value comes out: a future; made by [`channel`].
///
/// # Errors
///
/// [`End`] when the sender was dropped and has sent nothing.
///
/// # Cancel safety
///
/// The receiver is the future, so dropping it drops the value, if there is one. Awaiting `&mut
/// receiver` loses nothing.
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Receiver<T> {
    inner: inner::Receiver<T>,
    has_waited: bool,
}

impl<T> Receiver<T> {
    /// Gives the value if it is there.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] or [`TryRecvError::End`].
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.inner.try_recv() {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(TryRecvError::Empty),
            Err(inner::Canceled) => Err(TryRecvError::End),
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, End>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.has_waited {
            ready!(context::poll_budget(cx));
        }
        let Poll::Ready(received) = Pin::new(&mut self.inner).poll(cx) else {
            self.has_waited = true;
            return Poll::Pending;
        };
        context::spend();
        Poll::Ready(received.map_err(|inner::Canceled| End))
    }
}
