//! Sockets of the handle: the loop's own, in an enum.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use carafe_core::rt::{ByteStream, ConnectOptions, ListenOptions, Listener, Net, ReadBuf};

use super::boxed::{BoxedListener, BoxedStream};
use super::dispatch::{map_backend, on_backend};
use super::{Handle, Inner};
use crate::backends::{async_std, sim, smol, tokio};

impl Net for Handle {
    type TcpStream = TcpStream;
    type TcpListener = TcpListener;

    async fn bind(&self, addr: SocketAddr, options: ListenOptions) -> io::Result<TcpListener> {
        Ok(TcpListener(
            map_backend!(&self.0, Inner(rt) => RawListener(rt.bind(addr, options).await?)),
        ))
    }

    async fn connect(&self, addr: SocketAddr, options: ConnectOptions) -> io::Result<TcpStream> {
        Ok(TcpStream(
            map_backend!(&self.0, Inner(rt) => RawStream(rt.connect(addr, options).await?)),
        ))
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        on_backend!(&self.0, Inner(rt) => rt.resolve(host, port).await)
    }
}

/// A TCP connection, on whichever loop.
///
/// It is a [`ByteStream`], and reads and writes through `futures_io`'s traits, too.
pub struct TcpStream(RawStream);

type StreamOf<R> = <R as Net>::TcpStream;

enum RawStream {
    Tokio(StreamOf<tokio::Runtime>),
    Smol(StreamOf<smol::Runtime>),
    AsyncStd(StreamOf<async_std::Runtime>),
    Sim(StreamOf<sim::Runtime>),
    Boxed(BoxedStream),
}

impl TcpStream {
    /// This end's address.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        on_backend!(&self.0, RawStream(stream) => ByteStream::local_addr(stream))
    }

    /// The other end's address.
    ///
    /// # Errors
    ///
    /// What the system says: the peer may be gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        on_backend!(&self.0, RawStream(stream) => stream.peer_addr())
    }
}

impl ByteStream for TcpStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on_backend!(&mut self.0, RawStream(stream) => stream.poll_read(cx, buf))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        on_backend!(&mut self.0, RawStream(stream) => stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_backend!(&mut self.0, RawStream(stream) => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        on_backend!(&self.0, RawStream(stream) => stream.is_write_vectored())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_backend!(&mut self.0, RawStream(stream) => stream.poll_flush(cx))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_backend!(&mut self.0, RawStream(stream) => stream.poll_shutdown(cx))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpStream::local_addr(self)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        TcpStream::peer_addr(self)
    }
}

impl futures_io::AsyncRead for TcpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        ByteStream::poll_read(&mut *self, cx, &mut buf).map_ok(|()| buf.filled().len())
    }
}

impl futures_io::AsyncWrite for TcpStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ByteStream::poll_write(&mut *self, cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ByteStream::poll_write_vectored(&mut *self, cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ByteStream::poll_flush(&mut *self, cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ByteStream::poll_shutdown(&mut *self, cx)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("local", &self.local_addr().ok())
            .field("peer", &self.peer_addr().ok())
            .finish()
    }
}

/// A socket that accepts TCP connections, on whichever loop.
pub struct TcpListener(RawListener);

type ListenerOf<R> = <R as Net>::TcpListener;

enum RawListener {
    Tokio(ListenerOf<tokio::Runtime>),
    Smol(ListenerOf<smol::Runtime>),
    AsyncStd(ListenerOf<async_std::Runtime>),
    Sim(ListenerOf<sim::Runtime>),
    Boxed(BoxedListener),
}

impl TcpListener {
    /// The next connection, and its peer's address.
    ///
    /// # Errors
    ///
    /// Of one connection (it was reset before it was accepted) or of the process (no descriptor is
    /// left): the listener stays usable after both.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no connection.
    pub async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        std::future::poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// The address that it is bound to: the way to learn the port after binding port 0.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        on_backend!(&self.0, RawListener(listener) => Listener::local_addr(listener))
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Self::Stream, SocketAddr)>> {
        /// Keeps the variant while the pair inside becomes the handle's.
        macro_rules! accept {
            ($($variant:ident),*) => {
                match &mut self.0 {
                    $(RawListener::$variant(listener) => listener
                        .poll_accept(cx)
                        .map_ok(|(stream, peer)| (TcpStream(RawStream::$variant(stream)), peer)),)*
                }
            };
        }
        accept!(Tokio, Smol, AsyncStd, Sim, Boxed)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("local", &self.local_addr().ok()).finish()
    }
}
