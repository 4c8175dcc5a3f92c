//! Channels in memory: items handed from senders to receivers, in order, with back-pressure.
//!
//! [`memory_channel`] gives a [`Sender`] and a [`Receiver`]. Both can be cloned; each item goes to one
//! receiver. A channel of capacity 0 has no buffer: a [`send`](Sender::send) ends when a receiver has
//! come for the item.
//!
//! ```
//! use carafe_core::channel::memory_channel;
//! # use carafe_core::{Nursery, Runner, nursery};
//! # Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |rt| {
//!
//! let (jobs, queue) = memory_channel(4);
//! # let ended: Result<(), carafe_core::NurseryError<std::io::Error>> =
//! nursery(&rt, async |n: &Nursery<_, _>| {
//!     for _worker in 0..2 {
//!         let queue = queue.clone();
//!         n.spawn(async move {
//!             while let Ok(job) = queue.recv().await {
//!                 println!("{job}");
//!             }
//!             Ok(())
//!         });
//!     }
//!     for job in 0..100 {
//!         // Waits while four jobs are queued.
//!         jobs.send(job).await.expect("the workers listen");
//!     }
//!     // The last sender: the workers end.
//!     jobs.close();
//!     Ok(())
//! })
//! # .await;
//! # ended.unwrap();
//! # }).unwrap();
//! ```
//!
//! # Hand-over
//!
//! Whoever waits is served, in order of arrival; nobody overtakes. An item sent while a receiver waits
//! is that receiver's from then on, though its task has not been polled yet, and a slot that becomes
//! free while a sender waits is that sender's.
//!
//! # Cancellation
//!
//! An operation that has completed wins over a cancellation: a receiver that was handed an item gives
//! it, even if it is cancelled before it is polled. And where foreign code drops the receiver's future
//! instead, the item goes to the next one who waits, or back to the front of the channel. So an item
//! is received once, or comes back to its sender, or is dropped with the channel; never is it lost
//! between.

mod error;
mod recv;
mod send;
mod state;

use std::fmt;
use std::sync::Arc;

pub use self::error::{Broken, End, TryRecvError, TrySendError};
pub use self::recv::{Items, Receiving};
pub use self::send::{Permit, Reserving, Sending};

use self::state::State;
use crate::atomics::{Mutex, MutexGuard};

/// Makes a channel that buffers up to `capacity` items; with 0, an item goes from hand to hand.
pub fn memory_channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared(Mutex::new(State::new(capacity))));
    (Sender { shared: shared.clone() }, Receiver { shared })
}

/// Makes a channel that takes whatever is sent, at once: what its receivers do not keep up with costs
/// memory, so a capacity is the better choice wherever the senders can wait.
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    memory_channel(usize::MAX)
}

struct Shared<T>(Mutex<State<T>>);

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().expect("nothing panics under a channel's lock")
    }

    fn statistics(&self) -> Statistics {
        let state = self.lock();
        Statistics {
            capacity: state.capacity,
            buffered: state.buffer.len(),
            peak: state.peak,
            senders: state.senders,
            receivers: state.receivers,
            waiting_send: state.sending.len(),
            waiting_recv: state.receiving.len(),
        }
    }
}

/// What a channel looks like at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// How many items it buffers at most; `usize::MAX` if it is unbounded.
    pub capacity: usize,
    /// How many items are buffered. What was handed to a receiver is not among them.
    pub buffered: usize,
    /// The most that were ever buffered.
    pub peak: usize,
    /// How many senders are open.
    pub senders: usize,
    /// How many receivers are open.
    pub receivers: usize,
    /// How many wait to send, or for a permit.
    pub waiting_send: usize,
    /// How many wait for an item.
    pub waiting_recv: usize,
}

/// The end of a channel where items go in; made by [`memory_channel`].
///
/// # On drop
///
/// Closes it. When the last sender is closed, receivers get what is buffered, and then [`End`].
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends `item`, as soon as there is room for it; on a channel of capacity 0, as soon as a receiver
    /// comes for it.
    ///
    /// # Errors
    ///
    /// [`Broken`], with the item, when the last receiver is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it leaves the queue and the item is dropped, which nobody has received.
    /// Who wants to keep the item [reserves](Sender::reserve) a slot first. Once the item is in the
    /// channel, dropping the future changes nothing.
    pub fn send(&self, item: T) -> Sending<'_, T> {
        Sending::new(&self.shared, item)
    }

    /// Sends `item` if there is room for it at once.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] or [`TrySendError::Broken`], with the item.
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let mut state = self.shared.lock();
        if state.is_broken() {
            return Err(TrySendError::Broken(item));
        }
        if !state.has_room() {
            return Err(TrySendError::Full(item));
        }
        let served = state.put(item);
        drop(state);
        served.wake();
        Ok(())
    }

    /// Waits for a slot, and keeps it: with the [`Permit`] an item is sent at once, later.
    ///
    /// On a channel of capacity 0 it waits for a receiver, which waits for the item then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use carafe_core::Runner;
    /// # use carafe_core::channel::memory_channel;
    /// # Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |_| {
    /// let (sender, receiver) = memory_channel(1);
    /// let permit = sender.reserve().await.unwrap();
    /// // Nothing of what is made here is lost by a cancellation: the slot is there.
    /// permit.send("made for this slot").unwrap();
    /// assert_eq!(receiver.recv().await, Ok("made for this slot"));
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Broken`] when the last receiver is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it leaves the queue; a slot that it was given meanwhile goes to the next.
    pub fn reserve(&self) -> Reserving<'_, T> {
        Reserving::new(&self.shared)
    }

    /// Takes a slot if there is one at once.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] or [`TrySendError::Broken`].
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        let mut state = self.shared.lock();
        if state.is_broken() {
            return Err(TrySendError::Broken(()));
        }
        if !state.has_room() {
            return Err(TrySendError::Full(()));
        }
        state.reserved += 1;
        Ok(Permit::of(&self.shared))
    }

    /// What the channel looks like now.
    pub fn statistics(&self) -> Statistics {
        self.shared.statistics()
    }

    /// Closes this sender, as dropping it does. What uses it afterwards does not compile:
    ///
    /// ```compile_fail,E0382
    /// let (sender, _receiver) = carafe_core::channel::unbounded();
    /// sender.close();
    /// sender.try_send(1);
    /// ```
    pub fn close(self) {}
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.lock().senders += 1;
        Sender { shared: self.shared.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let served = self.shared.lock().close_sender();
        served.wake();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.statistics()).finish()
    }
}

/// The end of a channel where items come out; made by [`memory_channel`].
///
/// # On drop
///
/// Closes it. When the last receiver is closed, what is buffered is dropped, and senders get
/// [`Broken`].
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Receiver<T> {
    /// Gives the next item.
    ///
    /// # Errors
    ///
    /// [`End`] when the last sender is closed and nothing is left.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it leaves the queue; an item that it was handed meanwhile goes to the
    /// next receiver who waits, or back to the front of the channel.
    pub fn recv(&self) -> Receiving<'_, T> {
        Receiving::new(&self.shared)
    }

    /// Gives the next item if there is one for us at once: what was handed to somebody who waits is
    /// not.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] or [`TryRecvError::End`].
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.shared.lock();
        match state.take() {
            Some((item, served)) => {
                drop(state);
                served.wake();
                Ok(item)
            }
            None if state.is_over() => Err(TryRecvError::End),
            None => Err(TryRecvError::Empty),
        }
    }

    /// The items as a [`Stream`](futures_core::Stream).
    pub fn into_items(self) -> Items<T> {
        Items::new(self)
    }

    /// What the channel looks like now.
    pub fn statistics(&self) -> Statistics {
        self.shared.statistics()
    }

    /// Closes this receiver, as dropping it does. What uses it afterwards does not compile:
    ///
    /// ```compile_fail,E0382
    /// let (_sender, receiver) = carafe_core::channel::unbounded::<u8>();
    /// receiver.close();
    /// receiver.try_recv();
    /// ```
    pub fn close(self) {}
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.lock().receivers += 1;
        Receiver { shared: self.shared.clone() }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let (unreceived, served) = self.shared.lock().close_receiver();
        served.wake();
        drop(unreceived);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.statistics()).finish()
    }
}
