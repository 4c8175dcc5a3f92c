use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::limiter::{Limiter, Token};

/// A value for one task at a time, which may keep it while it waits for something else.
///
/// In order of arrival: it is handed to the one who waits longest, and nobody overtakes. (Left to
/// itself, async-lock's mutex decides by the wall clock when to become fair, so a run in the simulator
/// could not be repeated; here it guards the value, and a [`Limiter`] the order.)
///
/// Where the value is never kept across an `await`, the standard library's mutex is the better choice.
///
/// # Examples
///
/// ```
/// use carafe_core::sync::Mutex;
/// # carafe_core::Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |_| {
///
/// let total = Mutex::new(1);
/// *total.lock().await += 1;
/// assert_eq!(total.into_inner(), 2);
/// # }).unwrap();
/// ```
pub struct Mutex<T: ?Sized> {
    gate: Limiter,
    /// Locked by the one who has the token of `gate`, and so never waited for.
    value: async_lock::Mutex<T>,
}

impl<T> Mutex<T> {
    /// A mutex around `value`.
    pub fn new(value: T) -> Self {
        Mutex { gate: Limiter::new(1), value: async_lock::Mutex::new(value) }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until the value is ours.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it leaves the queue; if the value was handed to it meanwhile, it goes to
    /// the next.
    pub async fn lock(&self) -> MutexGuard<'_, T> {
        self.guard(self.gate.acquire().await)
    }

    /// Takes the value if nobody has it or waits for it.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.gate.try_acquire().map(|token| self.guard(token))
    }

    /// The value, which nobody else can have now.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// How many wait for it.
    pub fn waiting(&self) -> usize {
        self.gate.waiting()
    }

    fn guard(&self, token: Token) -> MutexGuard<'_, T> {
        let value = self.value.try_lock().expect("who has the token is alone with the value");
        MutexGuard { value, _token: token }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// The value of a [`Mutex`], for as long as this lives.
///
/// # On drop
///
/// The value goes to the next who waits.
#[must_use = "the value is given back as soon as the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    value: async_lock::MutexGuard<'a, T>,
    /// Below `value`, so that it is dropped last.
    _token: Token,
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
