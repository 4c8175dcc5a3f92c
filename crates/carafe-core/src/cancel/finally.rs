use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::boundary::Boundary;
use super::node::Kind;
use super::shield::{Shield, shield};

/// Runs `body`, then `cleanup`, whose future is awaited however `body` came to its end: with a value,
/// by a panic, or because a scope around was cancelled.
///
/// The clean-up is shielded, so it may wait; give it a [`timeout`](crate::timeout) of its own where
/// waiting for ever is possible. After a cancellation it runs before the scope around ends; after a
/// panic the panic goes on behind it.
///
/// # Panics
///
/// With the panic of `body`, and with one of the clean-up.
///
/// # On drop
///
/// Foreign code (a `select!`) that drops it drops `body`; there is nobody left to await a clean-up,
/// so it does not begin, or stops where it is.
#[track_caller]
pub fn finally<F, C, D>(body: F, cleanup: C) -> Finally<F, C, D>
where
    F: Future,
    C: FnOnce() -> D,
    D: Future<Output = ()>,
{
    Finally {
        body: Some(body),
        boundary: Boundary::new(Kind::Finally),
        cleanup: Some(cleanup),
        cleaning: None,
        end: None,
    }
}

/// How the body came to its end.
enum End<T> {
    Value(T),
    Panic(Box<dyn Any + Send>),
    /// A scope around is cancelled, and drops us when the clean-up has ended.
    Cancelled,
}

pin_project! {
    /// The future of [`finally`].
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Finally<F: Future, C, D> {
        #[pin]
        body: Option<F>,
        boundary: Boundary,
        cleanup: Option<C>,
        #[pin]
        cleaning: Option<Shield<D>>,
        // Set when the body has ended, taken when the clean-up has.
        end: Option<End<F::Output>>,
    }

    impl<F: Future, C, D> PinnedDrop for Finally<F, C, D> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.cleaning.set(None);
            this.boundary.drop_inner(this.body);
        }
    }
}

impl<F, C, D> Future for Finally<F, C, D>
where
    F: Future,
    C: FnOnce() -> D,
    D: Future<Output = ()>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if let Some(cleanup) = this.cleanup.take() {
            let boundary = &mut *this.boundary;
            let body = this.body.as_mut();
            let polled = catch_unwind(AssertUnwindSafe(|| boundary.poll(body, cx)));
            let end = match polled {
                Ok(Poll::Pending) => {
                    *this.cleanup = Some(cleanup);
                    return Poll::Pending;
                }
                Ok(Poll::Ready(Ok(value))) => End::Value(value),
                Ok(Poll::Ready(Err(_))) => End::Cancelled,
                Err(payload) => {
                    this.boundary.drop_inner(this.body);
                    End::Panic(payload)
                }
            };
            *this.end = Some(end);
            this.cleaning.set(Some(shield(cleanup())));
        }
        if let Some(cleaning) = this.cleaning.as_mut().as_pin_mut() {
            std::task::ready!(cleaning.poll(cx));
            this.cleaning.set(None);
        }
        this.boundary.end();
        match this.end.take() {
            Some(End::Value(value)) => Poll::Ready(value),
            Some(End::Panic(payload)) => resume_unwind(payload),
            // The scope that was cancelled drops us, now that we do not hold it any more.
            Some(End::Cancelled) | None => Poll::Pending,
        }
    }
}

impl<F: Future, C, D> fmt::Debug for Finally<F, C, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finally").field("boundary", &self.boundary).finish_non_exhaustive()
    }
}
