//! What a scope and a shield do when they are polled.
//!
//! ```text
//!   Running ──Ready(v)──▶ Ended(v)
//!      └──Pending, own scope cancelled, nothing inside holds──▶ inner future dropped
//!             ├── no scope around is cancelled ──▶ Ended(Cancelled)
//!             └── one is ──▶ Parked: that one drops us (R2); code between the two never runs
//! ```

use std::cell::OnceCell;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::Cause;
use super::node::{Kind, Node};
use crate::context::{self, Frame};

/// The state of a scope or shield besides its inner future.
#[derive(Debug)]
pub(crate) struct Boundary {
    kind: Kind,
    /// Made when the inner future first returns pending, or when something inside needs it.
    node: OnceCell<Arc<Node>>,
    /// The address of the node that ours was last polled below: kept alive by ours.
    home: usize,
    deadline: Option<Instant>,
    location: &'static Location<'static>,
}

impl Boundary {
    #[track_caller]
    pub(crate) fn new(kind: Kind) -> Self {
        let location = Location::caller();
        Boundary { kind, node: OnceCell::new(), home: 0, deadline: None, location }
    }

    /// A boundary over a node that somebody has a handle to.
    #[track_caller]
    pub(crate) fn over(node: Arc<Node>) -> Self {
        let location = Location::caller();
        let kind = node.kind();
        Boundary { kind, node: OnceCell::from(node), home: 0, deadline: None, location }
    }

    pub(crate) fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Polls `inner`, then checks (R1). Err means: cancelled, and `inner` is gone.
    pub(crate) fn poll<F: Future>(
        &mut self,
        mut inner: Pin<&mut Option<F>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Cause>> {
        self.settle_in();
        let Some(future) = inner.as_mut().as_pin_mut() else { return self.conclude() };
        let polled = context::enter_inner(self.kind, self.deadline, &self.node, || future.poll(cx));
        if let Poll::Ready(output) = polled {
            context::enter_inner(self.kind, self.deadline, &self.node, || inner.set(None));
            self.end();
            return Poll::Ready(Ok(output));
        }
        let node = self.park(cx);
        if node.holds_around() {
            context::with(|frame| {
                node.open(frame.and_then(Frame::node).expect("a boundary is polled inside a run"));
            });
        }
        let is_due = match self.kind {
            // Nothing outside reaches into a shield, and it has no scope of its own.
            Kind::Shield => false,
            // Holds the scopes around, so it has to hear of them itself.
            Kind::Finally => node.is_due(),
            // Acts on its own cancellation alone (R2).
            Kind::Scope | Kind::Nursery | Kind::Task => node.is_cancelled(),
        };
        if !is_due || node.is_held() {
            return Poll::Pending;
        }
        context::enter_inner(self.kind, self.deadline, &self.node, || inner.set(None));
        if self.kind == Kind::Finally {
            // It goes on holding: there is something to do before the scopes around may end.
            return Poll::Ready(Err(node.cause().unwrap_or(Cause::Explicit(None))));
        }
        self.conclude()
    }

    /// The inner future is gone: reports it, unless a scope around is cancelled too.
    fn conclude<T>(&mut self) -> Poll<Result<T, Cause>> {
        if context::with(|frame| frame.is_some_and(Frame::is_cancelled)) {
            return Poll::Pending;
        }
        let cause = self.node.get().and_then(|node| node.cause());
        self.end();
        Poll::Ready(Err(cause.unwrap_or(Cause::Explicit(None))))
    }

    /// Hangs the node, if there is one, below the boundary that polls it now.
    fn settle_in(&mut self) {
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
            if let Some(node) = self.node.get() {
                let around = frame.node().expect("a boundary inside a run has a node");
                let address = Arc::as_ptr(around) as usize;
                if self.home != address {
                    self.home = address;
                    node.attach(around);
                }
            }
        });
    }

    /// Publishes the waker and the deadline of a poll that returned pending.
    fn park(&mut self, cx: &mut Context<'_>) -> Arc<Node> {
        let is_new = self.home == 0;
        let node = context::enter_inner(self.kind, self.deadline, &self.node, || {
            context::with(|frame| {
                frame.and_then(Frame::node).expect("a boundary inside a run has a node").clone()
            })
        });
        if is_new {
            self.home = node.parent().map_or(0, |parent| Arc::as_ptr(&parent) as usize);
        }
        node.park(cx.waker());
        node.arm();
        node
    }

    /// Takes the boundary out of the tree: it holds nothing any more.
    pub(crate) fn end(&mut self) {
        if let Some(node) = self.node.get() {
            node.detach();
        }
    }

    /// The boundary's future is dropped: what is inside goes first, inside our frame, so that nested
    /// nurseries know who adopts them.
    pub(crate) fn drop_inner<F>(&mut self, mut inner: Pin<&mut Option<F>>) {
        if inner.is_some() {
            context::enter_inner(self.kind, self.deadline, &self.node, || inner.set(None));
        }
        self.end();
    }
}
