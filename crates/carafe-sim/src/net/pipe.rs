//! Bytes in one direction.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use carafe_core::rt::ReadBuf;

use crate::lock;

/// A bounded queue of bytes with one writer and one reader.
///
/// P1. The reader sees every byte that was accepted before the writer ended, and then the end.
/// P2. Once the reader is gone, nothing is accepted any more, and what was is forgotten.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    /// The writer has ended.
    ended: bool,
    /// The reader has gone.
    broken: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// How much a pipe holds before its writer waits: of the order of a real socket's buffer.
const CAPACITY: usize = 64 * 1024;

impl Pipe {
    pub(super) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if !state.bytes.is_empty() {
            state.read_into(buf);
            let writer = state.writer.take();
            drop(state);
            wake(writer);
            return Poll::Ready(());
        }
        if state.ended || buf.remaining() == 0 {
            return Poll::Ready(());
        }
        let old = state.reader.replace(cx.waker().clone());
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// Takes some of `bufs`, in order.
    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = lock(&self.state);
        if state.ended || state.broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        let taken = state.take_from(bufs);
        if taken > 0 {
            let reader = state.reader.take();
            drop(state);
            wake(reader);
            return Poll::Ready(Ok(taken));
        }
        let old = state.writer.replace(cx.waker().clone());
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// The writer ends: the reader reads to the end of what was written.
    pub(super) fn end(&self) {
        let mut state = lock(&self.state);
        state.ended = true;
        let waiting = (state.reader.take(), state.writer.take());
        drop(state);
        wake(waiting.0);
        wake(waiting.1);
    }

    /// The reader goes: the writer's next write fails.
    pub(super) fn break_off(&self) {
        let mut state = lock(&self.state);
        state.broken = true;
        state.bytes = VecDeque::new();
        let waiting = (state.reader.take(), state.writer.take());
        drop(state);
        wake(waiting.0);
        wake(waiting.1);
    }
}

impl State {
    fn read_into(&mut self, buf: &mut ReadBuf<'_>) {
        let (front, back) = self.bytes.as_slices();
        let from_front = front.len().min(buf.remaining());
        buf.put_slice(&front[..from_front]);
        let from_back = back.len().min(buf.remaining());
        buf.put_slice(&back[..from_back]);
        self.bytes.drain(..from_front + from_back);
    }

    fn take_from(&mut self, bufs: &[IoSlice<'_>]) -> usize {
        let before = self.bytes.len();
        for buf in bufs {
            let room = CAPACITY - self.bytes.len();
            self.bytes.extend(&buf[..buf.len().min(room)]);
        }
        self.bytes.len() - before
    }
}

fn wake(waiting: Option<Waker>) {
    if let Some(waker) = waiting {
        waker.wake();
    }
}
