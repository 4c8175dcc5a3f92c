//! A handle to one child: its value, its end, its own cancellation.
//!
//! The nursery owns the child; the handle only looks on. Whoever drops it neither cancels nor detaches
//! anything.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use event_listener::{Event, EventListener};
use pin_project_lite::pin_project;

use crate::atomics::{Mutex, MutexGuard};
use crate::cancel::node::Node;
use crate::cancel::{CancelScope, ScopeRun};

/// A handle to a child that was added with [`Nursery::spawn_task`](crate::Nursery::spawn_task).
///
/// As a future it gives how the child ended, once: for those outside the nursery. Inside,
/// [`join`](Task::join) gives the value alone.
#[must_use = "use `spawn` where nobody looks at the child; dropping the handle does not end it"]
pub struct Task<T> {
    cell: Arc<Cell<T>>,
    scope: CancelScope,
    /// Whether the nursery is supervised: a failure of the child cancels nobody.
    is_isolated: bool,
    listener: Option<EventListener>,
}

/// How a child ended that has no value.
///
/// What went wrong is not here: a failure is reported once, by the nursery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskEnd {
    /// It returned an error, which its nursery reports.
    Failed,
    /// It panicked; its nursery passes the panic on.
    Panicked,
    /// It was cancelled, alone or with its nursery.
    Cancelled,
    /// Its value was taken before.
    Taken,
}

impl fmt::Display for TaskEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TaskEnd::Failed => "the task failed",
            TaskEnd::Panicked => "the task panicked",
            TaskEnd::Cancelled => "the task was cancelled",
            TaskEnd::Taken => "the task's value was taken before",
        })
    }
}

impl std::error::Error for TaskEnd {}

/// What a child is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskStatus {
    /// It has not ended.
    Running,
    /// It has a value, which may have been taken.
    Finished,
    /// It has ended without one.
    Ended(TaskEnd),
}

/// What the child and its handle share.
struct Cell<T> {
    state: Mutex<State<T>>,
    ended: Event,
}

enum State<T> {
    Running,
    Value(T),
    Taken,
    Ended(TaskEnd),
}

impl<T> Cell<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().expect("nothing panics under a task's lock")
    }

    /// Writes the end, once; a later one is that of the wrapper's own drop.
    fn end(&self, end: State<T>) {
        {
            let mut state = self.lock();
            if !matches!(*state, State::Running) {
                return;
            }
            *state = end;
        }
        self.ended.notify(usize::MAX);
    }
}

impl<T> Task<T> {
    /// Waits for the value, inside the nursery: if the child fails, the nursery is being cancelled,
    /// and this stays pending until that drops it. So a failure is reported once.
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves the child alone.
    ///
    /// # Panics
    ///
    /// When the value was taken before, and when there is none though nothing is cancelled: this handle
    /// has cancelled the child, or the child failed in a nursery that isolates failures.
    pub async fn join(mut self) -> T {
        match (&mut self).await {
            Ok(value) => value,
            Err(TaskEnd::Taken) => panic!("a task's value is taken once"),
            Err(TaskEnd::Cancelled) if self.scope.is_cancelled() => {
                panic!("joined a task that its handle has cancelled: await the handle instead")
            }
            Err(end) if self.is_isolated && end != TaskEnd::Cancelled => {
                panic!("joined a task that has no value, for {end}: await the handle instead")
            }
            // The nursery fails or is cancelled, and drops whoever waits here.
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until the child has ended, however; takes nothing.
    pub async fn wait(&self) {
        loop {
            // Listen first, then look: an end in between is not lost.
            let listener = self.cell.ended.listen();
            if self.status() != TaskStatus::Running {
                return;
            }
            listener.await;
        }
    }

    /// The value, if the child has ended with one: it is taken. `None` while it runs.
    ///
    /// # Errors
    ///
    /// How it ended without one.
    pub fn try_result(&self) -> Option<Result<T, TaskEnd>> {
        let mut state = self.cell.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Running => {
                *state = State::Running;
                None
            }
            State::Value(value) => Some(Ok(value)),
            State::Taken => Some(Err(TaskEnd::Taken)),
            State::Ended(end) => {
                *state = State::Ended(end);
                Some(Err(end))
            }
        }
    }

    /// Cancels this child alone.
    pub fn cancel(&self) {
        self.scope.cancel();
    }

    /// What the child is doing.
    pub fn status(&self) -> TaskStatus {
        match &*self.cell.lock() {
            State::Running => TaskStatus::Running,
            State::Value(_) | State::Taken => TaskStatus::Finished,
            State::Ended(end) => TaskStatus::Ended(*end),
        }
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskEnd>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            if let Some(result) = self.try_result() {
                self.listener = None;
                return Poll::Ready(result);
            }
            match &mut self.listener {
                None => self.listener = Some(self.cell.ended.listen()),
                Some(listener) => {
                    std::task::ready!(Pin::new(listener).poll(cx));
                    self.listener = None;
                }
            }
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// Pairs a child's future with its handle.
pub(crate) fn pair<F, T, E>(nursery: &Arc<Node>, future: F) -> (Observed<F, T>, Task<T>)
where
    F: Future<Output = Result<T, E>>,
{
    let cell = Arc::new(Cell { state: Mutex::new(State::Running), ended: Event::new() });
    let scope = CancelScope::of(nursery.run.clone());
    let is_isolated = nursery.part().is_supervised();
    let observed = Observed { run: scope.run(future), cell: cell.clone() };
    (observed, Task { cell, scope, is_isolated, listener: None })
}

pin_project! {
    /// A child that tells its handle how it ends.
    pub(crate) struct Observed<F, T> {
        #[pin]
        run: ScopeRun<F>,
        cell: Arc<Cell<T>>,
    }

    impl<F, T> PinnedDrop for Observed<F, T> {
        fn drop(this: Pin<&mut Self>) {
            this.project().cell.end(State::Ended(TaskEnd::Cancelled));
        }
    }
}

impl<F, T, E> Future for Observed<F, T>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<(), E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        /// Tells the handle of a panic, while it passes.
        struct Unwinding<'a, T>(&'a Cell<T>);
        impl<T> Drop for Unwinding<'_, T> {
            fn drop(&mut self) {
                self.0.end(State::Ended(TaskEnd::Panicked));
            }
        }
        let this = self.project();
        let unwinding = Unwinding(this.cell);
        let polled = this.run.poll(cx);
        std::mem::forget(unwinding);
        polled.map(|outcome| match outcome {
            Ok(Ok(value)) => {
                this.cell.end(State::Value(value));
                Ok(())
            }
            Ok(Err(error)) => {
                this.cell.end(State::Ended(TaskEnd::Failed));
                Err(error)
            }
            // Alone, through its handle: no failure.
            Err(_) => {
                this.cell.end(State::Ended(TaskEnd::Cancelled));
                Ok(())
            }
        })
    }
}
