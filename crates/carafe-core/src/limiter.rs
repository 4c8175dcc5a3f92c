//! A limiter: so many at a time, in order of arrival.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::atomics::{Mutex, MutexGuard};

/// Lets so many proceed at a time, in order of arrival.
///
/// A token that is given back while others wait belongs to the first of them at once: nobody who
/// comes later overtakes. Cheap to clone; the clones share the tokens.
#[derive(Clone)]
pub struct Limiter {
    shared: Arc<Mutex<State>>,
}

struct State {
    total: usize,
    borrowed: usize,
    /// Those who wait, first come first.
    queue: VecDeque<usize>,
    waiters: Slab<Waiter>,
}

enum Waiter {
    Waiting(Waker),
    /// A token was handed over; it is in `borrowed` already.
    Granted,
}

impl Limiter {
    /// A limiter with `total` tokens.
    ///
    /// # Panics
    ///
    /// When `total` is 0, which would block everybody for ever.
    pub fn new(total: usize) -> Self {
        assert!(total > 0, "a limiter needs at least one token");
        let state = State { total, borrowed: 0, queue: VecDeque::new(), waiters: Slab::new() };
        Limiter { shared: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock().expect("nothing panics under a limiter's lock")
    }

    /// Waits for a token.
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves the queue; a token that was handed over meanwhile goes to the next.
    pub fn acquire(&self) -> Acquire {
        Acquire { limiter: self.clone(), key: None }
    }

    /// Takes a token if one is free and nobody waits for it.
    pub fn try_acquire(&self) -> Option<Token> {
        let mut state = self.lock();
        if state.borrowed < state.total && state.queue.is_empty() {
            state.borrowed += 1;
            drop(state);
            return Some(Token { limiter: self.clone() });
        }
        None
    }

    /// How many tokens are out.
    pub fn borrowed(&self) -> usize {
        self.lock().borrowed
    }

    /// How many tokens there are.
    pub fn total(&self) -> usize {
        self.lock().total
    }

    /// How many wait for one.
    pub fn waiting(&self) -> usize {
        self.lock().queue.len()
    }

    fn give_back(&self) {
        let mut state = self.lock();
        state.borrowed -= 1;
        let next = state.hand_over();
        drop(state);
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

impl State {
    /// Gives a free token to the first who waits.
    fn hand_over(&mut self) -> Option<Waker> {
        if self.borrowed >= self.total {
            return None;
        }
        let key = self.queue.pop_front()?;
        self.borrowed += 1;
        match std::mem::replace(&mut self.waiters[key], Waiter::Granted) {
            Waiter::Waiting(waker) => Some(waker),
            Waiter::Granted => unreachable!("who has a token has left the queue"),
        }
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Limiter")
            .field("total", &state.total)
            .field("borrowed", &state.borrowed)
            .field("waiting", &state.queue.len())
            .finish()
    }
}

/// The future of [`Limiter::acquire`].
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Acquire {
    limiter: Limiter,
    key: Option<usize>,
}

impl Future for Acquire {
    type Output = Token;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Token> {
        let Some(key) = self.key else {
            if let Some(token) = self.limiter.try_acquire() {
                return Poll::Ready(token);
            }
            let mut state = self.limiter.lock();
            let key = state.waiters.insert(Waiter::Waiting(cx.waker().clone()));
            state.queue.push_back(key);
            // A token may have come back since `try_acquire`.
            let woken = state.hand_over();
            drop(state);
            self.key = Some(key);
            if let Some(waker) = woken {
                waker.wake();
            }
            return Poll::Pending;
        };
        let mut state = self.limiter.lock();
        match &mut state.waiters[key] {
            Waiter::Granted => {
                state.waiters.remove(key);
                drop(state);
                self.key = None;
                Poll::Ready(Token { limiter: self.limiter.clone() })
            }
            Waiter::Waiting(waker) => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
        }
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut state = self.limiter.lock();
        let gone = state.waiters.remove(key);
        state.queue.retain(|waiting| *waiting != key);
        drop(state);
        if matches!(gone, Waiter::Granted) {
            self.limiter.give_back();
        }
    }
}

/// The right to proceed; given back when dropped.
#[derive(Debug)]
#[must_use = "a token is given back as soon as it is dropped"]
pub struct Token {
    limiter: Limiter,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.limiter.give_back();
    }
}
