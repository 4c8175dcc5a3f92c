//! How tasks of one program wait for each other.
//!
//! | | |
//! |---|---|
//! | [`Mutex`], [`Semaphore`] | one at a time, so many at a time |
//! | [`Event`], [`Barrier`] | something has happened, everybody has come |
//! | [`oneshot`], [`watch`], [`broadcast`] | one value once, the latest value, every value to everybody |
//! | [`channel`](crate::channel), [`Limiter`](crate::Limiter) | items from hand to hand, tokens in order |
//!
//! They need no particular loop, not even a run. All of them are safe to cancel, by a scope or by
//! foreign code that drops their futures: who waits and is dropped leaves nothing behind, and what it
//! was given meanwhile goes to the next; each method says what becomes of it.
//!
//! # Always ready, and yet interruptible
//!
//! A loop whose operations are always ready never suspends, so it lets nobody else run and cannot be
//! cancelled. Therefore a task has a budget of 128 such operations for each poll, the same on every
//! loop; the one after that suspends once, though it is ready. It is no limit to how much is done, and
//! whoever has waited for something gets it regardless.

mod barrier;
pub mod broadcast;
mod event;
mod mutex;
pub mod oneshot;
mod semaphore;
pub mod watch;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

pub use self::barrier::{Barrier, Wait};
pub use self::event::Event;
pub use self::mutex::{Mutex, MutexGuard};
pub use self::semaphore::{Semaphore, SemaphorePermit};

use crate::context;

pin_project! {
    /// A future that counts against the budget of its task when it is ready.
    struct Spends<F> {
        #[pin]
        inner: F,
        // Who has waited gets what it has waited for, whatever else the task has done.
        has_waited: bool,
    }
}

impl<F> Spends<F> {
    fn new(inner: F) -> Self {
        Spends { inner, has_waited: false }
    }
}

impl<F: Future> Future for Spends<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if !*this.has_waited {
            ready!(context::poll_budget(cx));
        }
        let polled = this.inner.poll(cx);
        match polled {
            Poll::Ready(_) => context::spend(),
            Poll::Pending => *this.has_waited = true,
        }
        polled
    }
}
