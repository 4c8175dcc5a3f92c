//! Signals that a test sends.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use carafe_core::rt::{Signal, SignalStream};

use crate::lock;
use crate::sim::Sim;

/// Who listens for which signal.
#[derive(Debug, Default)]
pub(crate) struct Switchboard {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    streams: BTreeMap<u64, Line>,
    opened: u64,
}

#[derive(Debug)]
struct Line {
    wanted: Vec<Signal>,
    /// Sent and not yet seen, the oldest first; each kind once, as with a real process.
    pending: Vec<Signal>,
    waker: Option<Waker>,
}

impl Switchboard {
    fn open(&self, wanted: &[Signal]) -> u64 {
        let mut state = lock(&self.state);
        state.opened += 1;
        let id = state.opened;
        let line = Line { wanted: wanted.to_vec(), pending: Vec::new(), waker: None };
        state.streams.insert(id, line);
        id
    }

    /// Hands `signal` to everyone who wants it, and says whether somebody does.
    pub(crate) fn send(&self, signal: Signal) -> bool {
        let mut heard = false;
        let mut wakers = Vec::new();
        for line in lock(&self.state).streams.values_mut() {
            if !line.wanted.contains(&signal) {
                continue;
            }
            heard = true;
            if !line.pending.contains(&signal) {
                line.pending.push(signal);
            }
            wakers.extend(line.waker.take());
        }
        wakers.into_iter().for_each(Waker::wake);
        heard
    }
}

/// Signals as a test sends them, with [`Sim::send_signal`].
pub struct SimSignals {
    sim: Sim,
    id: u64,
}

impl SimSignals {
    pub(crate) fn new(sim: Sim, wanted: &[Signal]) -> Self {
        let id = sim.switchboard().open(wanted);
        SimSignals { sim, id }
    }
}

impl SignalStream for SimSignals {
    fn poll_signal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Signal>> {
        let mut state = lock(&self.sim.switchboard().state);
        let line = state.streams.get_mut(&self.id).expect("a line stays while its stream lives");
        if !line.pending.is_empty() {
            return Poll::Ready(Ok(line.pending.remove(0)));
        }
        let old = line.waker.replace(cx.waker().clone());
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for SimSignals {
    fn drop(&mut self) {
        let line = lock(&self.sim.switchboard().state).streams.remove(&self.id);
        drop(line);
    }
}

impl fmt::Debug for SimSignals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimSignals").finish_non_exhaustive()
    }
}
