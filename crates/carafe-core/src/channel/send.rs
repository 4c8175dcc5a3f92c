//! The futures of a sender.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::state::SendWait;
use super::{Broken, Shared};
use crate::context;
use crate::wait_list::refresh;

/// The future of [`Sender::send`](super::Sender::send).
#[must_use = "a future does nothing until it is awaited"]
pub struct Sending<'a, T> {
    shared: &'a Shared<T>,
    /// The item, until the first poll: then it is in the channel, or at our place in the queue.
    item: Option<T>,
    key: Option<usize>,
}

// The item is never pinned.
impl<T> Unpin for Sending<'_, T> {}

impl<'a, T> Sending<'a, T> {
    pub(super) fn new(shared: &'a Shared<T>, item: T) -> Self {
        Sending { shared, item: Some(item), key: None }
    }
}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), Broken<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = self.shared;
        let Some(key) = self.key else {
            ready!(context::poll_budget(cx));
            let item = self.item.take().expect("`send` is not polled after it has ended");
            let mut state = shared.lock();
            if state.is_broken() {
                return Poll::Ready(Err(Broken(item)));
            }
            if !state.has_room() {
                self.key = Some(state.sending.push_back(SendWait::Item(item, cx.waker().clone())));
                return Poll::Pending;
            }
            let served = state.put(item);
            drop(state);
            served.wake();
            context::spend();
            return Poll::Ready(Ok(()));
        };
        let answer = ready!(poll_answer(shared, key, cx));
        self.key = None;
        Poll::Ready(match answer {
            Ok(()) => Ok(()),
            Err(item) => Err(Broken(item.expect("its item is where a sender waits"))),
        })
    }
}

impl<T> Drop for Sending<'_, T> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let gone = self.shared.lock().sending.remove(key);
        // Where no lock is held: the item may be anybody's, with a destructor of its own.
        drop(gone);
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("is_waiting", &self.key.is_some()).finish_non_exhaustive()
    }
}

/// The future of [`Sender::reserve`](super::Sender::reserve).
#[must_use = "a future does nothing until it is awaited"]
pub struct Reserving<'a, T> {
    shared: &'a Shared<T>,
    key: Option<usize>,
}

impl<'a, T> Reserving<'a, T> {
    pub(super) fn new(shared: &'a Shared<T>) -> Self {
        Reserving { shared, key: None }
    }
}

impl<'a, T> Future for Reserving<'a, T> {
    type Output = Result<Permit<'a, T>, Broken<()>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = self.shared;
        let Some(key) = self.key else {
            ready!(context::poll_budget(cx));
            let mut state = shared.lock();
            if state.is_broken() {
                return Poll::Ready(Err(Broken(())));
            }
            if !state.has_room() {
                self.key = Some(state.sending.push_back(SendWait::Slot(cx.waker().clone())));
                return Poll::Pending;
            }
            state.reserved += 1;
            drop(state);
            context::spend();
            return Poll::Ready(Ok(Permit { shared }));
        };
        let answer = ready!(poll_answer(shared, key, cx));
        self.key = None;
        Poll::Ready(answer.map(|()| Permit { shared }).map_err(|_no_item| Broken(())))
    }
}

impl<T> Drop for Reserving<'_, T> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut state = self.shared.lock();
        let gone = state.sending.remove(key);
        let served = matches!(gone, SendWait::Done).then(|| state.unreserve());
        drop(state);
        if let Some(served) = served {
            served.wake();
        }
    }
}

impl<T> fmt::Debug for Reserving<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserving").field("is_waiting", &self.key.is_some()).finish_non_exhaustive()
    }
}

/// Looks what became of one who waits. Once there is an answer, its place in the queue is gone.
fn poll_answer<T>(shared: &Shared<T>, key: usize, cx: &Context<'_>) -> Poll<Result<(), Option<T>>> {
    let mut state = shared.lock();
    let answer = match state.sending.find(key) {
        SendWait::Item(_, waker) | SendWait::Slot(waker) => {
            let old = refresh(waker, cx.waker());
            drop(state);
            drop(old);
            return Poll::Pending;
        }
        SendWait::Done => Ok(()),
        SendWait::Broken(item) => Err(item.take()),
    };
    state.sending.remove(key);
    drop(state);
    context::spend();
    Poll::Ready(answer)
}

/// A slot of a channel, for one item; made by [`Sender::reserve`](super::Sender::reserve).
///
/// # On drop
///
/// Unused, it goes to the next who waits for a slot.
#[must_use = "a permit is for sending an item; dropped, it gives its slot back"]
pub struct Permit<'a, T> {
    shared: &'a Shared<T>,
}

impl<'a, T> Permit<'a, T> {
    /// A permit for a slot that the caller has reserved.
    pub(super) fn of(shared: &'a Shared<T>) -> Self {
        Permit { shared }
    }

    /// Sends `item`, at once.
    ///
    /// On a channel of capacity 0 the receiver may have left since; then the item waits for the next.
    ///
    /// # Errors
    ///
    /// [`Broken`], with the item, when the last receiver is closed.
    pub fn send(self, item: T) -> Result<(), Broken<T>> {
        let mut state = self.shared.lock();
        if state.is_broken() {
            drop(state);
            return Err(Broken(item));
        }
        let served = state.put_reserved(item);
        drop(state);
        // The slot is the item's.
        mem::forget(self);
        served.wake();
        Ok(())
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        let served = self.shared.lock().unreserve();
        served.wake();
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}
