use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::Cause;
use super::boundary::Boundary;

/// Runs `future` for at most `duration`, in a scope of its own.
///
/// The time starts when the future first suspends, at its first poll: one that is ready at once costs
/// no look at the clock. A duration too long for the clock means no limit. What is
/// inside is dropped at a suspension only, and not while something in it holds: after a timeout
/// around a nursery has returned, none of its children runs any more.
///
/// # Errors
///
/// [`Elapsed`] if the time was over before the future ended.
///
/// # Panics
///
/// When polled outside a run.
///
/// # On drop
///
/// Drops the future.
#[track_caller]
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout { inner: Timed::new(duration, future) }
}

/// Runs `future` for at most `duration`, like [`timeout`], and gives nothing if that was not enough.
///
/// # Panics
///
/// When polled outside a run.
#[track_caller]
pub fn move_on_after<F: Future>(duration: Duration, future: F) -> MoveOnAfter<F> {
    MoveOnAfter { inner: Timed::new(duration, future) }
}

/// The time of a [`timeout`] was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed(Duration);

impl Elapsed {
    /// How long the future was given.
    pub fn duration(&self) -> Duration {
        self.0
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not done within {:?}", self.0)
    }
}

impl std::error::Error for Elapsed {}

pin_project! {
    #[derive(Debug)]
    struct Timed<F> {
        #[pin]
        future: Option<F>,
        boundary: Boundary,
    }

    impl<F> PinnedDrop for Timed<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.boundary.drop_inner(this.future);
        }
    }
}

impl<F: Future> Timed<F> {
    #[track_caller]
    fn new(duration: Duration, future: F) -> Self {
        Timed { future: Some(future), boundary: Boundary::limited(duration) }
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Cause>> {
        let this = self.project();
        this.boundary.poll(this.future, cx)
    }
}

pin_project! {
    /// The future of [`timeout`].
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Timeout<F> {
        #[pin]
        inner: Timed<F>,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let duration = this.inner.boundary.limit().expect("a timeout is a boundary with a limit");
        this.inner.poll(cx).map_err(|_| Elapsed(duration))
    }
}

pin_project! {
    /// The future of [`move_on_after`].
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct MoveOnAfter<F> {
        #[pin]
        inner: Timed<F>,
    }
}

impl<F: Future> Future for MoveOnAfter<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(cx).map(Result::ok)
    }
}
