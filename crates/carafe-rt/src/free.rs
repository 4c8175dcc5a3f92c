//! The loop's abilities as functions, on the handle of the run around the caller.
//!
//! They need no argument because every task, and every closure on a thread, carries the handle of its
//! run. The same functions are methods of [`Handle`], for code that has one.

use std::time::{Duration, Instant, SystemTime};

use carafe_core::rt::Clock;
use carafe_core::shutdown::Requested;
use carafe_core::{NurseryError, NurseryFuture, NurseryOptions, Task, ToThread};

use crate::Nursery;
use crate::handle::{Handle, HandleSleep, for_leaf, or_panic};

/// Opens a nursery, runs `body` in it, and ends when the body and all children have ended.
///
/// The body borrows what it likes; children are `'static` and run in parallel where the loop has
/// several threads. Gives the body's value if nothing failed.
///
/// # Examples
///
/// ```
/// # carafe_rt::run_on(carafe_rt::Backend::smol(), async {
/// let sum = carafe_rt::nursery(async |n| {
///     n.spawn(async { Ok(println!("one")) });
///     n.spawn(async { Ok(println!("two")) });
///     std::io::Result::Ok(1 + 1)
/// });
/// assert_eq!(sum.await?, 2);
/// # Ok::<_, carafe_rt::NurseryError<std::io::Error>>(())
/// # }).unwrap();
/// ```
///
/// # Errors
///
/// [`NurseryError::Failed`] with every error of the body and the children: the first one cancels the
/// rest. [`NurseryError::Cancelled`] if the nursery was cancelled while its body had not ended;
/// `n.cancel()` as the body's last line is no error.
///
/// # Panics
///
/// With the first panic of the body or a child, when all the others have ended. Outside a run.
///
/// # Cancel safety
///
/// When a scope around it is cancelled, the nursery drops its body, cancels its children, and waits
/// until the last one has ended; only then the scope ends.
///
/// # On drop
///
/// Foreign code that drops it while children live (a `select!`, say) hands them, cancelled, to the
/// nearest nursery around, which waits for them.
#[track_caller]
pub fn nursery<T, E, B>(body: B) -> impl Future<Output = Result<T, NurseryError<E>>>
where
    B: AsyncFnOnce(&Nursery<E>) -> Result<T, E>,
    E: Send + 'static,
{
    let handle = Handle::current();
    NurseryOptions::new().open(&handle, |n| async move { body(&n).await })
}

/// Opens a nursery like [`nursery()`], whose body owns its handle. The future has a name, and is
/// `Send` exactly if the body's is: the form for code that is generic over bodies.
///
/// # Errors
///
/// # Panics
///
/// Like [`nursery()`].
#[track_caller]
pub fn nursery_with<T, E, F>(body: impl FnOnce(Nursery<E>) -> F) -> NurseryFuture<F, E>
where
    F: Future<Output = Result<T, E>>,
    E: Send + 'static,
{
    carafe_core::nursery_with(&Handle::current(), body)
}

/// Adds `future` to the run's own nursery: the run ends only when it has ended, and cancels it when
/// the run is cancelled. A panic is reported to the run's hook and disturbs nobody else.
///
/// The [`Task`] gives its value to whoever awaits it; dropping it changes nothing. For tasks that
/// belong together, or whose errors matter, open a [`nursery()`].
///
/// # Panics
///
/// Outside a run.
///
/// # Examples
///
/// ```
/// # carafe_rt::run_on(carafe_rt::Backend::smol(), async {
/// let task = carafe_rt::spawn(async { 1 + 1 });
/// assert_eq!(task.await, Ok(2));
/// # });
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    carafe_core::spawn_task_in_run(&Handle::current(), future)
}

/// Ends after `duration`; at once if that is zero.
///
/// A duration that the clock cannot count is one that does not end in practice.
///
/// # Panics
///
/// Outside a run, unless a tokio runtime is current on the thread and the backend `tokio` is compiled
/// in: then that one sleeps.
///
/// # Cancel safety
///
/// Dropping it forgets the time.
#[track_caller]
pub fn sleep(duration: Duration) -> HandleSleep {
    or_panic(for_leaf()).sleep(duration)
}

/// Ends at `deadline`, never before; at once if that has passed.
///
/// # Panics
///
/// Like [`sleep`].
///
/// # Cancel safety
///
/// Dropping it forgets the deadline.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> HandleSleep {
    or_panic(for_leaf()).sleep_until(deadline)
}

/// The loop's own time, which deadlines are computed from. It differs from [`Instant::now`] under a
/// virtual clock.
///
/// # Panics
///
/// Like [`sleep`].
#[track_caller]
pub fn now() -> Instant {
    or_panic(for_leaf()).now()
}

/// The time of day; under a virtual clock it moves with [`now`].
///
/// # Panics
///
/// Like [`sleep`].
#[track_caller]
pub fn wall_now() -> SystemTime {
    or_panic(for_leaf()).wall_now()
}

/// Runs `f` on a thread that may block, and gives its value.
///
/// See [`ToThread`] for a limiter of one's own, and for closures that nobody needs to wait for.
///
/// # Examples
///
/// ```
/// # carafe_rt::run_on(carafe_rt::Backend::smol(), async {
/// let text = carafe_rt::to_thread(|| std::fs::read_to_string("Cargo.toml")).await?;
/// assert!(text.contains("[package]"));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
///
/// # Panics
///
/// With the panic of `f`. Outside a run like [`sleep`].
///
/// # Cancel safety
///
/// Before the closure has started, it is dropped. After that a cancelled scope waits for it: a thread
/// cannot be interrupted.
///
/// # On drop
///
/// Foreign code that drops it while the closure runs does not stop the closure: the nearest nursery
/// around waits for it.
#[track_caller]
pub fn to_thread<T, F>(f: F) -> ToThread<T, F, Handle>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    carafe_core::to_thread(&or_panic(for_leaf()), f)
}

/// Ends when the run has begun to shut down: finish what you do, and take on nothing new. Never ends
/// outside a run, which nobody can ask.
pub fn shutdown_requested() -> Requested {
    carafe_core::shutdown::requested()
}

impl Handle {
    /// Adds a task to the run's own nursery; see [`spawn`](crate::spawn()).
    ///
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        carafe_core::spawn_task_in_run(self, future)
    }

    /// Opens a nursery; see [`nursery()`].
    ///
    /// # Errors
    ///
    /// # Panics
    ///
    /// Like [`nursery()`].
    #[track_caller]
    pub fn nursery<T, E, B>(
        &self,
        body: B,
    ) -> impl Future<Output = Result<T, NurseryError<E>>> + use<T, E, B>
    where
        B: AsyncFnOnce(&Nursery<E>) -> Result<T, E>,
        E: Send + 'static,
    {
        NurseryOptions::new().open(self, |n| async move { body(&n).await })
    }

    /// Opens a nursery whose body owns its handle; see [`nursery_with`].
    ///
    /// # Errors
    ///
    /// # Panics
    ///
    /// Like [`nursery()`].
    #[track_caller]
    pub fn nursery_with<T, E, F>(&self, body: impl FnOnce(Nursery<E>) -> F) -> NurseryFuture<F, E>
    where
        F: Future<Output = Result<T, E>>,
        E: Send + 'static,
    {
        carafe_core::nursery_with(self, body)
    }

    /// Ends after `duration`; see [`sleep`].
    pub fn sleep(&self, duration: Duration) -> HandleSleep {
        let now = self.now();
        // What the clock cannot count ends when nobody who started it is there any more.
        let deadline = now.checked_add(duration).unwrap_or_else(|| now + FOREVER);
        self.sleep_until(deadline)
    }

    /// Ends at `deadline`; see [`sleep_until`].
    pub fn sleep_until(&self, deadline: Instant) -> HandleSleep {
        Clock::sleep_until(self, deadline)
    }

    /// The loop's own time; see [`now`].
    pub fn now(&self) -> Instant {
        Clock::now(self)
    }

    /// The time of day; see [`wall_now`].
    pub fn wall_now(&self) -> SystemTime {
        Clock::wall_now(self)
    }

    /// Runs `f` on a thread that may block; see [`to_thread`].
    ///
    /// # Panics
    ///
    /// With the panic of `f`.
    #[track_caller]
    pub fn to_thread<T, F>(&self, f: F) -> ToThread<T, F, Handle>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        carafe_core::to_thread(self, f)
    }

    /// Runs `future` for at most `duration`; see [`timeout`](crate::timeout()).
    ///
    /// # Panics
    ///
    /// When polled outside a run.
    #[track_caller]
    pub fn timeout<F: Future>(&self, duration: Duration, future: F) -> carafe_core::Timeout<F> {
        carafe_core::timeout(duration, future)
    }

    /// Runs `future` for at most `duration`; see [`move_on_after`](crate::move_on_after()).
    ///
    /// # Panics
    ///
    /// When polled outside a run.
    #[track_caller]
    pub fn move_on_after<F: Future>(
        &self,
        duration: Duration,
        future: F,
    ) -> carafe_core::MoveOnAfter<F> {
        carafe_core::move_on_after(duration, future)
    }
}

const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
