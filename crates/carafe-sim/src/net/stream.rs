//! A connection in memory.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use carafe_core::rt::{ByteStream, ReadBuf};

use super::pipe::Pipe;

/// One end of a simulated connection.
///
/// # On drop
///
/// The peer reads to the end of what was written; what it writes fails with
/// [`io::ErrorKind::BrokenPipe`].
#[derive(Debug)]
pub struct SimStream {
    incoming: Arc<Pipe>,
    outgoing: Arc<Pipe>,
    local: SocketAddr,
    peer: SocketAddr,
}

/// The two ends of a new connection: the one at `local`, the one at `peer`.
pub(super) fn pair(local: SocketAddr, peer: SocketAddr) -> (SimStream, SimStream) {
    let there = Arc::new(Pipe::default());
    let back = Arc::new(Pipe::default());
    let ours = SimStream { incoming: back.clone(), outgoing: there.clone(), local, peer };
    let theirs = SimStream { incoming: there, outgoing: back, local: peer, peer: local };
    (ours, theirs)
}

impl ByteStream for SimStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.incoming.poll_read(cx, buf).map(Ok)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.outgoing.poll_write(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.outgoing.poll_write(cx, bufs)
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.end();
        Poll::Ready(Ok(()))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.outgoing.end();
        self.incoming.break_off();
    }
}
