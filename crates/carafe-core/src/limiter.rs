//! A limiter: so many at a time, in order of arrival.
//!
//! L1. Nobody waits while a token is free: whoever frees one, or adds some, hands them over at once,
//!     under the same lock.
//! L2. A token that was handed over counts as borrowed, taken or not.

mod borrower;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

pub use self::borrower::{AcquireOnBehalfOf, AlreadyBorrowed, NotBorrowed};

use crate::atomics::{Mutex, MutexGuard};
use crate::context;
use crate::wait_list::{WaitList, WakeLater, refresh};

/// Lets so many proceed at a time, in order of arrival.
///
/// A token that is given back while others wait belongs to the first of them at once: nobody who
/// comes later overtakes. Cheap to clone; the clones share the tokens.
///
/// # Examples
///
/// ```
/// # use carafe_core::{Limiter, Runner};
/// # Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |_| {
/// let limiter = Limiter::new(2);
/// let first = limiter.acquire().await;
/// let _second = limiter.acquire().await;
/// assert!(limiter.try_acquire().is_none());
/// drop(first);
/// assert!(limiter.try_acquire().is_some());
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Limiter {
    shared: Arc<Mutex<State>>,
}

struct State {
    /// [`UNLIMITED`] if everybody gets one.
    total: usize,
    borrowed: usize,
    queue: WaitList<Waiter>,
    /// Those on whose behalf somebody waits or has a token; true is the latter.
    borrowers: BTreeMap<u64, bool>,
}

struct Waiter {
    wait: Wait,
    /// On whose behalf, if not on its own.
    borrower: Option<u64>,
}

enum Wait {
    Waiting(Waker),
    /// A token was handed over (L2).
    Granted,
}

const UNLIMITED: usize = usize::MAX;

/// What a limiter looks like at one moment; see [`Limiter::statistics`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimiterStatistics {
    /// How many tokens there are; `usize::MAX` if it is unlimited.
    pub total: usize,
    /// How many are out. More than `total` for a while, after that was lowered.
    pub borrowed: usize,
    /// How many wait for one.
    pub waiting: usize,
    /// Those who have one by [`Limiter::acquire_on_behalf_of`], in the order of their numbers.
    pub borrowers: Vec<u64>,
}

impl Limiter {
    /// A limiter with `total` tokens.
    ///
    /// # Panics
    ///
    /// When `total` is 0, which would block everybody for ever.
    pub fn new(total: usize) -> Self {
        assert!(total > 0, "a limiter needs at least one token");
        let state =
            State { total, borrowed: 0, queue: WaitList::new(), borrowers: BTreeMap::new() };
        Limiter { shared: Arc::new(Mutex::new(state)) }
    }

    /// A limiter that has a token for everybody, and counts.
    pub fn unlimited() -> Self {
        Self::new(UNLIMITED)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock().expect("nothing panics under a limiter's lock")
    }

    /// Waits for a token.
    ///
    /// Like all of core's own primitives it lets others run when one task has had 128 tokens, say,
    /// without ever waiting.
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves the queue; a token that was handed over meanwhile goes to the next.
    pub fn acquire(&self) -> Acquire {
        Acquire { limiter: self.clone(), borrower: None, key: None }
    }

    /// Waits for a token, from now on and not from the first poll on, on behalf of somebody else: not
    /// counted against the caller's budget.
    pub(crate) fn queue_up(&self) -> Acquire {
        let mut state = self.lock();
        let wait = Wait::Waiting(Waker::noop().clone());
        let key = state.queue.push_back(Waiter { wait, borrower: None });
        let served = state.hand_over();
        drop(state);
        served.wake();
        Acquire { limiter: self.clone(), borrower: None, key: Some(key) }
    }

    /// Takes a token if one is free and nobody waits for it.
    pub fn try_acquire(&self) -> Option<Token> {
        let is_granted = self.lock().take_free();
        is_granted.then(|| Token { limiter: self.clone() })
    }

    /// Changes how many tokens there are.
    ///
    /// More tokens go to as many of those who wait, in order. Fewer take none away: nobody gets one
    /// until enough have come back.
    ///
    /// # Panics
    ///
    /// When `total` is 0.
    pub fn set_total(&self, total: usize) {
        assert!(total > 0, "a limiter needs at least one token");
        let mut state = self.lock();
        state.total = total;
        let served = state.hand_over();
        drop(state);
        served.wake();
    }

    /// How many tokens there are; `usize::MAX` if it is unlimited.
    pub fn total(&self) -> usize {
        self.lock().total
    }

    /// How many tokens are out.
    pub fn borrowed(&self) -> usize {
        self.lock().borrowed
    }

    /// How many tokens are free; always `usize::MAX` if it is unlimited.
    pub fn available(&self) -> usize {
        let state = self.lock();
        match state.total {
            UNLIMITED => UNLIMITED,
            total => total.saturating_sub(state.borrowed),
        }
    }

    /// How many wait for one.
    pub fn waiting(&self) -> usize {
        self.lock().queue.len()
    }

    /// All of its counts, at one moment.
    pub fn statistics(&self) -> LimiterStatistics {
        let state = self.lock();
        let holding = state.borrowers.iter().filter(|(_, is_holding)| **is_holding);
        LimiterStatistics {
            total: state.total,
            borrowed: state.borrowed,
            waiting: state.queue.len(),
            borrowers: holding.map(|(borrower, _)| *borrower).collect(),
        }
    }

    fn give_back(&self) {
        let mut state = self.lock();
        state.borrowed -= 1;
        let served = state.hand_over();
        drop(state);
        served.wake();
    }
}

impl State {
    /// Takes a token that is free. By L1 nobody waits for it.
    fn take_free(&mut self) -> bool {
        let is_free = self.borrowed < self.total;
        if is_free {
            self.borrowed += 1;
        }
        is_free
    }

    /// Gives the free tokens to those who wait (L1).
    fn hand_over(&mut self) -> WakeLater {
        let mut served = WakeLater::new();
        while self.borrowed < self.total {
            let Some(waiter) = self.queue.serve_front() else { break };
            self.borrowed += 1;
            if let Some(borrower) = waiter.borrower {
                self.borrowers.insert(borrower, true);
            }
            match std::mem::replace(&mut waiter.wait, Wait::Granted) {
                Wait::Waiting(waker) => served.push(waker),
                Wait::Granted => unreachable!("who has a token has left the queue"),
            }
        }
        served
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
    /// On whose behalf. The `borrower` module keeps the books.
    borrower: Option<u64>,
    /// Its place in the queue, from the first pending poll on.
    key: Option<usize>,
}

impl Acquire {
    /// Waits until a token is ours.
    fn poll_granted(&mut self, cx: &Context<'_>) -> Poll<()> {
        let Some(key) = self.key else {
            ready!(context::poll_budget(cx));
            let mut state = self.limiter.lock();
            if state.take_free() {
                drop(state);
                context::spend();
                return Poll::Ready(());
            }
            let wait = Wait::Waiting(cx.waker().clone());
            self.key = Some(state.queue.push_back(Waiter { wait, borrower: self.borrower }));
            return Poll::Pending;
        };
        let mut state = self.limiter.lock();
        match &mut state.queue.find(key).wait {
            Wait::Granted => {
                state.queue.remove(key);
                drop(state);
                self.key = None;
                context::spend();
                Poll::Ready(())
            }
            Wait::Waiting(waker) => {
                let old = refresh(waker, cx.waker());
                drop(state);
                drop(old);
                Poll::Pending
            }
        }
    }
}

impl Future for Acquire {
    type Output = Token;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Token> {
        ready!(self.poll_granted(cx));
        Poll::Ready(Token { limiter: self.limiter.clone() })
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut state = self.limiter.lock();
        let gone = state.queue.remove(key);
        if let Some(borrower) = gone.borrower {
            state.borrowers.remove(&borrower);
        }
        drop(state);
        if matches!(gone.wait, Wait::Granted) {
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
