//! Cancellation: scopes, deadlines, shields.
//!
//! `node.rs` is the tree that they share; `boundary.rs` what every boundary does when it is polled;
//! the others are the boundaries that users see.

mod boundary;
mod cancellable;
mod finally;
pub(crate) mod node;
mod scope;
mod shield;
pub(crate) mod slot;
mod timeout;

use std::fmt;
use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::{Duration, Instant};

pub use cancellable::{Cancellable, cancellable};
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
        if !std::mem::take(&mut is_first) {
            return Poll::Ready(());
        }
        // In a cancelled scope there is no point in a further turn of the loop: whoever is to drop us
        // does so after this poll.
        if !is_cancelled() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await;
}

/// A place where a cancellation is noticed, and nothing else: it does not suspend in a scope that is
/// not cancelled.
pub async fn check_cancelled() {
    poll_fn(|_| if is_cancelled() { Poll::Pending } else { Poll::Ready(()) }).await;
}

/// Lets other tasks run, and is no place where a cancellation is noticed.
pub async fn shielded_yield() {
    let mut is_first = true;
    shield(poll_fn(|cx| {
        if !std::mem::take(&mut is_first) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }))
    .await;
}

/// Runs `future` shielded for at most `duration`: what takes longer is dropped, and gives nothing.
///
/// # Panics
///
/// When polled outside a run.
#[track_caller]
pub fn shield_for<F: Future>(duration: Duration, future: F) -> Shield<MoveOnAfter<F>> {
    shield(move_on_after(duration, future))
}

/// Whether a scope around the caller is cancelled, with no shield in between: at the next suspension
/// the caller will be dropped. `false` outside a run.
pub fn is_cancelled() -> bool {
    context::with(|frame| frame.is_some_and(context::Frame::is_cancelled))
}

/// When the scopes around the caller, up to the nearest shield, will have cancelled it; now, if one is
/// cancelled. `None` where there is no deadline, and outside a run.
pub fn effective_deadline() -> Option<Instant> {
    context::with(|frame| frame.and_then(context::Frame::effective_deadline))
}
