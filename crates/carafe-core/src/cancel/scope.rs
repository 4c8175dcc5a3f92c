use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use super::boundary::Boundary;
use super::node::{Kind, Node};
use super::{Cancelled, Cause};
use crate::atomics::{AtomicBool, Ordering};
use crate::context;
use crate::run::Run;

/// A handle that cancels one future, from anywhere.
///
/// Cheap to clone, usable from any thread. A scope runs one future; cancelling it before makes the
/// future stop at its first suspension, cancelling it after does nothing.
#[derive(Clone)]
pub struct CancelScope {
    shared: Arc<Shared>,
}

struct Shared {
    node: Arc<Node>,
    is_entered: AtomicBool,
}

impl CancelScope {
    /// A scope without a deadline.
    ///
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    pub fn new() -> Self {
        let Some(run) = context::run() else {
            panic!("a scope needs a run around it: enter one with `run`, `#[main]` or `#[test]`")
        };
        Self::of(run)
    }

    /// A scope of `run`, made anywhere.
    pub(crate) fn of(run: Arc<Run>) -> Self {
        let node = Node::detached(run, Kind::Scope, None);
        CancelScope { shared: Arc::new(Shared { node, is_entered: AtomicBool::new(false) }) }
    }

    /// A scope that is cancelled `duration` from now.
    ///
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    pub fn after(duration: Duration) -> Self {
        let scope = Self::new();
        scope.set_deadline(scope.shared.node.run.now().checked_add(duration));
        scope
    }

    /// Runs `future` until it ends or the scope is cancelled: then it is dropped at its next
    /// suspension, unless something in it holds (a shield, an open nursery, a closure on a thread).
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the future was dropped.
    ///
    /// # Panics
    ///
    /// When the scope has run a future already.
    ///
    /// # On drop
    ///
    /// Drops the future.
    #[track_caller]
    pub fn run<F: Future>(&self, future: F) -> ScopeRun<F> {
        if self.shared.is_entered.swap(true, Ordering::AcqRel) {
            panic!("a `CancelScope` is for a single use: make one for each future");
        }
        let boundary = Boundary::over(self.shared.node.clone());
        ScopeRun { future: Some(future), boundary }
    }

    /// Cancels the scope. Never blocks, never drops anything itself; the first reason sticks.
    pub fn cancel(&self) {
        self.shared.node.cancel(Cause::Explicit(None));
    }

    /// Cancels the scope and says why.
    pub fn cancel_with(&self, reason: &'static str) {
        self.shared.node.cancel(Cause::Explicit(Some(reason)));
    }

    pub(crate) fn cancel_because(&self, cause: Cause) {
        self.shared.node.cancel(cause);
    }

    /// Whether the scope itself was cancelled, by a call or because its deadline has passed. It stays
    /// so.
    pub fn is_cancelled(&self) -> bool {
        self.shared.node.is_cancelled()
    }

    /// Why it is cancelled, or a scope around it.
    pub fn cause(&self) -> Option<Cause> {
        self.shared.node.cause()
    }

    /// When it will be cancelled by itself.
    pub fn deadline(&self) -> Option<Instant> {
        self.shared.node.deadline()
    }

    /// Sets, moves or removes the deadline.
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        self.shared.node.set_deadline(deadline);
    }

    /// Raises or lowers a shield around the scope: while it is up, scopes further out do not reach in
    /// (nor drop it), while the scope's own cancellation does. Lowered, it lets in what it kept out.
    pub fn set_shield(&self, is_shielded: bool) {
        self.shared.node.set_shielded(is_shielded);
    }

    /// Whether something inside must not be dropped yet: a shield, an open nursery, a closure on a
    /// thread.
    pub fn is_held(&self) -> bool {
        self.shared.node.is_held()
    }
}

impl Default for CancelScope {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancelScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelScope").field("node", &self.shared.node).finish()
    }
}

pin_project! {
    /// The future of [`CancelScope::run`].
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct ScopeRun<F> {
        #[pin]
        future: Option<F>,
        boundary: Boundary,
    }

    impl<F> PinnedDrop for ScopeRun<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.boundary.drop_inner(this.future);
        }
    }
}

impl<F: Future> Future for ScopeRun<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.boundary.poll(this.future, cx).map_err(Cancelled)
    }
}
