//! A byte stream in the shape that hyper reads and writes.
//!
//! # Safety
//!
//! This module has the crate's only unsafe code. hyper and the contract both let a read fill memory
//! that is not yet initialised, each with its own cursor; zeroing the memory first, so that the two
//! could meet over `&mut [u8]`, costs 8 KiB of writes a poll. What the two blocks rely on is said at
//! each of them; both come down to one fact about [`carafe_core::rt::ReadBuf`], its B1: what it calls
//! filled is initialised.
#![allow(unsafe_code)]

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use carafe_core::rt::{ByteStream, ReadBuf};
use hyper::rt::ReadBufCursor;

/// A [`ByteStream`] as hyper's `Read` and `Write`.
#[derive(Debug)]
pub(crate) struct HyperIo<S> {
    stream: S,
}

impl<S> HyperIo<S> {
    /// Wraps `stream`.
    pub(crate) fn new(stream: S) -> Self {
        HyperIo { stream }
    }

    /// The stream back. What hyper has read ahead of the HTTP message is not in it: hyper hands
    /// that out beside the stream.
    pub(crate) fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: ByteStream> hyper::rt::Read for HyperIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // SAFETY: `as_mut` asks that no initialised byte is de-initialised. The slice goes nowhere
        // but into a `ReadBuf`, whose safe methods write initialised bytes only, and whose
        // `unfilled_mut` makes its caller promise the same.
        let space = unsafe { cursor.as_mut() };
        let start = space.as_ptr().cast::<u8>();
        let mut buf = ReadBuf::uninit(space);
        ready!(self.stream.poll_read(cx, &mut buf))?;
        let filled = buf.filled();
        // A safe implementation of `poll_read` could put another `ReadBuf` in the place of ours; its
        // length would say nothing about hyper's memory.
        assert!(filled.as_ptr() == start, "poll_read exchanged the buffer that it was given");
        let filled = filled.len();
        // SAFETY: `advance` asks that the next `filled` bytes are initialised. `buf` still begins at
        // hyper's first unfilled byte (asserted above), and what it calls filled is initialised (B1).
        unsafe { cursor.advance(filled) };
        Poll::Ready(Ok(()))
    }
}

impl<S: ByteStream> hyper::rt::Write for HyperIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_write_vectored(cx, bufs)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use hyper::rt::Read;

    use super::*;

    /// Calls what it is given to read with, and can do nothing else.
    struct Reader<F>(F);

    impl<F: FnMut(&mut ReadBuf<'_>) + Send + Unpin + 'static> ByteStream for Reader<F> {
        fn poll_read(
            &mut self,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            (self.0)(buf);
            Poll::Ready(Ok(()))
        }

        fn poll_write(&mut self, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            unreachable!("only read here")
        }

        fn poll_write_vectored(
            &mut self,
            _: &mut Context<'_>,
            _: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            unreachable!("only read here")
        }

        fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            unreachable!("only read here")
        }

        fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            unreachable!("only read here")
        }

        fn local_addr(&self) -> io::Result<SocketAddr> {
            unreachable!("only read here")
        }

        fn peer_addr(&self) -> io::Result<SocketAddr> {
            unreachable!("only read here")
        }
    }

    /// What one read into fresh memory, behind `before`, makes of it.
    fn read(
        before: &[u8],
        reader: impl FnMut(&mut ReadBuf<'_>) + Send + Unpin + 'static,
    ) -> Vec<u8> {
        let mut space = [std::mem::MaybeUninit::uninit(); 16];
        let mut buf = hyper::rt::ReadBuf::uninit(&mut space);
        buf.unfilled().put_slice(before);
        let mut io = HyperIo::new(Reader(reader));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let polled = Pin::new(&mut io).poll_read(&mut cx, buf.unfilled());
        assert!(matches!(polled, Poll::Ready(Ok(()))));
        buf.filled().to_vec()
    }

    #[test]
    fn what_is_read_is_behind_what_was_there() {
        assert_eq!(read(b"abc", |buf| buf.put_slice(b"def")), b"abcdef");
        assert_eq!(read(b"abc", |_| {}), b"abc");
        assert_eq!(read(b"abc", |buf| buf.put_slice(&[0; 13][..buf.remaining()])).len(), 16);
    }

    #[test]
    #[should_panic(expected = "exchanged the buffer")]
    fn a_stream_that_exchanges_the_buffer_is_refused() {
        read(b"", |buf| {
            let other: &'static mut [u8] = Box::leak(Box::new([1; 8]));
            *buf = ReadBuf::new(other);
            buf.put_slice(&[2; 8]);
        });
    }
}
