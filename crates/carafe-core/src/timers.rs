//! The run's timers: one place for the deadlines of all scopes, driven by one timer of the loop.
//!
//! A scope adds its deadline when its future first suspends, so that work that is ready at once costs
//! no timer. The driver is a task of the run's own; it is started with the first deadline and ends
//! with the run.
//!
//! T1. The driver sleeps until the earliest deadline, exactly: nothing is rounded.
//! T2. Scopes are cancelled, and wakers woken, outside the lock.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};
use std::time::Instant;

use crate::atomics::{Mutex, MutexGuard};
use crate::cancel::Cause;
use crate::cancel::node::Node;
use crate::rt::{Runtime, Sleep};
use crate::run::Run;

/// One deadline that a scope waits for.
pub(crate) type TimerKey = (Instant, u64);

#[derive(Default)]
pub(crate) struct Timers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Unique even where deadlines are equal; the number is also the order of their expiry.
    next: u64,
    deadlines: BTreeMap<TimerKey, Weak<Node>>,
    is_driven: bool,
    /// The driver's: to be woken when an earlier deadline comes.
    driver: Option<Waker>,
}

impl Timers {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under the timers' lock (T2)")
    }

    /// Cancels `node` at `deadline`, unless the key is removed before.
    pub(crate) fn insert(&self, deadline: Instant, node: &Arc<Node>) -> TimerKey {
        let (key, driver, start) = {
            let mut state = self.lock();
            let key = (deadline, state.next);
            state.next += 1;
            state.deadlines.insert(key, Arc::downgrade(node));
            let is_earliest =
                state.deadlines.first_key_value().is_some_and(|(first, _)| *first == key);
            let driver = if is_earliest { state.driver.take() } else { None };
            (key, driver, !std::mem::replace(&mut state.is_driven, true))
        };
        if start {
            node.run.start_timers();
        } else if let Some(driver) = driver {
            driver.wake();
        }
        key
    }

    pub(crate) fn remove(&self, key: TimerKey) {
        let node = self.lock().deadlines.remove(&key);
        drop(node);
    }

    /// What has expired by `now`, and when the next will.
    fn expire(&self, now: Instant, waker: &Waker) -> (Vec<Arc<Node>>, Option<Instant>) {
        let mut state = self.lock();
        let mut due = Vec::new();
        while let Some(first) = state.deadlines.first_entry() {
            if first.key().0 > now {
                break;
            }
            due.extend(first.remove().upgrade());
        }
        state.driver = Some(waker.clone());
        (due, state.deadlines.first_key_value().map(|(key, _)| key.0))
    }
}

/// The driver: cancels scopes at their deadlines, for as long as the run lasts.
pub(crate) async fn drive<R: Runtime>(run: Arc<Run>, rt: R) {
    let mut sleep = pin!(rt.sleep_until(rt.now()));
    poll_fn::<(), _>(|cx| {
        loop {
            let (due, next) = run.timers.expire(rt.now(), cx.waker());
            for node in due {
                node.cancel(Cause::Deadline);
            }
            let Some(next) = next else { return Poll::Pending };
            if sleep.as_ref().deadline() != next {
                sleep.as_mut().reset(next);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            // It has ended: either `next` is due, or the clock has moved past an old deadline.
            sleep.as_mut().reset(next);
        }
    })
    .await;
}
