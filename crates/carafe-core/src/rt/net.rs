use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use super::ByteStream;

/// Opens TCP sockets.
///
/// Real backends adopt standard sockets that [`crate::net`] has bound and configured, so that
/// backlog, `SO_REUSEADDR` and `TCP_NODELAY` do not depend on the loop.
pub trait Net {
    /// A connected stream.
    type TcpStream: ByteStream;
    /// A socket that accepts streams.
    type TcpListener: Listener<Stream = Self::TcpStream>;

    /// Binds a listening socket.
    ///
    /// # Errors
    ///
    /// What the system says: [`io::ErrorKind::AddrInUse`] for a port that somebody listens on.
    fn bind(
        &self,
        addr: SocketAddr,
        options: ListenOptions,
    ) -> impl Future<Output = io::Result<Self::TcpListener>> + Send;

    /// Connects to `addr`.
    ///
    /// # Errors
    ///
    /// What the system says: [`io::ErrorKind::ConnectionRefused`] where nobody listens.
    ///
    /// # On drop
    ///
    /// Gives the attempt up and closes its socket.
    fn connect(
        &self,
        addr: SocketAddr,
        options: ConnectOptions,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send;

    /// The addresses of `host`, which is a name or an address, each with `port`.
    ///
    /// # Errors
    ///
    /// When the host is not known, or the resolver fails.
    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;
}

/// A socket that accepts streams.
pub trait Listener: Send + Unpin + 'static {
    /// What it accepts.
    type Stream: ByteStream;

    /// The next connection and its peer's address. The stream has `TCP_NODELAY` set if the listener
    /// was bound with it.
    ///
    /// # Errors
    ///
    /// Of one connection (it was reset before it was accepted) or of the process (no descriptor is
    /// left): the listener stays usable after both.
    fn poll_accept(&mut self, cx: &mut Context<'_>)
    -> Poll<io::Result<(Self::Stream, SocketAddr)>>;

    /// The address that it is bound to: the way to learn the port after binding port 0.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// How to bind.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ListenOptions {
    /// How many connections may wait to be accepted; 1024 by default.
    pub backlog: u32,
    /// Whether several sockets may bind the same port and share its connections; off by default.
    pub reuse_port: bool,
    /// Whether accepted streams send small writes at once; on by default.
    pub nodelay: bool,
}

impl Default for ListenOptions {
    fn default() -> Self {
        ListenOptions { backlog: 1024, reuse_port: false, nodelay: true }
    }
}

impl ListenOptions {
    /// Sets how many connections may wait to be accepted.
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = backlog;
        self
    }

    /// Sets whether several sockets may bind the same port.
    pub fn reuse_port(mut self, reuse_port: bool) -> Self {
        self.reuse_port = reuse_port;
        self
    }

    /// Sets whether accepted streams send small writes at once.
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }
}

/// How to connect.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// Whether small writes are sent at once; on by default.
    pub nodelay: bool,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        ConnectOptions { nodelay: true }
    }
}

impl ConnectOptions {
    /// Sets whether small writes are sent at once.
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }
}
