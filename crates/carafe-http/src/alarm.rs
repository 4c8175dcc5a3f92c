//! A timer that is made when it is first needed.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use carafe_core::rt::{Runtime, Sleep};

/// One timer for whoever has several deadlines and waits for the earliest.
///
/// Most connections end before any deadline of theirs comes near; those never make a timer.
pub(crate) struct Alarm<R: Runtime> {
    sleep: Option<Pin<Box<R::Sleep>>>,
}

impl<R: Runtime> Alarm<R> {
    pub(crate) fn new() -> Self {
        Alarm { sleep: None }
    }

    /// Whether `at` has come; if not, the task is woken then.
    pub(crate) fn poll_at(&mut self, rt: &R, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        if rt.now() >= at {
            return Poll::Ready(());
        }
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(rt.sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx)
    }
}
