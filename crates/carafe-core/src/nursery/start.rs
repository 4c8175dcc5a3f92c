//! Adding a child and waiting until it is ready.
//!
//! A child that starts lives in a nursery of the starter's own: if the start is cancelled, or the
//! child fails before it is ready, nobody else hears of it. When it says that it has
//! [started](Started::started) it moves to its nursery, which has counted it from the beginning.
//!
//! S1. The child's own wrapper performs the move, after the poll in which `started` was called and
//!     before it looks at that poll's outcome. So what leads from a child to its nursery has one
//!     writer, and an error in the very same poll is the nursery's.
//! S2. A child whose start was cancelled does not move: it ends where it is.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use super::child::{Header, Move};
use super::errors::Errors;
use super::live::Live;
use crate::atomics::{Mutex, MutexGuard};
use crate::cancel::Cause;

/// Why [`Nursery::start`](crate::Nursery::start) has no value to return.
#[derive(Debug)]
pub enum StartError<E> {
    /// The nursery has ended; the child was not polled.
    Closed,
    /// The child ended, or dropped its [`Started`], without having started.
    NotStarted,
    /// The child failed before it had started.
    Failed(Errors<E>),
    /// The child was cancelled before it had started.
    Cancelled(Cause),
}

impl<E: fmt::Display> fmt::Display for StartError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Closed => f.write_str("the nursery has ended"),
            StartError::NotStarted => f.write_str("the task ended before it had started"),
            StartError::Failed(errors) => errors.fmt(f),
            StartError::Cancelled(cause) => {
                write!(f, "the task was cancelled before it had started: {cause}")
            }
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for StartError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::Failed(errors) => Some(errors.first()),
            _ => None,
        }
    }
}

/// With this a child says that it is ready.
#[must_use = "a start waits until this is used or dropped"]
pub struct Started<V> {
    cell: Option<Arc<Cell<V>>>,
}

impl<V> Started<V> {
    /// For calling a function that can be started without starting it: nobody waits.
    pub fn ignored() -> Self {
        Started { cell: None }
    }

    /// Hands `value` to the starter. From the next suspension on the child lives in its nursery.
    pub fn started(mut self, value: V) {
        if let Some(cell) = self.cell.take() {
            cell.set(State::Started(Some(value)));
        }
    }
}

impl<V> Drop for Started<V> {
    fn drop(&mut self) {
        if let Some(cell) = self.cell.take() {
            cell.set(State::Dropped);
        }
    }
}

impl<V> fmt::Debug for Started<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started").field("is_ignored", &self.cell.is_none()).finish()
    }
}

/// What the starter and the child share.
pub(super) struct Cell<V>(Mutex<CellState<V>>);

struct CellState<V> {
    state: State<V>,
    /// The starter's.
    waker: Option<Waker>,
}

enum State<V> {
    Starting,
    /// The value, until the starter takes it.
    Started(Option<V>),
    Dropped,
}

impl<V> Cell<V> {
    pub(super) fn pair() -> (Arc<Self>, Started<V>) {
        let state = CellState { state: State::Starting, waker: None };
        let cell = Arc::new(Cell(Mutex::new(state)));
        (cell.clone(), Started { cell: Some(cell) })
    }

    fn lock(&self) -> MutexGuard<'_, CellState<V>> {
        self.0.lock().expect("nothing panics under this lock")
    }

    fn set(&self, state: State<V>) {
        let waker = {
            let mut cell = self.lock();
            cell.state = state;
            cell.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn is_started(&self) -> bool {
        matches!(self.lock().state, State::Started(_))
    }

    /// Waits for the value; none if there will be none.
    pub(super) async fn value(&self) -> Option<V> {
        poll_fn(|cx| {
            let mut cell = self.lock();
            match &mut cell.state {
                State::Starting => {
                    let old = cell.waker.replace(cx.waker().clone());
                    // A waker may be a task's last reference: outside the lock.
                    drop(cell);
                    drop(old);
                    Poll::Pending
                }
                State::Started(value) => Poll::Ready(value.take()),
                State::Dropped => Poll::Ready(None),
            }
        })
        .await
    }
}

/// Moves a child to its nursery when it has started (S1).
pub(super) struct MoveWhenStarted<V> {
    pub(super) cell: Arc<Cell<V>>,
    /// The place in the nursery, which counts the child from the beginning; taken by the move.
    pub(super) target: Option<Live>,
}

impl<V> Move for MoveWhenStarted<V> {
    fn after_poll(&mut self, header: &mut Header) {
        if self.target.is_some()
            && self.cell.is_started()
            // S2.
            && !header.nursery().is_due()
            && let Some(target) = self.target.take()
        {
            header.move_to(target);
        }
    }

    fn end(&mut self) {
        // Before the start's own nursery hears of the end: the starter may count at once.
        self.target = None;
    }
}
