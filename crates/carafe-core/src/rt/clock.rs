use std::future::Future;
use std::pin::Pin;
use std::time::{Instant, SystemTime};

/// Tells the time and waits for it.
pub trait Clock {
    /// The future of [`sleep_until`](Clock::sleep_until).
    type Sleep: Sleep;

    /// The loop's own monotonic time; a virtual clock answers with virtual time.
    ///
    /// Deadlines are computed from this and from nothing else, or a paused or simulated clock would
    /// disagree with them.
    fn now(&self) -> Instant;

    /// The time of day; under a virtual clock it moves with [`now`](Clock::now).
    fn wall_now(&self) -> SystemTime;

    /// Ends at `deadline`, never before; at once if that has passed.
    ///
    /// It may be created on any thread, also one that the loop does not own.
    ///
    /// # On drop
    ///
    /// Forgets the deadline.
    fn sleep_until(&self, deadline: Instant) -> Self::Sleep;
}

/// A future that ends at a deadline, and can be given another one.
pub trait Sleep: Future<Output = ()> + Send + 'static {
    /// When it ends.
    fn deadline(&self) -> Instant;

    /// Moves the deadline, also of a sleep that has ended. The task that polled it last is woken by
    /// the new deadline, once it has polled again.
    fn reset(self: Pin<&mut Self>, deadline: Instant);
}
