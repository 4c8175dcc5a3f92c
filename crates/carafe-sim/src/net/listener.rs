//! A socket that accepts streams.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use carafe_core::rt::{ByteStream, Listener};

use super::stream::SimStream;
use crate::lock;
use crate::sim::Sim;

/// A simulated listening socket.
///
/// # On drop
///
/// Connections that nobody has accepted are closed, those that wait for a place are refused.
pub struct SimListener {
    sim: Sim,
    id: u64,
    addr: SocketAddr,
    backlog: Arc<Backlog>,
}

impl SimListener {
    pub(super) fn new(sim: Sim, id: u64, addr: SocketAddr, backlog: Arc<Backlog>) -> Self {
        SimListener { sim, id, addr, backlog }
    }
}

impl Listener for SimListener {
    type Stream = SimStream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(SimStream, SocketAddr)>> {
        self.backlog.poll_take(cx).map(|stream| {
            let peer = stream.peer_addr()?;
            Ok((stream, peer))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addr)
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.sim.network().unbind(self.id);
        self.backlog.close();
    }
}

impl fmt::Debug for SimListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimListener").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// Connections that wait to be accepted.
#[derive(Debug)]
pub(super) struct Backlog {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<SimStream>,
    closed: bool,
    acceptor: Option<Waker>,
    /// Who waits for a place. All are woken by each place, so that one that has given up takes
    /// nobody's.
    connectors: Vec<Waker>,
}

impl Backlog {
    pub(super) fn new(limit: u32) -> Self {
        Backlog { limit: limit.max(1) as usize, state: Mutex::default() }
    }

    /// Waits for a place and leaves `stream` there.
    pub(super) async fn offer(&self, stream: SimStream) -> io::Result<()> {
        let mut stream = Some(stream);
        poll_fn(|cx| self.poll_offer(cx, &mut stream)).await
    }

    fn poll_offer(
        &self,
        cx: &mut Context<'_>,
        stream: &mut Option<SimStream>,
    ) -> Poll<io::Result<()>> {
        let mut state = lock(&self.state);
        if state.closed {
            return Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into()));
        }
        if state.waiting.len() >= self.limit {
            if !state.connectors.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.connectors.push(cx.waker().clone());
            }
            return Poll::Pending;
        }
        state.waiting.push_back(stream.take().expect("a future is not polled after its end"));
        let acceptor = state.acceptor.take();
        drop(state);
        acceptor.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }

    fn poll_take(&self, cx: &mut Context<'_>) -> Poll<SimStream> {
        let mut state = lock(&self.state);
        if let Some(stream) = state.waiting.pop_front() {
            let connectors = std::mem::take(&mut state.connectors);
            drop(state);
            connectors.into_iter().for_each(Waker::wake);
            return Poll::Ready(stream);
        }
        let old = state.acceptor.replace(cx.waker().clone());
        drop(state);
        drop(old);
        Poll::Pending
    }

    fn close(&self) {
        let closed = State { closed: true, ..State::default() };
        let left = std::mem::replace(&mut *lock(&self.state), closed);
        left.connectors.into_iter().for_each(Waker::wake);
        drop(left.waiting);
    }
}
