//! Hanging up on a client that is still talking.
//!
//! A request that is refused before it was read leaves bytes unread. Closing the socket on top of
//! them makes the system send a reset, and the reset can reach the client before the answer does, or
//! throw it away. So our half is ended, and what the client still sends is read for a while.

use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use carafe_core::rt::{ByteStream, ReadBuf, Runtime};

use crate::alarm::Alarm;

/// How long, and how many bytes, a client may go on.
const PATIENCE: Duration = Duration::from_secs(2);
const BUDGET: usize = 256 * 1024;

/// A stream whose writing half has ended, and that waits for the client to hang up.
pub(super) struct Linger<R: Runtime, I> {
    rt: R,
    stream: I,
    alarm: Alarm<R>,
    until: Option<Instant>,
    /// The bytes that are still read.
    budget: usize,
}

impl<R: Runtime, I: ByteStream> Linger<R, I> {
    pub(super) fn new(rt: R, stream: I) -> Self {
        let until = rt.now().checked_add(PATIENCE);
        Linger { rt, stream, alarm: Alarm::new(), until, budget: BUDGET }
    }

    /// Ready when the client has hung up, or has gone on for too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(until) = self.until
            && self.alarm.poll_at(&self.rt, until, cx).is_ready()
        {
            return Poll::Ready(());
        }
        let mut space = [0; 4096];
        while self.budget > 0 {
            let mut buf = ReadBuf::new(&mut space);
            match ready!(self.stream.poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {
                    self.budget = self.budget.saturating_sub(buf.filled().len());
                }
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }
}
