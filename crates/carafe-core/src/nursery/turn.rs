//! A child that waits for its turn, in a nursery with a limit.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::cancel::is_cancelled;
use crate::limiter::{Acquire, Limiter, Token};

pin_project! {
    pub(super) struct Turn<F> {
        // Dropped before the token: a child's destructors are part of its turn.
        #[pin]
        body: F,
        waiting: Option<Acquire>,
        token: Option<Token>,
    }
}

impl<F> Turn<F> {
    /// Queues up now, not at the first poll: turns come in the order of spawning.
    pub(super) fn new(limiter: &Limiter, body: F) -> Self {
        match limiter.try_acquire() {
            Some(token) => Turn { body, waiting: None, token: Some(token) },
            None => Turn { body, waiting: Some(limiter.queue_up()), token: None },
        }
    }

    /// For a child in a nursery without a limit.
    pub(super) fn at_once(body: F) -> Self {
        Turn { body, waiting: None, token: None }
    }
}

impl<F: Future> Future for Turn<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if let Some(waiting) = this.waiting {
            let token = ready!(Pin::new(waiting).poll(cx));
            *this.waiting = None;
            if is_cancelled() {
                // It has waited for its turn and is cancelled there: one does not start because another
                // one has been dropped just before.
                return Poll::Pending;
            }
            *this.token = Some(token);
        }
        this.body.poll(cx)
    }
}
