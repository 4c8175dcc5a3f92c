use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::atomics::{Mutex, MutexGuard};
use crate::join::then::Then;
use crate::wait_list::refresh;

/// The value of a child of a [`join_scope`](crate::join_scope()), as a future.
///
/// If the child fails, the scope is being cancelled, and this stays pending until that drops it: so a
/// failure is reported once. Dropping it leaves the child alone.
#[must_use = "use `spawn` for a child whose value nobody wants"]
pub struct Joined<T> {
    cell: Arc<Cell<T>>,
}

struct Cell<T>(Mutex<State<T>>);

struct State<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

impl<T> Cell<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().expect("nothing panics under this lock")
    }
}

/// Pairs a child with the future of its value.
pub(super) fn pair<F, T, E>(
    child: F,
) -> (impl Future<Output = Result<(), E>> + use<F, T, E>, Joined<T>)
where
    F: Future<Output = Result<T, E>>,
{
    let cell = Arc::new(Cell(Mutex::new(State { value: None, waker: None })));
    let ours = cell.clone();
    let child = Then::new(child, move |ended: Result<T, E>| {
        let value = ended?;
        let waker = {
            let mut state = ours.lock();
            state.value = Some(value);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    });
    (child, Joined { cell })
}

impl<T> Future for Joined<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut state = self.cell.lock();
        if let Some(value) = state.value.take() {
            return Poll::Ready(value);
        }
        let old = match &mut state.waker {
            Some(waker) => refresh(waker, cx.waker()),
            slot => slot.replace(cx.waker().clone()),
        };
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl<T> fmt::Debug for Joined<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_ended = self.cell.lock().value.is_some();
        f.debug_struct("Joined").field("has_ended", &has_ended).finish_non_exhaustive()
    }
}
