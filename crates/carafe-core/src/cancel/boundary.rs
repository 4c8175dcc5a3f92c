//! What a scope and a shield do when they are polled.
//!
//! ```text
//!   Running ──Ready(v)──▶ Ended(v)
//!      └──Pending, own scope cancelled, nothing inside holds──▶ inner future dropped
//!             ├── no scope around is cancelled ──▶ Ended(Cancelled)
//!             └── one is ──▶ Parked: that one drops us (R2); code between the two never runs
//! ```

use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Cause;
use super::node::{Kind, Node};
use super::slot::Slot;
use crate::context::{self, Frame};

/// The state of a scope or shield besides its inner future.
#[derive(Debug)]
pub(crate) struct Boundary {
    slot: Slot,
    location: &'static Location<'static>,
}

impl Boundary {
    #[track_caller]
    pub(crate) fn new(kind: Kind) -> Self {
        Boundary { slot: Slot::new(kind), location: Location::caller() }
    }

    /// A scope that may take so long, counted from its first poll.
    #[track_caller]
    pub(crate) fn limited(limit: Duration) -> Self {
        let mut slot = Slot::new(Kind::Scope);
        slot.set_limit(limit);
        Boundary { slot, location: Location::caller() }
    }

    /// A boundary over a node that somebody has a handle to.
    #[track_caller]
    pub(crate) fn over(node: Arc<Node>) -> Self {
        Boundary { slot: Slot::over(node), location: Location::caller() }
    }

    /// The node, if something has needed one.
    pub(crate) fn node(&self) -> Option<&Arc<Node>> {
        self.slot.get()
    }

    pub(crate) fn limit(&self) -> Option<Duration> {
        self.slot.limit()
    }

    /// Polls `inner`, then checks (R1). Err means: cancelled, and `inner` is gone.
    pub(crate) fn poll<F: Future>(
        &mut self,
        mut inner: Pin<&mut Option<F>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Cause>> {
        self.settle();
        let Some(future) = inner.as_mut().as_pin_mut() else { return self.conclude() };
        let polled = context::enter_inner(&self.slot, || future.poll(cx));
        if let Poll::Ready(output) = polled {
            context::enter_inner(&self.slot, || inner.set(None));
            self.end();
            return Poll::Ready(Ok(output));
        }
        let is_due = context::with(|frame| {
            let around = frame.and_then(Frame::node).expect("a boundary is polled inside a run");
            let node = self.slot.settle(around);
            node.park(cx.waker());
            node.arm();
            if node.holds_around() {
                node.open(around);
            }
            let is_due = match self.slot.kind() {
                // Nothing outside reaches into a shield, and it has no scope of its own.
                Kind::Shield => false,
                // Holds the scopes around, so it has to hear of them itself.
                Kind::Finally => node.is_due(),
                // Acts on its own cancellation alone (R2).
                Kind::Scope | Kind::Nursery | Kind::Task => node.is_cancelled(),
            };
            is_due && !node.is_held()
        });
        if !is_due {
            return Poll::Pending;
        }
        context::enter_inner(&self.slot, || inner.set(None));
        if self.slot.kind() == Kind::Finally {
            // It goes on holding: there is something to do before the scopes around may end.
            return Poll::Ready(Err(self.cause()));
        }
        self.conclude()
    }

    /// The inner future is gone: reports it, unless a scope around is cancelled too.
    fn conclude<T>(&mut self) -> Poll<Result<T, Cause>> {
        if context::with(|frame| frame.is_some_and(Frame::is_cancelled)) {
            return Poll::Pending;
        }
        let cause = self.cause();
        self.end();
        Poll::Ready(Err(cause))
    }

    fn cause(&self) -> Cause {
        self.slot.get().and_then(|node| node.cause()).unwrap_or(Cause::Explicit(None))
    }

    /// Checks who polls, and that the node, if there is one, hangs below that one.
    fn settle(&mut self) {
        context::with(|frame| {
            let Some(frame) = frame.filter(|_| context::place() == context::Place::Polling) else {
                panic!(
                    "the scope opened at {} is polled outside a run: enter one with `run`, \
                     `#[main]` or `#[test]`",
                    self.location
                );
            };
            assert!(
                !frame.is_deepest(),
                "nested too deeply: the scope opened at {}",
                self.location
            );
            if self.slot.is_there() {
                self.slot.settle(frame.node().expect("a boundary inside a run has a node"));
            }
        });
    }

    /// Takes the boundary out of the tree: it holds nothing any more.
    pub(crate) fn end(&mut self) {
        if let Some(node) = self.slot.get() {
            node.detach();
        }
    }

    /// The boundary's future is dropped: what is inside goes first, inside our frame, so that nested
    /// nurseries know who adopts them.
    pub(crate) fn drop_inner<F>(&mut self, mut inner: Pin<&mut Option<F>>) {
        if inner.is_some() {
            context::enter_inner(&self.slot, || inner.set(None));
        }
        self.end();
    }
}
