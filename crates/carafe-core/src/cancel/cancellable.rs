use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::boundary::Boundary;
use super::node::Kind;
use super::{Cancelled, Cause};

/// Runs `future` in a scope that only its owner cancels.
///
/// It is [`CancelScope::run`](crate::CancelScope::run) for whoever has the future in hand and needs no
/// handle besides: a server that keeps the handler of a request, say. Until the future suspends it
/// costs nothing.
///
/// # Panics
///
/// When polled outside a run.
///
/// # On drop
///
/// Drops the future.
#[track_caller]
pub fn cancellable<F: Future>(future: F) -> Cancellable<F> {
    Cancellable { future: Some(future), boundary: Boundary::new(Kind::Scope), reason: None }
}

pin_project! {
    /// The future of [`cancellable`].
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Cancellable<F> {
        #[pin]
        future: Option<F>,
        boundary: Boundary,
        // Of a cancellation that came before there was a node to hear it.
        reason: Option<&'static str>,
    }

    impl<F> PinnedDrop for Cancellable<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.boundary.drop_inner(this.future);
        }
    }
}

impl<F> Cancellable<F> {
    /// Cancels the scope and says why: the future is dropped at its next suspension, unless something
    /// in it holds.
    pub fn cancel_with(self: Pin<&mut Self>, reason: &'static str) {
        let this = self.project();
        match this.boundary.node() {
            Some(node) => node.cancel(Cause::Explicit(Some(reason))),
            None => *this.reason = Some(reason),
        }
    }

    /// Takes the scope out of the task that has polled it, for it is about to be moved to another:
    /// else the end of the old task would find it left behind, and cancel what is inside.
    pub fn uproot(self: Pin<&mut Self>) {
        if let Some(node) = self.boundary.node() {
            node.uproot();
        }
    }

    /// Whether something inside must not be dropped yet: a shield, an open nursery, a closure on a
    /// thread.
    pub fn is_held(&self) -> bool {
        self.boundary.node().is_some_and(|node| node.is_held())
    }
}

impl<F: Future> Future for Cancellable<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let polled = this.boundary.poll(this.future.as_mut(), cx).map_err(Cancelled);
            if polled.is_pending()
                && let Some(reason) = this.reason.take()
                && let Some(node) = this.boundary.node()
            {
                // It has suspended for the first time: once more, to act on it.
                node.cancel(Cause::Explicit(Some(reason)));
                continue;
            }
            return polled;
        }
    }
}
