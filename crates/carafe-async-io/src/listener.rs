use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use async_io::Async;
use carafe_core::net::{self, ACCEPTED_STREAMS_INHERIT_NODELAY};
use carafe_core::rt::{ListenOptions, Listener};

use crate::{TcpStream, poll_socket};

/// A TCP listener on async-io's reactor.
#[derive(Debug)]
pub struct TcpListener {
    inner: Async<std::net::TcpListener>,
    /// Whether accepted streams still have to be told.
    set_nodelay: bool,
}

impl TcpListener {
    /// Binds a listening socket.
    ///
    /// # Errors
    ///
    /// Those of [`net::listen`].
    pub fn bind(addr: SocketAddr, options: ListenOptions) -> io::Result<Self> {
        Ok(TcpListener {
            inner: Async::new_nonblocking(net::listen(addr, options)?)?,
            set_nodelay: options.nodelay && !ACCEPTED_STREAMS_INHERIT_NODELAY,
        })
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accept = std::net::TcpListener::accept;
        let (stream, peer) = ready!(poll_socket(&self.inner, Async::poll_readable, cx, accept))?;
        if self.set_nodelay {
            stream.set_nodelay(true)?;
        }
        Poll::Ready(Ok((TcpStream::accepted(stream)?, peer)))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().local_addr()
    }
}
