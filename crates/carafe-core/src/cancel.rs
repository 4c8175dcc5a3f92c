//! Cancellation: scopes, deadlines, shields.
//!
//! `node.rs` is the tree that they share; `boundary.rs` what every boundary does when it is polled;
//! the others are the boundaries that users see.

mod boundary;
mod finally;
pub(crate) mod node;
mod scope;
mod shield;
mod timeout;

use std::fmt;
use std::future::poll_fn;
use std::task::Poll;

pub use finally::{Finally, finally};
pub use scope::{CancelScope, ScopeRun};
pub use shield::{Shield, shield};
pub use timeout::{Elapsed, MoveOnAfter, Timeout, move_on_after, timeout};

use crate::context;

/// Why something was cancelled. The first reason sticks and is inherited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// Somebody called `cancel`, with a reason if there is one.
    Explicit(Option<&'static str>),
    /// A deadline has passed.
    Deadline,
    /// The nursery's body or another of its children has failed.
    Sibling,
    /// Foreign code has dropped the nursery.
    Dropped,
    /// The run is ending.
    Shutdown,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Explicit(None) => f.write_str("on request"),
            Cause::Explicit(Some(reason)) => f.write_str(reason),
            Cause::Deadline => f.write_str("its deadline passed"),
            Cause::Sibling => f.write_str("another child failed"),
            Cause::Dropped => f.write_str("its nursery was dropped"),
            Cause::Shutdown => f.write_str("the run is ending"),
        }
    }
}

/// The scope was cancelled before its future ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled(pub(crate) Cause);

impl Cancelled {
    /// Why.
    pub fn cause(&self) -> Cause {
        self.0
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cancelled: {}", self.0)
    }
}

impl std::error::Error for Cancelled {}

/// Lets other tasks run, and is a place where a cancellation is noticed.
///
/// # Cancel safety
///
/// Nothing is lost: it suspends once, and ends at the next poll if it was not cancelled.
pub async fn checkpoint() {
    let mut is_first = true;
    poll_fn(|cx| {
        // In a cancelled scope there is no point in a further turn of the loop: whoever is to drop us
        // does so after this poll.
        if std::mem::take(&mut is_first) {
            if !context::with(|frame| frame.is_some_and(context::Frame::is_cancelled)) {
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}
