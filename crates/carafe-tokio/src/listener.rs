use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use carafe_core::net::ACCEPTED_STREAMS_INHERIT_NODELAY;
use carafe_core::rt::{ListenOptions, Listener};

use crate::TcpStream;

/// A TCP listener on tokio's reactor.
#[derive(Debug)]
pub struct TcpListener {
    inner: tokio::net::TcpListener,
    /// Whether accepted streams still have to be told.
    set_nodelay: bool,
}

impl TcpListener {
    /// To be called with the runtime current.
    pub(crate) fn adopt(
        listener: std::net::TcpListener,
        options: ListenOptions,
    ) -> io::Result<Self> {
        Ok(TcpListener {
            inner: tokio::net::TcpListener::from_std(listener)?,
            set_nodelay: options.nodelay && !ACCEPTED_STREAMS_INHERIT_NODELAY,
        })
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let (stream, peer) = ready!(self.inner.poll_accept(cx))?;
        if self.set_nodelay {
            stream.set_nodelay(true)?;
        }
        Poll::Ready(Ok((TcpStream::accepted(stream), peer)))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}
