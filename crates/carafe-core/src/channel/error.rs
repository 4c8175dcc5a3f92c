//! What can go wrong with a channel.

use std::error::Error;
use std::fmt;

/// Nobody receives any more: the last receiver is closed. It gives back what was to be sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Broken<T>(pub T);

impl<T> fmt::Debug for Broken<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Broken").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for Broken<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the channel has no receiver any more")
    }
}

impl<T> Error for Broken<T> {}

/// Why an item could not be sent at once. It gives the item back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// There is no room for it now.
    Full(T),
    /// Nobody receives any more.
    Broken(T),
}

impl<T> TrySendError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            TrySendError::Full(item) | TrySendError::Broken(item) => item,
        }
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            TrySendError::Full(_) => "Full",
            TrySendError::Broken(_) => "Broken",
        };
        f.debug_tuple(name).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrySendError::Full(_) => f.write_str("the channel is full"),
            TrySendError::Broken(_) => Broken(()).fmt(f),
        }
    }
}

impl<T> Error for TrySendError<T> {}

/// Nothing comes any more: the last sender is closed, and everything was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End;

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the channel has ended")
    }
}

impl Error for End {}

/// Why there is no item at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryRecvError {
    /// There is none now.
    Empty,
    /// There will be none.
    End,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryRecvError::Empty => f.write_str("the channel is empty"),
            TryRecvError::End => End.fmt(f),
        }
    }
}

impl Error for TryRecvError {}
