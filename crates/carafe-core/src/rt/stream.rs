//! Byte streams, and the buffer that they read into.
//!
//! # Safety
//!
//! This module has the crate's only unsafe code about memory that is not yet initialised: it lets a
//! read fill a fresh buffer without zeroing it first, which costs hyper on async-io 8 KiB of writes a
//! poll. The invariant of [`ReadBuf`]:
//!
//! B1. `space[..filled]` is initialised. `filled` grows only in [`ReadBuf::advance`], whose caller
//!     vouches for the bytes.
#![allow(unsafe_code)]

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::task::{Context, Poll};

/// A connection that carries bytes both ways.
///
/// Streams close their socket when dropped; bytes that the system has taken are still sent.
pub trait ByteStream: Send + Unpin + 'static {
    /// Reads what is there into `buf`. Nothing added to a buffer that has room means that the peer
    /// has ended its half.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>>;

    /// Writes some of `buf` and says how much.
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>;

    /// Writes some of `bufs`, in order and in one system call where there is one.
    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Whether [`poll_write_vectored`](ByteStream::poll_write_vectored) is better than writing the
    /// slices one by one.
    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Hands what the stream has buffered to the system; sockets buffer nothing.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends the writing half: the peer reads to the end of what was written. Reading goes on.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// This end's address.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The other end's address.
    fn peer_addr(&self) -> io::Result<SocketAddr>;
}

/// A buffer being filled, which need not be initialised.
#[derive(Debug)]
pub struct ReadBuf<'a> {
    space: &'a mut [MaybeUninit<u8>],
    /// B1: this many bytes at the start of `space` are initialised.
    filled: usize,
}

impl<'a> ReadBuf<'a> {
    /// An empty buffer over memory that need not be initialised.
    pub fn uninit(space: &'a mut [MaybeUninit<u8>]) -> Self {
        ReadBuf { space, filled: 0 }
    }

    /// An empty buffer over initialised memory.
    pub fn new(space: &'a mut [u8]) -> Self {
        let len = space.len();
        // SAFETY: `u8` and `MaybeUninit<u8>` have one layout, the length is the slice's own, and the
        // exclusive borrow lasts as long. Nobody de-initialises a byte through it: the methods here
        // write initialised bytes only, and `unfilled_mut` makes its caller promise the same.
        let space = unsafe { std::slice::from_raw_parts_mut(space.as_mut_ptr().cast(), len) };
        ReadBuf { space, filled: 0 }
    }

    /// What was read so far.
    pub fn filled(&self) -> &[u8] {
        // SAFETY: these bytes are initialised by B1, and borrowed like `self`.
        unsafe { std::slice::from_raw_parts(self.space.as_ptr().cast(), self.filled) }
    }

    /// How much room is left.
    pub fn remaining(&self) -> usize {
        self.space.len() - self.filled
    }

    /// Appends `bytes`.
    ///
    /// # Panics
    ///
    /// When they do not fit.
    pub fn put_slice(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.remaining(), "the buffer has no room for these bytes");
        self.space[self.filled..][..bytes.len()].write_copy_of_slice(bytes);
        // SAFETY: the line above initialised them.
        unsafe { self.advance(bytes.len()) };
    }

    /// Appends what one `recv` on `socket` gives, and says how much that was.
    ///
    /// # Errors
    ///
    /// Those of `recv`: [`io::ErrorKind::WouldBlock`] where a non-blocking socket has nothing.
    #[cfg(unix)]
    pub fn recv(&mut self, socket: &impl std::os::fd::AsFd) -> io::Result<usize> {
        let read = socket2::SockRef::from(socket).recv(&mut self.space[self.filled..])?;
        // SAFETY: `recv` returns the number of bytes that the system wrote at the start of the slice.
        unsafe { self.advance(read) };
        Ok(read)
    }

    /// The room that is left.
    ///
    /// # Safety
    ///
    /// The caller writes initialised bytes only: behind it may be memory that somebody reads.
    pub unsafe fn unfilled_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        &mut self.space[self.filled..]
    }

    /// Counts the next `n` bytes as read.
    ///
    /// # Safety
    ///
    /// The first `n` bytes of [`unfilled_mut`](ReadBuf::unfilled_mut) are initialised.
    ///
    /// # Panics
    ///
    /// When there is less room than `n`.
    pub unsafe fn advance(&mut self, n: usize) {
        assert!(n <= self.remaining(), "more bytes than the buffer has room for");
        self.filled += n;
    }
}
