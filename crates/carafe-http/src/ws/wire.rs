//! The stream of an upgraded connection, as the frame codec reads and writes it.

use std::io::{self, Read, Write};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use carafe_core::rt::{ByteStream, ReadBuf};

/// How much is read ahead while nobody has room for a message: enough to notice the peer's end in
/// the usual case, little enough to give to every slow handler.
const READ_AHEAD: usize = 16 * 1024;

/// A stream, with the bytes that were read from it before their time.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    /// What hyper had read behind the request's head, then what [`poll_watch`](Wire::poll_watch)
    /// has; read before the stream.
    ahead: BytesMut,
    /// Whether the stream has ended; nothing is read from it any more.
    ended: bool,
}

impl<S: ByteStream> Wire<S> {
    pub(super) fn new(stream: S, ahead: Bytes) -> Self {
        Wire { stream, ahead: ahead.into(), ended: false }
    }

    /// Whether the peer has ended its half, or the stream has failed.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The codec's view of the wire: `WouldBlock` where `cx` will be woken.
    pub(super) fn with<'a, 'w>(&'a mut self, cx: &'a mut Context<'w>) -> Blocking<'a, 'w, S> {
        Blocking { wire: self, cx }
    }

    /// Reads ahead, up to a limit, to notice the peer's end while nobody wants its messages. Ready
    /// when there is nothing more to notice.
    pub(super) fn poll_watch(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.ended && self.ahead.len() < READ_AHEAD {
            let mut space = [0; 4096];
            let read = ready!(self.poll_stream(cx, &mut space)).unwrap_or(0);
            self.ahead.extend_from_slice(&space[..read]);
        }
        Poll::Ready(())
    }

    /// Reads to the stream's end and throws all away.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.ahead.clear();
        // A peer that writes as fast as this reads must not keep the thread.
        for _ in 0..16 {
            if self.ended {
                return Poll::Ready(());
            }
            let mut space = [0; 4096];
            // An error is the stream's end as well, and `ended` says so.
            let _ = ready!(self.poll_stream(cx, &mut space));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_shutdown(cx)
    }

    /// Reads from the stream itself, and remembers its end.
    fn poll_stream(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(space);
        let result = ready!(self.stream.poll_read(cx, &mut buf)).map(|()| buf.filled().len());
        self.ended = !matches!(result, Ok(1..));
        Poll::Ready(result)
    }
}

/// A [`Wire`] during one poll, as `std::io` knows streams.
pub(super) struct Blocking<'a, 'w, S> {
    wire: &'a mut Wire<S>,
    cx: &'a mut Context<'w>,
}

impl<S: ByteStream> Read for Blocking<'_, '_, S> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let ahead = &mut self.wire.ahead;
        if !ahead.is_empty() {
            let len = ahead.len().min(space.len());
            ahead.copy_to_slice(&mut space[..len]);
            return Ok(len);
        }
        if self.wire.ended || space.is_empty() {
            return Ok(0);
        }
        would_block(self.wire.poll_stream(self.cx, space))
    }
}

impl<S: ByteStream> Write for Blocking<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        would_block(self.wire.stream.poll_write(self.cx, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        would_block(self.wire.stream.poll_flush(self.cx))
    }
}

fn would_block<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
