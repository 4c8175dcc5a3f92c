//! Carafe's backend for smol: its executor and reactor, on threads of its own.
//!
//! [`Smol`] is the running loop, as a value; [`SmolLoop`] is the recipe that starts one.
//!
//! ```
//! use carafe_core::rt::{Enter, Runtime};
//! use carafe_smol::Smol;
//!
//! let name = Smol::current_thread().block_on(async |smol| smol.name()).expect("it starts");
//! assert_eq!(name, "smol");
//! ```
//!
//! # What is peculiar about this loop, and how it is levelled
//!
//! - `smol::spawn` is a hidden executor of the whole process, on one thread, which never drops a task.
//!   A loop here has an executor of its own, on threads of its own: they are joined when it ends, and
//!   tasks that are left are dropped then. Two loops in one process do not meet.
//! - Dropping smol's task handle cancels the task. A detached spawn detaches it.
//! - A task that panics leaves its panic in that handle, where it is lost; core's wrapper has caught
//!   it before. Should one come through (a waker or a destructor that panics), the worker starts again.
//! - The loop's own pool for blocking calls is shared by the whole process and ends at 500 threads.
//!   Carafe's jobs run on core's [`ThreadPool`].
//! - The rest is the reactor's: see [`carafe_async_io`].

#![forbid(unsafe_code)]

mod enter;

pub use carafe_async_io::{Sleep, SystemSignals, TcpListener, TcpStream};
pub use enter::SmolLoop;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::{Instant, SystemTime};

use async_executor::Executor;
use carafe_core::net;
use carafe_core::pool::ThreadPool;
use carafe_core::rt::{
    Blocking, Clock, ConnectOptions, Job, ListenOptions, Meta, Net, Random, Runtime, Signal,
    Signals, Spawn,
};

/// A smol loop.
///
/// The value does not keep its loop alive: what is spawned after the loop's end is dropped.
#[derive(Clone)]
pub struct Smol {
    /// One pointer, because every nursery holds a clone.
    shared: Arc<Shared>,
}

struct Shared {
    /// Weak, because tasks hold their runtime: an executor that its own tasks keep alive would never
    /// drop them.
    executor: Weak<Executor<'static>>,
    pool: ThreadPool,
}

impl Smol {
    /// A loop with as many threads as the machine has cores, the entering one included.
    pub fn multi_thread() -> SmolLoop {
        SmolLoop::multi_thread()
    }

    /// A loop that runs on the entering thread alone.
    pub fn current_thread() -> SmolLoop {
        SmolLoop::multi_thread().threads(1)
    }

    fn new(executor: &Arc<Executor<'static>>) -> Self {
        let executor = Arc::downgrade(executor);
        Smol { shared: Arc::new(Shared { executor, pool: ThreadPool::new() }) }
    }
}

impl fmt::Debug for Smol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Smol")
    }
}

impl Runtime for Smol {
    fn name(&self) -> &'static str {
        "smol"
    }
}

impl Spawn for Smol {
    fn spawn_detached<F>(&self, _meta: Meta<'_>, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // The loop may have ended: then the task is dropped here, unpolled.
        if let Some(executor) = self.shared.executor.upgrade() {
            executor.spawn(task).detach();
        }
    }
}

impl Clock for Smol {
    type Sleep = Sleep;

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall_now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep::until(deadline)
    }
}

impl Random for Smol {
    fn fill_random(&self, buf: &mut [u8]) {
        carafe_async_io::fill_random(buf);
    }
}

impl Blocking for Smol {
    fn spawn_blocking(&self, job: Job) -> io::Result<()> {
        // Nothing of this loop's is ambient on a thread.
        self.shared.pool.submit(job)
    }
}

impl Net for Smol {
    type TcpStream = TcpStream;
    type TcpListener = TcpListener;

    async fn bind(&self, addr: SocketAddr, options: ListenOptions) -> io::Result<TcpListener> {
        TcpListener::bind(addr, options)
    }

    async fn connect(&self, addr: SocketAddr, options: ConnectOptions) -> io::Result<TcpStream> {
        TcpStream::connect(addr, options).await
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        net::resolve(self, host, port).await
    }
}

impl Signals for Smol {
    type Stream = SystemSignals;

    fn signals(&self, wanted: &[Signal]) -> io::Result<SystemSignals> {
        SystemSignals::listen(wanted)
    }
}
