//! Threads for closures that block, shared by the built-in backends.
//!
//! The loops bring pools of their own, and these differ where a program can tell: tokio's stops at
//! 512 threads, smol's and async-std's common one at 500, and both then queue jobs behind each
//! other, so that two jobs that wait for each other can hang. Here every job has a thread at once;
//! how many run is the caller's decision, who queues for a [`Limiter`](crate::Limiter) first.
//!
//! ```text
//!   submit ──queue──▶ an idle worker ──job ends──▶ idle ──keep-alive over──▶ gone
//!             └─ none idle: a new worker ─┘          ▲
//!                                                    └─ earlier still: `Turn::end`
//! ```
//!
//! P1. A worker is *idle* if it looks into the queue before it does anything else: it waits there,
//!     has just been started, or runs the very end of a job (after [`Turn::end`]).
//! P2. There are no more queued jobs than idle workers, unless the system has refused a thread; then
//!     a busy worker takes the job when it is done.
//! P3. A worker ends only when the queue is empty.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::rt::Job;

/// Threads that run closures.
///
/// Clones share them. When the last clone is dropped, the idle ones end; those that run a job end
/// after it.
#[derive(Clone)]
pub struct ThreadPool {
    owner: Arc<Owner>,
}

impl Default for ThreadPool {
    fn default() -> Self {
        ThreadPool::new()
    }
}

impl ThreadPool {
    /// A pool without threads: the first job starts the first one.
    pub fn new() -> Self {
        ThreadPool::with_options(PoolOptions::default())
    }

    /// A pool with other than the default options.
    pub fn with_options(options: PoolOptions) -> Self {
        let shared = Shared { options, state: Mutex::default(), work: Condvar::new() };
        ThreadPool { owner: Arc::new(Owner(Arc::new(shared))) }
    }

    /// Runs `job` on a thread: an idle one, or else a new one. A job that panics ends alone; its
    /// thread goes on.
    ///
    /// # Errors
    ///
    /// When there is no thread and none can be started. `job` is dropped then.
    pub fn submit(&self, job: Job) -> io::Result<()> {
        let shared = &self.owner.0;
        let mut state = shared.lock();
        state.queue.push_back(job);
        if state.queue.len() <= state.idle {
            drop(state);
            shared.work.notify_one();
            return Ok(());
        }
        // The lock is kept while the thread starts, so that `live` is exact when it does not: two
        // failing submitters must not each take the other's thread for one that runs.
        let Err(refused) = start_worker(shared, &mut state) else { return Ok(()) };
        if state.live > 0 {
            tracing::warn!(error = %refused, "no thread for a job, which waits for a busy one");
            return Ok(());
        }
        let job = state.queue.pop_back();
        // A job's destructor is the caller's code.
        drop(state);
        drop(job);
        Err(refused)
    }

    /// How many threads there are, idle ones included.
    pub fn threads(&self) -> usize {
        self.owner.0.lock().live
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.owner.0.lock();
        f.debug_struct("ThreadPool")
            .field("threads", &state.live)
            .field("idle", &state.idle)
            .field("queued", &state.queue.len())
            .finish()
    }
}

/// How a pool keeps its threads.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    keep_alive: Duration,
    stack_size: Option<usize>,
}

impl Default for PoolOptions {
    fn default() -> Self {
        PoolOptions { keep_alive: Duration::from_secs(10), stack_size: None }
    }
}

impl PoolOptions {
    /// Sets how long a thread waits for its next job before it ends; 10 seconds by default.
    pub fn keep_alive(mut self, keep_alive: Duration) -> Self {
        self.keep_alive = keep_alive;
        self
    }

    /// Sets the size of a thread's stack, in bytes; the standard library's by default.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }
}

/// The running job's turn on its thread, which it may end a moment before it returns.
///
/// A job that hands its result over makes somebody run who may submit the next job at once. Were
/// the thread not idle until the first job has returned, that submission would start another
/// thread, or not, as the race goes. A job that ends its turn *before* it hands over is reused for
/// certain: sequential jobs then run on one thread.
///
/// ```
/// use carafe_core::pool::{ThreadPool, Turn};
/// use std::{sync::mpsc, thread};
///
/// let pool = ThreadPool::new();
/// let ask = || {
///     let (tell, told) = mpsc::channel();
///     let job = move || {
///         let turn = Turn::take();
///         let result = thread::current().id();
///         turn.end();
///         tell.send(result).expect("the asker waits");
///     };
///     pool.submit(Box::new(job)).expect("there is a thread");
///     told.recv().expect("the job told")
/// };
/// assert_eq!(ask(), ask());
/// ```
#[must_use = "a turn that nobody ends lasts until the job returns"]
pub struct Turn {
    worker: Option<Arc<Shared>>,
    /// A turn belongs to the thread that it was taken on.
    not_send: PhantomData<*const ()>,
}

impl Turn {
    /// Takes the turn of the job that runs on this thread. To be called first of all in the job: one
    /// that runs another job inside finds the turn taken, and the inner one cannot end it.
    ///
    /// On a thread that is in no pool of ours, this is a turn that nobody waits for.
    pub fn take() -> Self {
        let worker = TURN.try_with(|turn| turn.take()).unwrap_or(None);
        Turn { worker, not_send: PhantomData }
    }

    /// Says that nothing is left to do but to hand the result over: from now on a submitted job may
    /// wait for this one to return. So this one must not block any more.
    pub fn end(self) {
        if let Some(shared) = self.worker {
            HAS_ENDED.set(true);
            shared.lock().idle += 1;
        }
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("in_a_pool", &self.worker.is_some()).finish()
    }
}

thread_local! {
    /// The pool of the job that runs on this thread, until somebody takes the job's turn.
    static TURN: RefCell<Option<Arc<Shared>>> = const { RefCell::new(None) };
    /// Whether that job has ended its turn.
    static HAS_ENDED: Cell<bool> = const { Cell::new(false) };
}

/// What all clones of a [`ThreadPool`] hold and no thread does, so that its drop is the end of the
/// pool.
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.work.notify_all();
    }
}

struct Shared {
    options: PoolOptions,
    state: Mutex<State>,
    /// Notified once for each job that an idle worker shall take, and for all when the pool closes.
    work: Condvar,
}

#[derive(Default)]
struct State {
    /// Jobs that nobody runs yet (P2).
    queue: VecDeque<Job>,
    /// Idle workers (P1).
    idle: usize,
    /// Workers that have not ended, idle ones included.
    live: usize,
    /// How many were ever started: the next one's number.
    started: usize,
    /// Whether nobody can submit any more.
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code of a caller runs under the lock, so a poisoned state is a sound one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a worker, which is idle from the start (P1).
fn start_worker(shared: &Arc<Shared>, state: &mut State) -> io::Result<()> {
    let mut thread = thread::Builder::new().name(format!("carafe-blocking-{}", state.started + 1));
    if let Some(bytes) = shared.options.stack_size {
        thread = thread.stack_size(bytes);
    }
    let worker = shared.clone();
    thread.spawn(move || work(&worker))?;
    state.started += 1;
    state.live += 1;
    state.idle += 1;
    Ok(())
}

/// A worker's life.
fn work(shared: &Arc<Shared>) {
    let mut state = shared.lock();
    loop {
        if let Some(job) = state.queue.pop_front() {
            state.idle -= 1;
            drop(state);
            let has_ended = run(shared, job);
            state = shared.lock();
            if !has_ended {
                state.idle += 1;
            }
            continue;
        }
        if state.closed {
            break;
        }
        let waited = shared.work.wait_timeout(state, shared.options.keep_alive);
        let timeout;
        (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        // A job may have come between the timeout and the lock; by P2 it counts on this worker.
        if timeout.timed_out() && state.queue.is_empty() {
            break;
        }
    }
    state.idle -= 1;
    state.live -= 1;
}

/// Runs one job and says whether its turn has ended already.
fn run(shared: &Arc<Shared>, job: Job) -> bool {
    TURN.set(Some(shared.clone()));
    if let Err(payload) = catch_unwind(AssertUnwindSafe(job)) {
        // The panic hook has reported it, and nobody waits for it: core's jobs do not unwind. The
        // payload's own drop could panic once more, and take the thread with it.
        mem::forget(payload);
    }
    TURN.take();
    HAS_ENDED.replace(false)
}
