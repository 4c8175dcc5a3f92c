//! TCP streams.
//!
//! # Safety
//!
//! This module has the crate's only unsafe code: it lets tokio read into the caller's buffer without
//! zeroing it first. Core's safe [`ReadBuf::recv`] would do that too, but beside tokio's own read,
//! which alone knows that a short read has emptied the socket: each message would cost a second
//! `recv` that fails.
#![allow(unsafe_code)]

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use carafe_core::rt::{ByteStream, ConnectOptions, ReadBuf};
use tokio::io::{AsyncRead, AsyncWrite};

/// A TCP stream on tokio's reactor.
#[derive(Debug)]
pub struct TcpStream {
    inner: tokio::net::TcpStream,
}

impl TcpStream {
    /// To be polled with the runtime current.
    pub(crate) async fn connect(addr: SocketAddr, options: ConnectOptions) -> io::Result<Self> {
        let inner = tokio::net::TcpStream::connect(addr).await?;
        if options.nodelay {
            inner.set_nodelay(true)?;
        }
        Ok(TcpStream { inner })
    }

    pub(crate) fn accepted(inner: tokio::net::TcpStream) -> Self {
        TcpStream { inner }
    }
}

impl ByteStream for TcpStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // SAFETY: only tokio's `ReadBuf` writes through the slice. It is bound by the same promise:
        // what it hands to readers safely (`put_slice`, `initialize_unfilled`) is initialised, and
        // its `unfilled_mut` is unsafe for de-initialising. The socket's read writes bytes that the
        // system has received.
        let mut unfilled = tokio::io::ReadBuf::uninit(unsafe { buf.unfilled_mut() });
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut unfilled))?;
        let read = unfilled.filled().len();
        // SAFETY: `filled` is the start of the slice that `unfilled_mut` gave, and is initialised: that
        // is the invariant of tokio's `ReadBuf`. Nothing has touched `buf` in between, which was
        // borrowed.
        unsafe { buf.advance(read) };
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // `shutdown(Write)`; a connection that the peer has reset meanwhile counts as shut down.
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }
}
