//! Carafe's backend for async-std.
//!
//! async-std is discontinued: new programs are better off with smol, whose reactor this is too. The
//! backend is for programs that stand on async-std's types already.
//!
//! [`AsyncStd`] is the loop, as a value; [`AsyncStdLoop`] is the recipe that enters it.
//!
//! ```
//! use carafe_async_std::AsyncStd;
//! use carafe_core::rt::{Enter, Runtime};
//!
//! let name = AsyncStd::global().block_on(async |async_std| async_std.name()).expect("it starts");
//! assert_eq!(name, "async-std");
//! ```
//!
//! # What is peculiar about this loop, and how it is levelled
//!
//! - There is one loop in the process. Its threads start with the first task, as many as
//!   `ASYNC_STD_THREAD_COUNT` or the number of cores says, and never end. Entering twice, one after
//!   the other or on two threads, shares them.
//! - So a loop's end stops nothing: a task that is left then goes on, and is never dropped if it never
//!   ends. Carafe's runs leave none, since they wait for every task; this is about tasks that were
//!   spawned beneath them, through [`Spawn`] or `async_std::task::spawn`.
//! - The thread that enters polls the entry's own future and none of the tasks.
//! - If the system refuses the threads, async-std panics where it would have to report an error.
//! - Dropping a join handle detaches the task, which is what a detached spawn wants; a panic ends up in
//!   that handle and is lost. Core's wrapper has caught it before.
//! - A panic that leaves `async_std::task::block_on` makes the next one on that thread believe that it
//!   is nested. Here it is carried around it.
//! - The loop's own pool for blocking calls ends at 500 threads. Carafe's jobs run on core's
//!   [`ThreadPool`].
//! - The rest is the reactor's: see [`carafe_async_io`].

#![forbid(unsafe_code)]

mod enter;

pub use carafe_async_io::{Sleep, SystemSignals, TcpListener, TcpStream};
pub use enter::AsyncStdLoop;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use async_std::task;
use carafe_core::net;
use carafe_core::pool::ThreadPool;
use carafe_core::rt::{
    Blocking, Clock, ConnectOptions, Job, ListenOptions, Meta, Net, Random, Runtime, Signal,
    Signals, Spawn,
};

/// The process's async-std loop.
#[derive(Debug, Clone)]
pub struct AsyncStd {
    pool: ThreadPool,
}

impl AsyncStd {
    /// The loop of the process, on its threads.
    pub fn global() -> AsyncStdLoop {
        AsyncStdLoop::new()
    }

    fn new() -> Self {
        AsyncStd { pool: ThreadPool::new() }
    }
}

impl Runtime for AsyncStd {
    fn name(&self) -> &'static str {
        "async-std"
    }
}

impl Spawn for AsyncStd {
    fn spawn_detached<F>(&self, meta: Meta<'_>, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut builder = task::Builder::new();
        if let Some(name) = meta.name {
            builder = builder.name(name.to_owned());
        }
        // An error is in the builder's type alone: it is left from threads, which it imitates.
        drop(builder.spawn(task).expect("async-std takes every task"));
    }
}

impl Clock for AsyncStd {
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

impl Random for AsyncStd {
    fn fill_random(&self, buf: &mut [u8]) {
        carafe_async_io::fill_random(buf);
    }
}

impl Blocking for AsyncStd {
    fn spawn_blocking(&self, job: Job) -> io::Result<()> {
        // Nothing of this loop's is ambient on a thread.
        self.pool.submit(job)
    }
}

impl Net for AsyncStd {
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

impl Signals for AsyncStd {
    type Stream = SystemSignals;

    fn signals(&self, wanted: &[Signal]) -> io::Result<SystemSignals> {
        SystemSignals::listen(wanted)
    }
}
