//! Time that stands still, and jumps.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use carafe_core::rt::Sleep;

use crate::lock;
use crate::sim::Sim;

/// The clock of one run.
#[derive(Debug)]
pub(crate) struct VirtualClock {
    /// Where virtual time begins. `Instant` has no zero, so this is the one reading of the real
    /// clock in a run; only distances from it mean anything.
    anchor: Instant,
    state: Mutex<State>,
}

/// Which sleep: its deadline, then the order in which it was armed.
type Key = (Instant, u64);

#[derive(Debug)]
struct State {
    now: Instant,
    timers: BTreeMap<Key, Waker>,
    armed: u64,
}

impl VirtualClock {
    pub(crate) fn new() -> Self {
        let anchor = Instant::now();
        let state = State { now: anchor, timers: BTreeMap::new(), armed: 0 };
        VirtualClock { anchor, state: Mutex::new(state) }
    }

    pub(crate) fn now(&self) -> Instant {
        lock(&self.state).now
    }

    /// How much virtual time has passed.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now() - self.anchor
    }

    pub(crate) fn wall_now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + EPOCH + self.elapsed()
    }

    /// Jumps to the next deadline and wakes who waits for it; false when there is none.
    pub(crate) fn advance(&self) -> bool {
        let due: Vec<Waker> = {
            let mut state = lock(&self.state);
            let Some((&(deadline, _), _)) = state.timers.first_key_value() else { return false };
            let now = state.now.max(deadline);
            state.now = now;
            let later = state.timers.split_off(&(now, u64::MAX));
            std::mem::replace(&mut state.timers, later).into_values().collect()
        };
        for waker in due {
            waker.wake();
        }
        true
    }

    /// Drops every waker: those of a loop that has ended lead nowhere.
    pub(crate) fn close(&self) {
        let timers = std::mem::take(&mut lock(&self.state).timers);
        drop(timers);
    }

    /// Waits for `deadline` with `waker`, under a key of its own.
    fn arm(&self, deadline: Instant, waker: Waker) -> Key {
        let mut state = lock(&self.state);
        state.armed += 1;
        let key = (deadline, state.armed);
        state.timers.insert(key, waker);
        key
    }

    /// Replaces the waker behind `key`; false when the deadline has passed and it is gone. The old
    /// waker is the caller's to drop, outside of the lock.
    fn rearm(&self, key: Key, waker: &mut Waker) -> bool {
        let mut state = lock(&self.state);
        let Some(armed) = state.timers.get_mut(&key) else { return false };
        if !armed.will_wake(waker) {
            std::mem::swap(armed, waker);
        }
        true
    }

    fn disarm(&self, key: Key) {
        let waker = lock(&self.state).timers.remove(&key);
        drop(waker);
    }
}

/// 2020-01-01T00:00:00Z: the time of day at which every run begins.
const EPOCH: Duration = Duration::from_secs(1_577_836_800);

/// A sleep in virtual time.
pub struct SimSleep {
    sim: Sim,
    deadline: Instant,
    /// Set from the first pending poll to the deadline.
    armed: Option<Key>,
}

impl SimSleep {
    pub(crate) fn new(sim: Sim, deadline: Instant) -> Self {
        SimSleep { sim, deadline, armed: None }
    }

    fn disarm(&mut self) {
        if let Some(key) = self.armed.take() {
            self.sim.clock().disarm(key);
        }
    }
}

impl Future for SimSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.sim.clock().now() >= self.deadline {
            self.disarm();
            return Poll::Ready(());
        }
        let mut waker = cx.waker().clone();
        let is_armed = self.armed.is_some_and(|key| self.sim.clock().rearm(key, &mut waker));
        if !is_armed {
            self.armed = Some(self.sim.clock().arm(self.deadline, waker));
        }
        Poll::Pending
    }
}

impl Sleep for SimSleep {
    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.disarm();
        self.deadline = deadline;
    }
}

impl Drop for SimSleep {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for SimSleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimSleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
