use super::Spends;

/// A number of permits, which can grow: who finds none waits.
///
/// A permit that comes back is for whoever asks first, so somebody who waits may be overtaken. The
/// [`Limiter`](crate::Limiter) is the stricter tool for the same: in order of arrival, and with counts
/// to look at.
///
/// # Examples
///
/// ```
/// use carafe_core::sync::Semaphore;
/// # carafe_core::Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |_| {
///
/// let semaphore = Semaphore::new(1);
/// let permit = semaphore.acquire().await;
/// assert!(semaphore.try_acquire().is_none());
/// drop(permit);
/// semaphore.add_permits(1);
/// assert!(semaphore.try_acquire().is_some());
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Semaphore {
    inner: async_lock::Semaphore,
}

impl Semaphore {
    /// A semaphore with so many permits; 0 is allowed.
    pub const fn new(permits: usize) -> Self {
        Semaphore { inner: async_lock::Semaphore::new(permits) }
    }

    /// Waits for a permit.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it takes no permit; if it was woken for one, the next is woken instead.
    pub async fn acquire(&self) -> SemaphorePermit<'_> {
        SemaphorePermit { inner: Spends::new(self.inner.acquire()).await }
    }

    /// Takes a permit if there is one.
    pub fn try_acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.inner.try_acquire().map(|inner| SemaphorePermit { inner })
    }

    /// Adds permits, for good.
    pub fn add_permits(&self, permits: usize) {
        self.inner.add_permits(permits);
    }
}

/// The right to proceed; made by [`Semaphore::acquire`].
///
/// # On drop
///
/// Goes back to the semaphore.
#[derive(Debug)]
#[must_use = "a permit is given back as soon as it is dropped"]
pub struct SemaphorePermit<'a> {
    inner: async_lock::SemaphoreGuard<'a>,
}

impl SemaphorePermit<'_> {
    /// Uses the permit up: it does not go back.
    pub fn forget(self) {
        self.inner.forget();
    }
}
