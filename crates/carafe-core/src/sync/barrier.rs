use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use crate::atomics::{Mutex, MutexGuard};
use crate::context;
use crate::wait_list::{WaitList, WakeLater, refresh};

/// A point that so many tasks have to reach before any of them goes on; then it begins anew.
///
/// It is core's own: the barriers of other crates go on counting somebody who was cancelled while it
/// waited, and then let the others pass too early, or never.
///
/// # Examples
///
/// ```
/// use carafe_core::sync::Barrier;
/// # use carafe_core::{Nursery, NurseryError, Runner, nursery};
/// # use std::sync::Arc;
/// # Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |rt| {
///
/// let barrier = Arc::new(Barrier::new(3));
/// # let ended: Result<(), NurseryError<()>> =
/// nursery(&rt, async |n: &Nursery<_, _>| {
///     for _ in 0..3 {
///         let barrier = barrier.clone();
///         n.spawn(async move {
///             if barrier.wait().await {
///                 println!("everybody is here");
///             }
///             Ok(())
///         });
///     }
///     Ok(())
/// })
/// # .await;
/// # ended.unwrap();
/// # }).unwrap();
/// ```
pub struct Barrier {
    parties: usize,
    waiting: Mutex<WaitList<Party>>,
}

enum Party {
    Waiting(Waker),
    MayPass,
}

impl Barrier {
    /// A barrier for so many tasks. With 0 or 1, nobody waits.
    pub const fn new(parties: usize) -> Self {
        Barrier { parties, waiting: Mutex::new(WaitList::new()) }
    }

    fn lock(&self) -> MutexGuard<'_, WaitList<Party>> {
        self.waiting.lock().expect("nothing panics under a barrier's lock")
    }

    /// Waits until as many have come as the barrier is for. True for one of them, the last to come.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has not come: somebody else has to, in its place. Once the last one
    /// has come, the others pass, whoever is dropped.
    pub fn wait(&self) -> Wait<'_> {
        Wait { barrier: self, key: None }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.lock().len()
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties)
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// The future of [`Barrier::wait`].
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Wait<'a> {
    barrier: &'a Barrier,
    key: Option<usize>,
}

impl Future for Wait<'_> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let barrier = self.barrier;
        let Some(key) = self.key else {
            ready!(context::poll_budget(cx));
            let mut waiting = barrier.lock();
            if waiting.len() + 1 < barrier.parties {
                self.key = Some(waiting.push_back(Party::Waiting(cx.waker().clone())));
                return Poll::Pending;
            }
            let mut served = WakeLater::new();
            while let Some(party) = waiting.serve_front() {
                if let Party::Waiting(waker) = std::mem::replace(party, Party::MayPass) {
                    served.push(waker);
                }
            }
            drop(waiting);
            served.wake();
            context::spend();
            return Poll::Ready(true);
        };
        let mut waiting = barrier.lock();
        if let Party::Waiting(waker) = waiting.find(key) {
            let old = refresh(waker, cx.waker());
            drop(waiting);
            drop(old);
            return Poll::Pending;
        }
        waiting.remove(key);
        drop(waiting);
        self.key = None;
        context::spend();
        Poll::Ready(false)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let gone = self.barrier.lock().remove(key);
        drop(gone);
    }
}
