//! Who runs next.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::blocking::Step;
use crate::lock;
use crate::random::Prng;
use crate::task::Task;

/// The set of what is ready, and the choice among it.
///
/// Q1. What is in the queue was put there by a wake-up and leaves it to be run at once: nothing is
///     in it twice.
/// Q2. `outside` is the number of threads that may still put something into the queue while the
///     loop rests: closures that run, and [`Outside`] values. While it is not 0, an empty queue is no
///     deadlock and time stands still.
/// Q3. After `close` the queue stays empty.
#[derive(Debug)]
pub(crate) struct Scheduler {
    state: Mutex<State>,
    /// Rung when the queue grows or `outside` shrinks.
    bell: Condvar,
}

/// Something that is ready to run.
#[derive(Debug)]
pub(crate) enum Ready {
    /// The future that the loop was entered with.
    Main,
    /// A task.
    Task(Arc<Task>),
    /// A closure that has a thread, and waits for its turn.
    Step(Step),
}

/// How the next is chosen.
#[derive(Debug)]
pub(crate) enum Order {
    /// Who was ready first.
    Fifo,
    /// Any of them, as the generator says.
    Random(Prng),
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Ready>,
    order: Order,
    outside: usize,
    closed: bool,
    fingerprint: Fingerprint,
}

impl Scheduler {
    pub(crate) fn new(order: Order) -> Self {
        let fingerprint = Fingerprint::default();
        let state = State { queue: VecDeque::new(), order, outside: 0, closed: false, fingerprint };
        Scheduler { state: Mutex::new(state), bell: Condvar::new() }
    }

    /// Adds to the queue; gives it back when the loop has ended.
    pub(crate) fn push(&self, ready: Ready) -> Result<(), Ready> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(ready);
        }
        state.queue.push_back(ready);
        self.bell.notify_all();
        Ok(())
    }

    /// Takes the next out of the queue, waiting while it is empty and somebody outside may fill it.
    /// `None`: nothing is ready, and only time can change that.
    pub(crate) fn next(&self) -> Option<Ready> {
        let mut state = lock(&self.state);
        loop {
            if let Some(ready) = state.choose() {
                return Some(ready);
            }
            if state.outside == 0 {
                return None;
            }
            state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until `is_over`, which turns true before the bell rings; but no longer than `patience`
    /// while something else is ready that could run instead, or the loop has ended.
    pub(crate) fn stand_still(&self, patience: Duration, is_over: impl Fn() -> bool) {
        // A real clock, and the only use of one: it measures a thread of the real world, and what it
        // reads never reaches the program.
        let begun = Instant::now();
        let mut state = lock(&self.state);
        while !is_over() {
            if state.queue.is_empty() && !state.closed {
                state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let Some(left) = patience.checked_sub(begun.elapsed()) else { return };
            state = match self.bell.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Counts somebody outside who may wake a task, until the value is dropped.
    pub(crate) fn expect_outside(self: &Arc<Self>) -> Outside {
        lock(&self.state).outside += 1;
        Outside { scheduler: self.clone() }
    }

    /// Ends the queue and gives what was in it.
    pub(crate) fn close(&self) -> VecDeque<Ready> {
        let mut state = lock(&self.state);
        state.closed = true;
        std::mem::take(&mut state.queue)
    }

    /// Makes `event` part of what [`fingerprint`](Scheduler::fingerprint) sums up.
    pub(crate) fn note(&self, event: u64) {
        lock(&self.state).fingerprint.add(event);
    }

    /// A number that sums up every decision so far.
    pub(crate) fn fingerprint(&self) -> u64 {
        lock(&self.state).fingerprint.0
    }
}

impl State {
    fn choose(&mut self) -> Option<Ready> {
        let ready = match &mut self.order {
            Order::Fifo => self.queue.pop_front(),
            Order::Random(_) if self.queue.is_empty() => None,
            Order::Random(prng) => self.queue.swap_remove_back(prng.below(self.queue.len())),
        }?;
        self.fingerprint.add(match &ready {
            Ready::Main => 0,
            Ready::Task(task) => 2 * task.id() + 1,
            Ready::Step(step) => 2 * step.id() + 2,
        });
        Some(ready)
    }
}

/// Somebody outside of the simulation who may wake a task.
///
/// While one lives, a run in which everything is blocked waits, with its clock standing still,
/// instead of moving on to the next deadline or reporting a deadlock.
pub struct Outside {
    scheduler: Arc<Scheduler>,
}

impl Drop for Outside {
    fn drop(&mut self) {
        let mut state = lock(&self.scheduler.state);
        state.outside -= 1;
        self.scheduler.bell.notify_all();
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").finish_non_exhaustive()
    }
}

/// FNV-1a over 64-bit words: enough to tell two schedules apart, and the same on every machine.
#[derive(Debug)]
struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Fingerprint(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3);
    }
}
