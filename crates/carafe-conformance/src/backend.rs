//! What a case is given: the recipe of a loop.

use std::fmt;
use std::future::Future;

use carafe_core::Runner;
use carafe_core::rt::{Enter, EnterError};
use carafe_core::testing::Virtual;

/// The recipe of a loop, as the cases use it. Every recipe that can be made twice is one.
pub trait Backend: Enter + Clone + Send + 'static {
    /// Enters the loop, without anything of Carafe's around `main`: for cases about the contract.
    ///
    /// # Panics
    ///
    /// When the loop cannot be entered; with the panic of `main`.
    fn enter<M, F>(self, main: M) -> F::Output
    where
        M: FnOnce(Self::Runtime) -> F,
        F: Future,
    {
        self.block_on(main).unwrap_or_else(|error| panic!("cannot enter the loop: {error}"))
    }

    /// Enters the loop and runs `main` as a program of Carafe's: for cases about the law.
    ///
    /// # Panics
    ///
    /// When the run fails; with the panic of `main`.
    fn run<M, F>(self, main: M) -> F::Output
    where
        M: FnOnce(Self::Runtime) -> F,
        F: Future,
    {
        Runner::new(self).try_run(main).unwrap_or_else(|error| panic!("the run failed: {error}"))
    }

    /// The same loop on virtual time.
    fn with_virtual_time(self) -> Virtual<Self> {
        Virtual(self)
    }
}

impl<B: Enter + Clone + Send + 'static> Backend for B {}

/// A recipe that can be made again and again, from a function that makes one: so a recipe need not
/// be `Clone` to be certified.
pub struct Recipe<En> {
    make: fn() -> En,
}

impl<En: Enter> Recipe<En> {
    /// The recipe that `make` makes.
    pub fn new(make: fn() -> En) -> Self {
        Recipe { make }
    }
}

impl<En: Enter> Enter for Recipe<En> {
    type Runtime = En::Runtime;

    fn block_on<M, F>(self, main: M) -> Result<F::Output, EnterError>
    where
        M: FnOnce(Self::Runtime) -> F,
        F: Future,
    {
        (self.make)().block_on(main)
    }
}

impl<En> Clone for Recipe<En> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<En> Copy for Recipe<En> {}

impl<En> fmt::Debug for Recipe<En> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipe").finish_non_exhaustive()
    }
}
