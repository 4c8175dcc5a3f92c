//! Hanging up on a client that is still talking.
//!
//! A request that is refused before it was read leaves bytes unread, and so does a pipelined one that
//! comes after the last answer. Closing the socket on top of them makes the system send a reset, and
//! the reset can reach the client before the answer does, or throw it away. So our half is ended, and
//! what the client still sends is read for a while.

use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use carafe_core::rt::{ByteStream, ReadBuf, Runtime};

use crate::alarm::Alarm;

/// How long, and how many bytes, a client may go on.
const PATIENCE: Duration = Duration::from_secs(2);
const BUDGET: usize = 256 * 1024;

/// A stream whose client is to hang up.
pub(super) struct Linger<R: Runtime, I> {
    rt: R,
    stream: I,
    alarm: Alarm<R>,
    until: Option<Instant>,
    /// The bytes that are still read.
    budget: usize,
    is_shut_down: bool,
}

impl<R: Runtime, I: ByteStream> Linger<R, I> {
    pub(super) fn new(rt: R, stream: I) -> Self {
        let until = rt.now().checked_add(PATIENCE);
        Linger { rt, stream, alarm: Alarm::new(), until, budget: BUDGET, is_shut_down: false }
    }

    /// Whether the client has sent something that nobody has read.
    pub(super) fn is_talked_to(&mut self, cx: &mut Context<'_>) -> bool {
        matches!(self.poll_read(cx), Poll::Ready(1..))
    }

    /// Ready when the client has hung up, or has gone on for too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(until) = self.until
            && self.alarm.poll_at(&self.rt, until, cx).is_ready()
        {
            return Poll::Ready(());
        }
        if !self.is_shut_down {
            // hyper may have done it; a second time is an error at worst, and says nothing.
            let _ = ready!(self.stream.poll_shutdown(cx));
            self.is_shut_down = true;
        }
        while self.budget > 0 && ready!(self.poll_read(cx)) > 0 {}
        Poll::Ready(())
    }

    /// Reads and forgets; 0 at the end, of whatever kind.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let mut space = [0; 4096];
        let mut buf = ReadBuf::new(&mut space);
        let result = ready!(self.stream.poll_read(cx, &mut buf));
        let read = result.map_or(0, |()| buf.filled().len());
        self.budget = self.budget.saturating_sub(read);
        Poll::Ready(read)
    }
}
