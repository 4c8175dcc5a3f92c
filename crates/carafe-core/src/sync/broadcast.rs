//! Every item to everybody who listens.
//!
//! A receiver that falls behind by more than the capacity misses the oldest items, and is told how
//! many: nobody waits for it.
//!
//! ```
//! use carafe_core::sync::broadcast;
//! # carafe_core::Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |_| {
//!
//! let (sender, mut first) = broadcast::channel(2);
//! let mut second = sender.subscribe();
//! sender.send("news");
//! assert_eq!(first.recv().await, Ok("news"));
//! assert_eq!(second.recv().await, Ok("news"));
//! # }).unwrap();
//! ```

use std::fmt;

use super::Spends;

/// Makes a channel that remembers `capacity` items for those who are slow.
///
/// # Panics
///
/// When `capacity` is 0.
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (mut sender, receiver) = async_broadcast::broadcast(capacity);
    // Nobody waits for a receiver that is slow, or is not there.
    sender.set_overflow(true);
    sender.set_await_active(false);
    let door = receiver.new_receiver().deactivate();
    (Sender { inner: sender, door }, Receiver { inner: receiver })
}

/// The end where items go in; made by [`channel`]. Can be cloned.
///
/// # On drop
///
/// With the last sender the channel ends: receivers get what is left, then [`RecvError::End`].
#[derive(Debug, Clone)]
pub struct Sender<T> {
    inner: async_broadcast::Sender<T>,
    /// Keeps the channel open while nobody listens.
    door: async_broadcast::InactiveReceiver<T>,
}

impl<T: Clone> Sender<T> {
    /// Sends `item` to all who listen; where nobody does, it is dropped. It never waits.
    pub fn send(&self, item: T) {
        // Ok gives the oldest item if it had to make room, Err our own where nobody listens; dropped
        // either way.
        drop(self.inner.try_broadcast(item));
    }

    /// Another receiver, which gets what is sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver { inner: self.door.activate_cloned() }
    }

    /// How many listen.
    pub fn receivers(&self) -> usize {
        self.inner.receiver_count()
    }
}

/// The end where items come out; made by [`channel`]. Can be cloned: the clone gets what this one has
/// not got yet.
#[derive(Debug, Clone)]
pub struct Receiver<T> {
    inner: async_broadcast::Receiver<T>,
}

impl<T: Clone> Receiver<T> {
    /// Gives the next item.
    ///
    /// # Errors
    ///
    /// [`RecvError::Missed`] if it was too slow; it goes on with the oldest item there is.
    /// [`RecvError::End`] when the last sender is gone and nothing is left.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has taken nothing: the item is there for the next call.
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        Spends::new(self.inner.recv_direct()).await.map_err(|error| match error {
            async_broadcast::RecvError::Overflowed(missed) => RecvError::Missed(missed),
            async_broadcast::RecvError::Closed => RecvError::End,
        })
    }
}

/// Why a receiver of a broadcast got no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecvError {
    /// It was too slow for so many items.
    Missed(u64),
    /// The last sender is gone.
    End,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvError::Missed(items) => write!(f, "the receiver was too slow for {items} items"),
            RecvError::End => f.write_str("the broadcast has ended"),
        }
    }
}

impl std::error::Error for RecvError {}
