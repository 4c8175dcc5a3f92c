use std::io::{self, IoSlice, Write};
use std::net::{Shutdown, SocketAddr};
use std::task::{Context, Poll};

use async_io::Async;
use carafe_core::rt::{ByteStream, ConnectOptions, ReadBuf};

use crate::poll_socket;

/// A TCP stream on async-io's reactor.
#[derive(Debug)]
pub struct TcpStream {
    inner: Async<std::net::TcpStream>,
}

impl TcpStream {
    /// Connects to `addr`.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    pub async fn connect(addr: SocketAddr, options: ConnectOptions) -> io::Result<Self> {
        let inner = Async::<std::net::TcpStream>::connect(addr).await?;
        if options.nodelay {
            inner.get_ref().set_nodelay(true)?;
        }
        Ok(TcpStream { inner })
    }

    pub(crate) fn accepted(stream: std::net::TcpStream) -> io::Result<Self> {
        Ok(TcpStream { inner: Async::new(stream)? })
    }
}

impl ByteStream for TcpStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        poll_socket(&self.inner, Async::poll_readable, cx, |socket| read(socket, buf))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        poll_socket(&self.inner, Async::poll_writable, cx, |mut socket| socket.write(buf))
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_socket(&self.inner, Async::poll_writable, cx, |mut socket| socket.write_vectored(bufs))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match self.inner.get_ref().shutdown(Shutdown::Write) {
            // The peer has reset the connection meanwhile: nothing is left to shut down.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            done => done,
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().peer_addr()
    }
}

#[cfg(unix)]
fn read(socket: &std::net::TcpStream, buf: &mut ReadBuf<'_>) -> io::Result<()> {
    buf.recv(socket).map(drop)
}

/// Reads through a buffer on the stack: the contract's read without zeroing is for Unix alone.
#[cfg(not(unix))]
fn read(mut socket: &std::net::TcpStream, buf: &mut ReadBuf<'_>) -> io::Result<()> {
    let mut bytes = [0; 8 * 1024];
    let room = buf.remaining().min(bytes.len());
    let read = io::Read::read(&mut socket, &mut bytes[..room])?;
    buf.put_slice(&bytes[..read]);
    Ok(())
}
