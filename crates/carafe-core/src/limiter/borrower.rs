//! Tokens that belong to somebody by name, and are given back by hand.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Acquire, Limiter};
use crate::context;

impl Limiter {
    /// Waits for a token that belongs to `borrower`, a number of the caller's choosing, until
    /// [`release_on_behalf_of`](Limiter::release_on_behalf_of): for tokens that are given back
    /// elsewhere than where they were taken. [`acquire`](Limiter::acquire) cannot be misused so.
    ///
    /// # Examples
    ///
    /// ```
    /// # use carafe_core::{Limiter, Runner};
    /// # Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |_| {
    /// let limiter = Limiter::new(2);
    /// limiter.acquire_on_behalf_of(7).await.unwrap();
    /// assert!(limiter.acquire_on_behalf_of(7).await.is_err());
    /// limiter.release_on_behalf_of(7).unwrap();
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`AlreadyBorrowed`], at once, if `borrower` has a token or somebody waits for one on its
    /// behalf.
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves the queue; a token that was handed over meanwhile goes to the next.
    pub fn acquire_on_behalf_of(&self, borrower: u64) -> AcquireOnBehalfOf {
        let acquire = Acquire { limiter: self.clone(), borrower: Some(borrower), key: None };
        AcquireOnBehalfOf { acquire }
    }

    /// Gives back the token of `borrower`.
    ///
    /// # Errors
    ///
    /// [`NotBorrowed`] if it has none.
    pub fn release_on_behalf_of(&self, borrower: u64) -> Result<(), NotBorrowed> {
        let mut state = self.lock();
        if state.borrowers.get(&borrower) != Some(&true) {
            return Err(NotBorrowed);
        }
        state.borrowers.remove(&borrower);
        drop(state);
        self.give_back();
        Ok(())
    }
}

/// The future of [`Limiter::acquire_on_behalf_of`].
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct AcquireOnBehalfOf {
    acquire: Acquire,
}

impl Future for AcquireOnBehalfOf {
    type Output = Result<(), AlreadyBorrowed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let acquire = &mut self.acquire;
        let borrower = acquire.borrower.expect("who acquires on behalf of somebody knows of whom");
        let is_first = acquire.key.is_none();
        if is_first {
            ready!(context::poll_budget(cx));
            let mut state = acquire.limiter.lock();
            if state.borrowers.contains_key(&borrower) {
                return Poll::Ready(Err(AlreadyBorrowed));
            }
            state.borrowers.insert(borrower, false);
        }
        let polled = acquire.poll_granted(cx);
        if is_first && polled.is_ready() {
            acquire.limiter.lock().borrowers.insert(borrower, true);
        }
        polled.map(Ok)
    }
}

/// The borrower has a token of this limiter already, or waits for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlreadyBorrowed;

impl fmt::Display for AlreadyBorrowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the borrower has a token of this limiter, or waits for one")
    }
}

impl std::error::Error for AlreadyBorrowed {}

/// The borrower has no token of this limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotBorrowed;

impl fmt::Display for NotBorrowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the borrower has no token of this limiter")
    }
}

impl std::error::Error for NotBorrowed {}
