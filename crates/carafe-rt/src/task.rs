//! Tasks of the run itself, for which no nursery was opened.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use crate::handle::Handle;

/// Adds `future` to the run's own nursery: the run ends only when it has ended, and cancels it when
/// the run is cancelled. A panic is reported to the run's hook and disturbs nobody else.
///
/// The [`Task`] gives its value to whoever awaits it, and may be dropped. For tasks that belong
/// together, or whose errors matter, open a [`nursery`](crate::nursery()).
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
    spawn_on(&Handle::current(), future)
}

#[track_caller]
pub(crate) fn spawn_on<F>(handle: &Handle, future: F) -> Task<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let slot = Arc::new(Slot(Mutex::new(State { end: None, is_taken: false, waker: None })));
    let reporter = Reporter { slot: slot.clone() };
    let body = Body { future: Some(future), reporter };
    // A run that is ending refuses the body and drops it here, which tells the task that it was
    // cancelled: what it would have been a moment later.
    drop(carafe_core::spawn_in_run(handle, body));
    Task { slot }
}

/// A task of the run; gives its value when awaited.
///
/// # On drop
///
/// Nothing: the task goes on.
#[must_use = "a task whose value nobody wants may be dropped, with `drop(..)`"]
pub struct Task<T> {
    slot: Arc<Slot<T>>,
}

impl<T> Task<T> {
    /// Whether it has ended.
    pub fn is_ended(&self) -> bool {
        let state = self.slot.lock();
        state.end.is_some() || state.is_taken
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskEnd>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.slot.lock();
        assert!(!state.is_taken, "a task was polled after it had given its value");
        match state.end.take() {
            Some(end) => {
                state.is_taken = true;
                Poll::Ready(end)
            }
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("is_ended", &self.is_ended()).finish()
    }
}

/// Why a task ended without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskEnd {
    /// It was cancelled: the run was ending.
    Cancelled,
    /// It panicked; the run's hook has the panic.
    Panicked,
}

impl fmt::Display for TaskEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TaskEnd::Cancelled => "the task was cancelled",
            TaskEnd::Panicked => "the task panicked",
        })
    }
}

impl std::error::Error for TaskEnd {}

/// Where a task's body leaves its value.
struct Slot<T>(Mutex<State<T>>);

struct State<T> {
    /// Written once, when the body's future is gone.
    end: Option<Result<T, TaskEnd>>,
    /// The task was given its value.
    is_taken: bool,
    waker: Option<Waker>,
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().expect("nothing panics under a task's lock")
    }

    fn end(&self, end: Result<T, TaskEnd>) {
        let mut state = self.lock();
        if state.end.is_some() || state.is_taken {
            return;
        }
        state.end = Some(end);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

pin_project! {
    /// What the run polls.
    struct Body<F: Future> {
        #[pin]
        future: Option<F>,
        // After the future: a task ends only when what it borrowed is free.
        reporter: Reporter<F::Output>,
    }
}

impl<F: Future> Future for Body<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let panic = OnPanic { slot: &this.reporter.slot };
        let future = this.future.as_mut().as_pin_mut().expect("polled after it had ended");
        let polled = future.poll(cx);
        std::mem::forget(panic);
        let Poll::Ready(value) = polled else { return Poll::Pending };
        this.future.set(None);
        this.reporter.slot.end(Ok(value));
        Poll::Ready(())
    }
}

/// Reports a body that is dropped before it has ended.
struct Reporter<T> {
    slot: Arc<Slot<T>>,
}

impl<T> Drop for Reporter<T> {
    fn drop(&mut self) {
        self.slot.end(Err(TaskEnd::Cancelled));
    }
}

/// Reports a poll that unwinds.
struct OnPanic<'a, T> {
    slot: &'a Slot<T>,
}

impl<T> Drop for OnPanic<'_, T> {
    fn drop(&mut self) {
        self.slot.end(Err(TaskEnd::Panicked));
    }
}
