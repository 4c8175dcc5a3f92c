//! Which of the children of one task were woken.
//!
//! Each child is polled with a bell of its own as its waker. A bell that rings puts the child's key on
//! the list, and wakes the task unless that is at it already.

use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::atomics::{AtomicBool, Mutex, MutexGuard, Ordering};

/// The list that all bells of a scope ring at.
pub(super) struct Bells(Mutex<State>);

struct State {
    /// The keys of those that were woken since the last poll began.
    woken: Vec<usize>,
    /// Whether there are children that have no bell yet.
    has_arrivals: bool,
    /// The task's own; none once it is woken.
    waker: Option<Waker>,
    /// Whether the task polls its children right now, and looks at the list when it is done.
    is_polling: bool,
}

impl Bells {
    pub(super) fn new() -> Self {
        let (woken, waker) = (Vec::new(), None);
        Bells(Mutex::new(State { woken, has_arrivals: false, waker, is_polling: false }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics under this lock")
    }

    /// There is a child that has no bell yet.
    pub(super) fn arrived(&self) {
        self.note(|state| state.has_arrivals = true);
    }

    fn note(&self, note: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = self.lock();
            note(&mut state);
            if state.is_polling { None } else { state.waker.take() }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// A poll begins: moves the keys of those that were woken to `woken`.
    pub(super) fn begin(&self, woken: &mut Vec<usize>) {
        let mut state = self.lock();
        state.is_polling = true;
        woken.append(&mut state.woken);
    }

    /// Whether there are children that have no bell yet; they are about to be given one.
    pub(super) fn take_arrived(&self) -> bool {
        std::mem::take(&mut self.lock().has_arrivals)
    }

    /// A poll is about to return pending: says whether somebody has been woken meanwhile.
    pub(super) fn end(&self, waker: &Waker) -> bool {
        let new = waker.clone();
        let (old, is_woken) = {
            let mut state = self.lock();
            state.is_polling = false;
            (state.waker.replace(new), state.has_arrivals || !state.woken.is_empty())
        };
        drop(old);
        is_woken
    }
}

/// What one child, and the next one in its place, is woken by.
pub(super) struct Bell {
    key: usize,
    /// Whether the key is on the list.
    is_rung: AtomicBool,
    bells: Arc<Bells>,
}

impl Bell {
    pub(super) fn new(key: usize, bells: &Arc<Bells>) -> Arc<Self> {
        Arc::new(Bell { key, is_rung: AtomicBool::new(false), bells: bells.clone() })
    }

    /// The child is about to be polled: from here on it can be woken again.
    pub(super) fn muffle(&self) {
        self.is_rung.store(false, Ordering::Release);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_rung.swap(true, Ordering::AcqRel) {
            self.bells.note(|state| state.woken.push(self.key));
        }
    }
}
