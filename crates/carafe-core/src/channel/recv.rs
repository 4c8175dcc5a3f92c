//! The future and the stream of a receiver.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::state::RecvWait;
use super::{End, Receiver, Shared};
use crate::context;
use crate::wait_list::refresh;

/// The future of [`Receiver::recv`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Receiving<'a, T> {
    shared: &'a Shared<T>,
    key: Option<usize>,
}

impl<'a, T> Receiving<'a, T> {
    pub(super) fn new(shared: &'a Shared<T>) -> Self {
        Receiving { shared, key: None }
    }
}

impl<T> Future for Receiving<'_, T> {
    type Output = Result<T, End>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = self.shared;
        poll_next(shared, &mut self.key, cx)
    }
}

impl<T> Drop for Receiving<'_, T> {
    fn drop(&mut self) {
        leave(self.shared, &mut self.key);
    }
}

impl<T> fmt::Debug for Receiving<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving").field("is_waiting", &self.key.is_some()).finish_non_exhaustive()
    }
}

/// The items of a channel as a [`Stream`], which ends with the channel; made by
/// [`Receiver::into_items`].
///
/// # Cancel safety
///
/// Between two polls it stays in the queue of those who wait, so the next item may be handed to it:
/// keep polling it, or drop it.
///
/// # On drop
///
/// Closes the receiver. An item that it was handed and has not given goes to the next receiver who
/// waits, or back to the front of the channel.
pub struct Items<T> {
    receiver: Receiver<T>,
    key: Option<usize>,
}

impl<T> Items<T> {
    pub(super) fn new(receiver: Receiver<T>) -> Self {
        Items { receiver, key: None }
    }

    /// Gives the next item, or None when the last sender is closed and nothing is left.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        poll_next(&self.receiver.shared, &mut self.key, cx).map(Result::ok)
    }
}

impl<T> Stream for Items<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }
}

impl<T> Drop for Items<T> {
    fn drop(&mut self) {
        // Before the receiver is closed.
        leave(&self.receiver.shared, &mut self.key);
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Items").field(&self.receiver).finish()
    }
}

/// Gives the next item to the one at `key`, which is its place in the queue while it waits.
fn poll_next<T>(
    shared: &Shared<T>,
    key: &mut Option<usize>,
    cx: &Context<'_>,
) -> Poll<Result<T, End>> {
    let Some(place) = *key else {
        ready!(context::poll_budget(cx));
        let mut state = shared.lock();
        if let Some((item, served)) = state.take() {
            drop(state);
            served.wake();
            context::spend();
            return Poll::Ready(Ok(item));
        }
        if state.is_over() {
            return Poll::Ready(Err(End));
        }
        *key = Some(state.receiving.push_back(RecvWait::Waiting(cx.waker().clone())));
        // Where one waits there is room for one more.
        let served = state.meet();
        drop(state);
        served.wake();
        return Poll::Pending;
    };
    let mut state = shared.lock();
    if let RecvWait::Waiting(waker) = state.receiving.find(place) {
        let old = refresh(waker, cx.waker());
        drop(state);
        drop(old);
        return Poll::Pending;
    }
    *key = None;
    let item = match state.receiving.remove(place) {
        RecvWait::Handed(item) => item,
        RecvWait::Waiting(_) | RecvWait::End => return Poll::Ready(Err(End)),
    };
    let served = state.taken();
    drop(state);
    served.wake();
    context::spend();
    Poll::Ready(Ok(item))
}

/// Leaves the queue, and gives back what was handed over meanwhile.
fn leave<T>(shared: &Shared<T>, key: &mut Option<usize>) {
    let Some(place) = key.take() else { return };
    let mut state = shared.lock();
    match state.receiving.remove(place) {
        RecvWait::Handed(item) => {
            let served = state.give_back(item);
            drop(state);
            served.wake();
        }
        gone => {
            drop(state);
            drop(gone);
        }
    }
}
