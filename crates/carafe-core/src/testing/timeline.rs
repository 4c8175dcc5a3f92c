//! The virtual clock: who is busy, who sleeps until when, who waits for all others to wait.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::{Duration, Instant, SystemTime};

/// A sleep in the timeline.
pub(crate) type Key = (Instant, u64);

#[derive(Debug)]
pub(crate) struct Timeline {
    /// V1 of the parent's page.
    busy: AtomicUsize,
    start: Instant,
    wall_start: SystemTime,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    elapsed: Duration,
    next: u64,
    sleeps: BTreeMap<Key, Waker>,
    settlers: BTreeMap<u64, Waker>,
}

/// Something that keeps the clock standing until it is dropped.
pub(crate) struct Work(Arc<Timeline>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.less_busy();
    }
}

impl Timeline {
    pub(crate) fn new(start: Instant, wall_start: SystemTime) -> Self {
        let state = State {
            elapsed: Duration::ZERO,
            next: 0,
            sleeps: BTreeMap::new(),
            settlers: BTreeMap::new(),
        };
        Timeline { busy: AtomicUsize::new(0), start, wall_start, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under the timeline's lock")
    }

    pub(crate) fn now(&self) -> Instant {
        self.start + self.lock().elapsed
    }

    pub(crate) fn wall_now(&self) -> SystemTime {
        self.wall_start + self.lock().elapsed
    }

    pub(crate) fn begin_work(self: &Arc<Self>) -> Work {
        self.more_busy();
        Work(self.clone())
    }

    pub(crate) fn more_busy(&self) {
        self.busy.fetch_add(1, Ordering::AcqRel);
    }

    /// One less is busy; the last one moves the clock (V2).
    pub(crate) fn less_busy(&self) {
        if self.busy.fetch_sub(1, Ordering::AcqRel) == 1 {
            while self.advance() {}
        }
    }

    /// Wakes those who settle, or else those who sleep until the next deadline. Says whether it woke
    /// anybody and nobody is busy all the same: then it has to go on.
    ///
    /// It counts as busy itself until all are woken: the first of them may be idle again before the
    /// last is woken, and the clock must not move in between.
    fn advance(&self) -> bool {
        let wakers: Vec<Waker> = {
            let mut state = self.lock();
            if self.busy.load(Ordering::Acquire) > 0 {
                return false;
            }
            let wakers = if state.settlers.is_empty() {
                state.jump(self.start)
            } else {
                std::mem::take(&mut state.settlers).into_values().collect()
            };
            if wakers.is_empty() {
                return false;
            }
            // Under the lock, so that of two who find nobody busy only one goes on.
            self.more_busy();
            wakers
        };
        wakers.into_iter().for_each(Waker::wake);
        self.busy.fetch_sub(1, Ordering::AcqRel) == 1
    }

    pub(crate) fn add_settler(&self, waker: &Waker) -> u64 {
        let mut state = self.lock();
        state.next += 1;
        let key = state.next;
        state.settlers.insert(key, waker.clone());
        key
    }

    /// Whether the settler still waits; its waker is renewed if so.
    pub(crate) fn is_settling(&self, key: u64, waker: &Waker) -> bool {
        let old = {
            let mut state = self.lock();
            let slot = state.settlers.get_mut(&key);
            slot.map(|slot| std::mem::replace(slot, waker.clone()))
        };
        old.is_some()
    }

    pub(crate) fn remove_settler(&self, key: u64) {
        let waker = self.lock().settlers.remove(&key);
        drop(waker);
    }

    /// Adds a sleep, or renews the waker of one that is there.
    pub(crate) fn add_sleep(&self, deadline: Instant, key: Option<Key>, waker: &Waker) -> Key {
        let mut state = self.lock();
        let key = key.unwrap_or_else(|| {
            state.next += 1;
            (deadline, state.next)
        });
        let old = state.sleeps.insert(key, waker.clone());
        drop(state);
        drop(old);
        key
    }

    pub(crate) fn remove_sleep(&self, key: Key) {
        let waker = self.lock().sleeps.remove(&key);
        drop(waker);
    }
}

impl State {
    /// Moves the clock to the next deadline and takes the wakers of all who slept until then.
    fn jump(&mut self, start: Instant) -> Vec<Waker> {
        let Some(((next, _), _)) = self.sleeps.first_key_value() else { return Vec::new() };
        let now = *next;
        self.elapsed = self.elapsed.max(now - start);
        let mut wakers = Vec::new();
        while let Some(first) = self.sleeps.first_entry() {
            if first.key().0 > now {
                break;
            }
            wakers.push(first.remove());
        }
        wakers
    }
}
