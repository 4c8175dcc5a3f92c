//! One task: its future, and the waker that puts it into the queue.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use carafe_core::rt::Meta;

use crate::lock;
use crate::scheduler::{Ready, Scheduler};

/// A task, which is its own waker.
///
/// T1. `queued` is set exactly while the task is in the queue, and for ever once it has ended: so a
///     wake-up of a task that is queued or over changes nothing, the order of the others included.
/// T2. `future` is `None` while it is polled and after it has ended. Only the loop takes it out.
pub(crate) struct Task {
    id: u64,
    name: Option<String>,
    location: &'static Location<'static>,
    scheduler: Arc<Scheduler>,
    queued: AtomicBool,
    future: Mutex<Option<BoxFuture>>,
}

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Task {
    /// A task that is not yet queued.
    pub(crate) fn new(
        id: u64,
        meta: Meta<'_>,
        scheduler: Arc<Scheduler>,
        future: BoxFuture,
    ) -> Self {
        Task {
            id,
            name: meta.name.map(str::to_owned),
            location: meta.location,
            scheduler,
            queued: AtomicBool::new(false),
            future: Mutex::new(Some(future)),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Polls the future once and drops it if that ended it; says whether it is over. A panic ends
    /// the task and nothing else: the panic hook has printed it.
    pub(crate) fn poll(self: &Arc<Self>) -> bool {
        self.queued.store(false, Ordering::Release);
        let Some(mut future) = lock(&self.future).take() else { return true };
        let waker = Waker::from(self.clone());
        let polled = catch_unwind(AssertUnwindSafe(|| {
            future.as_mut().poll(&mut Context::from_waker(&waker))
        }));
        if let Ok(Poll::Pending) = polled {
            *lock(&self.future) = Some(future);
            return false;
        }
        self.queued.store(true, Ordering::Release);
        drop_quietly(future);
        true
    }

    /// Drops the future, wherever it is; the task is over.
    pub(crate) fn cancel(&self) {
        self.queued.store(true, Ordering::Release);
        let future = lock(&self.future).take();
        drop_quietly(future);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            // Refused by a loop that has ended: it has dropped the future too.
            let _refused = self.scheduler.push(Ready::Task(self.clone()));
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("unnamed");
        write!(f, "task {} \"{name}\", spawned at {}", self.id, self.location)
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task({self})")
    }
}

/// Drops user values whose destructor may panic: that ends the task, not the loop.
fn drop_quietly<T>(value: T) {
    let _unwound = catch_unwind(AssertUnwindSafe(|| drop(value)));
}
