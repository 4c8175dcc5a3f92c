//! Starting a loop, and what it is to be inside of one.
//!
//! Tokio knows two things about a thread: which runtime is current, and whether it polls. Only the
//! first can be asked for. A current runtime means that the thread polls, with one exception, which
//! is ours: a blocking job has its runtime entered and does not poll, so it may start a loop.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use carafe_core::pool::ThreadPool;
use carafe_core::rt::{Enter, EnterError, Job};
use pin_project_lite::pin_project;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::Tokio;

/// How to start tokio: with how many threads.
#[derive(Debug, Clone)]
pub struct TokioLoop {
    threads: Threads,
}

#[derive(Debug, Clone)]
enum Threads {
    Current,
    /// So many workers, or one per core.
    Workers(Option<usize>),
}

impl TokioLoop {
    pub(crate) fn multi_thread() -> Self {
        TokioLoop { threads: Threads::Workers(None) }
    }

    pub(crate) fn current_thread() -> Self {
        TokioLoop { threads: Threads::Current }
    }

    /// Runs the tasks on `n` threads, beside the one that enters the loop.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    pub fn threads(mut self, n: usize) -> Self {
        assert!(n > 0, "a loop needs a thread");
        self.threads = Threads::Workers(Some(n));
        self
    }

    /// Builds the runtime, whose threads remember that they are `id`'s.
    fn build(&self, id: LoopId) -> io::Result<Runtime> {
        let mut builder = match self.threads {
            Threads::Current => Builder::new_current_thread(),
            Threads::Workers(None) => Builder::new_multi_thread(),
            Threads::Workers(Some(n)) => {
                let mut builder = Builder::new_multi_thread();
                builder.worker_threads(n);
                builder
            }
        };
        builder.enable_all().on_thread_start(move || THREAD_OF.set(id)).build()
    }
}

/// Tells the loops apart that were started here; 0 is none of them.
pub(crate) type LoopId = usize;

fn next_id() -> LoopId {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Whether this thread belongs to the loop `id`, so that its runtime is current without being entered.
pub(crate) fn is_thread_of(id: LoopId) -> bool {
    id != 0 && THREAD_OF.get() == id
}

impl Enter for TokioLoop {
    type Runtime = Tokio;

    fn block_on<M, F>(self, main: M) -> Result<F::Output, EnterError>
    where
        M: FnOnce(Tokio) -> F,
        F: Future,
    {
        if Handle::try_current().is_ok() && !IN_JOB.get() {
            return Err(EnterError::Inside);
        }
        let id = next_id();
        let running = Running(Some(self.build(id).map_err(EnterError::System)?));
        let runtime = running.0.as_ref().expect("it is taken by the drop alone");
        let _polls = mark(false, id);
        let tokio = Tokio::new(runtime.handle().clone(), ThreadPool::new(), id);
        Ok(runtime.block_on(async { main(tokio).await }))
    }
}

/// A runtime that is shut down when the entry ends, also by a panic.
struct Running(Option<Runtime>);

/// How long the end of a loop waits for threads that are still busy.
const PATIENCE: Duration = Duration::from_secs(1);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Returns as soon as every worker has been joined. A plain drop would wait for ever for
            // a blocking call of somebody else's that never ends.
            runtime.shutdown_timeout(PATIENCE);
        }
    }
}

thread_local! {
    /// Whether the runtime that is current on this thread was entered by [`run_job`].
    static IN_JOB: Cell<bool> = const { Cell::new(false) };

    /// The loop that this thread belongs to.
    static THREAD_OF: Cell<LoopId> = const { Cell::new(0) };
}

/// Runs `job` with the runtime current: what the contract calls the backend's context.
pub(crate) fn run_job(handle: &Handle, job: Job) {
    let _context = handle.enter();
    let _job = mark(true, 0);
    job();
}

/// Sets the thread's marks until the guard is dropped.
fn mark(in_job: bool, thread_of: LoopId) -> impl Drop {
    struct Restore(bool, LoopId);
    impl Drop for Restore {
        fn drop(&mut self) {
            IN_JOB.set(self.0);
            THREAD_OF.set(self.1);
        }
    }
    Restore(IN_JOB.replace(in_job), THREAD_OF.replace(thread_of))
}

pin_project! {
    /// A future of tokio's that may be polled on any thread: the runtime is current in each poll.
    pub(crate) struct In<F> {
        handle: Handle,
        #[pin]
        future: F,
    }
}

impl<F> In<F> {
    pub(crate) fn new(handle: Handle, future: F) -> Self {
        In { handle, future }
    }
}

impl<F: Future> Future for In<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _context = this.handle.enter();
        this.future.poll(cx)
    }
}
