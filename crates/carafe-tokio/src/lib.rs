//! Carafe's backend for tokio, with several threads or one.
//!
//! [`Tokio`] is the running loop, as a value; [`TokioLoop`] is the recipe that starts one.
//!
//! ```
//! use carafe_core::rt::{Enter, Runtime};
//! use carafe_tokio::Tokio;
//!
//! let name = Tokio::current_thread().block_on(async |tokio| tokio.name()).expect("it starts");
//! assert_eq!(name, "tokio");
//! ```
//!
//! # What is peculiar about this loop, and how it is levelled
//!
//! - Timers and sockets are made for the runtime that is *current* on the thread, and panic where
//!   none is. Everything here enters its own handle first, so a sleep may be created, and a
//!   connection opened, on any thread.
//! - The clock may be paused (tokio's `test-util`). So [`now`](carafe_core::rt::Clock::now) is tokio's time
//!   and never the system's, and `wall_now` moves with it.
//! - Dropping a join handle detaches the task, which is what a detached spawn wants; a panic ends up in
//!   that handle and is lost. Core's wrapper has caught it before.
//! - The loop's own pool for blocking calls ends at 512 threads and queues without a bound. Carafe's
//!   jobs run on core's [`ThreadPool`] instead, with the runtime entered, so that tokio's types work
//!   inside.
//! - Dropping a runtime waits for its blocking threads for ever, and panics inside a task. A loop is
//!   never entered inside another one, and its end waits at most a second: for its workers, which
//!   need far less, and for calls of `tokio::task::spawn_blocking`, which may never end.
//! - A task that is always ready is interrupted by tokio's own budget: the 129th operation of one
//!   poll on tokio's sockets, timers and channels answers `Pending` although it is ready.
//! - Timers have a resolution of one millisecond and round up.

mod enter;
mod listener;
mod signals;
mod sleep;
mod stream;

pub use enter::TokioLoop;
pub use listener::TcpListener;
pub use signals::TokioSignals;
pub use sleep::Sleep;
pub use stream::TcpStream;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use carafe_core::net;
use carafe_core::pool::ThreadPool;
use carafe_core::rt::{
    Blocking, Clock, ConnectOptions, Job, ListenOptions, Meta, Net, Random, Runtime, Signal,
    Signals, Spawn,
};
use tokio::runtime::{Handle, RuntimeFlavor};

/// A tokio runtime.
///
/// The value does not keep its runtime alive: what is spawned after the runtime's end is dropped.
#[derive(Clone)]
pub struct Tokio {
    /// One pointer, because every nursery holds a clone.
    shared: Arc<Shared>,
}

struct Shared {
    handle: Handle,
    pool: ThreadPool,
    /// The loop's number; 0 for one that somebody else has started.
    id: enter::LoopId,
}

impl Tokio {
    /// A loop with as many threads as the machine has cores. The thread that enters it polls
    /// nothing but the entry's own future.
    pub fn multi_thread() -> TokioLoop {
        TokioLoop::multi_thread()
    }

    /// A loop that runs on the entering thread alone.
    pub fn current_thread() -> TokioLoop {
        TokioLoop::current_thread()
    }

    /// The runtime that is current on this thread, also one that Carafe has not started.
    pub fn current() -> Option<Self> {
        Handle::try_current().ok().map(Tokio::from_handle)
    }

    /// A runtime that somebody else has started.
    ///
    /// It must have been built with its I/O and its time enabled, or sockets and sleeps panic.
    pub fn from_handle(handle: Handle) -> Self {
        // The one static of this crate: somebody else's runtime has no place where a pool of ours
        // could be found again, and a pool per value would start a thread for each.
        static POOL: OnceLock<ThreadPool> = OnceLock::new();
        Tokio::new(handle, POOL.get_or_init(ThreadPool::new).clone(), 0)
    }

    pub(crate) fn new(handle: Handle, pool: ThreadPool, id: enter::LoopId) -> Self {
        Tokio { shared: Arc::new(Shared { handle, pool, id }) }
    }

    /// Tokio's own handle, for what Carafe does not wrap.
    pub fn handle(&self) -> &Handle {
        &self.shared.handle
    }
}

impl fmt::Debug for Tokio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.handle().runtime_flavor() {
            RuntimeFlavor::CurrentThread => "Tokio(current thread)",
            _ => "Tokio(multi thread)",
        })
    }
}

impl Runtime for Tokio {
    fn name(&self) -> &'static str {
        "tokio"
    }
}

impl Spawn for Tokio {
    fn spawn_detached<F>(&self, _meta: Meta<'_>, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // Tokio takes names and places only in builds with its unstable features.
        drop(self.handle().spawn(task));
    }
}

impl Clock for Tokio {
    type Sleep = Sleep;

    fn now(&self) -> Instant {
        // A paused clock is found through the current runtime alone. On a thread of the loop's own
        // that is this one already, and entering it once more costs more than the clock.
        let _context =
            if enter::is_thread_of(self.shared.id) { None } else { Some(self.handle().enter()) };
        tokio::time::Instant::now().into_std()
    }

    fn wall_now(&self) -> SystemTime {
        let ours = self.now();
        let real = Instant::now();
        // The clocks differ by what a paused one stood still or was advanced. Otherwise by some
        // nanoseconds.
        match ours.checked_duration_since(real) {
            Some(ahead) => SystemTime::now() + ahead,
            None => SystemTime::now() - (real - ours),
        }
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        let _context = self.handle().enter();
        Sleep::until(deadline)
    }
}

impl Random for Tokio {
    fn fill_random(&self, buf: &mut [u8]) {
        getrandom::fill(buf).expect("the operating system has random numbers");
    }
}

impl Blocking for Tokio {
    fn spawn_blocking(&self, job: Job) -> io::Result<()> {
        let handle = self.handle().clone();
        self.shared.pool.submit(Box::new(move || enter::run_job(&handle, job)))
    }
}

impl Net for Tokio {
    type TcpStream = TcpStream;
    type TcpListener = TcpListener;

    async fn bind(&self, addr: SocketAddr, options: ListenOptions) -> io::Result<TcpListener> {
        let listener = net::listen(addr, options)?;
        let _context = self.handle().enter();
        TcpListener::adopt(listener, options)
    }

    async fn connect(&self, addr: SocketAddr, options: ConnectOptions) -> io::Result<TcpStream> {
        enter::In::new(self.handle().clone(), TcpStream::connect(addr, options)).await
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        net::resolve(self, host, port).await
    }
}

impl Signals for Tokio {
    type Stream = TokioSignals;

    fn signals(&self, wanted: &[Signal]) -> io::Result<TokioSignals> {
        let _context = self.handle().enter();
        TokioSignals::listen(wanted)
    }
}
