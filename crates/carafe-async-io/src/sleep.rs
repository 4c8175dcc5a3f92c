use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use async_io::Timer;

/// A sleep on async-io's timers.
#[derive(Debug)]
pub struct Sleep {
    timer: Timer,
    /// Kept here because the timer forgets it when it fires.
    deadline: Instant,
    /// Whether the timer has fired, after which it must not be polled before it is set again.
    has_ended: bool,
}

impl Sleep {
    /// Ends at `deadline`.
    pub fn until(deadline: Instant) -> Self {
        Sleep { timer: Timer::at(deadline), deadline, has_ended: false }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.has_ended {
            ready!(Pin::new(&mut self.timer).poll(cx));
            self.has_ended = true;
        }
        Poll::Ready(())
    }
}

impl carafe_core::rt::Sleep for Sleep {
    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.timer.set_at(deadline);
        self.deadline = deadline;
        self.has_ended = false;
    }
}
