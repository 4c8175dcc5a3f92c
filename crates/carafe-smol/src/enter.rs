//! Starting a loop: its threads, and their end.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};

use async_executor::Executor;
use carafe_core::rt::{Enter, EnterError};
use event_listener::{Event, EventListener};

use crate::Smol;

/// How to start a smol loop: with how many threads.
#[derive(Debug, Clone)]
pub struct SmolLoop {
    /// The entering thread included; one per core by default.
    threads: Option<usize>,
}

impl SmolLoop {
    pub(crate) fn multi_thread() -> Self {
        SmolLoop { threads: None }
    }

    /// Runs the tasks on `n` threads, of which the one that enters the loop is the first.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    pub fn threads(mut self, n: usize) -> Self {
        assert!(n > 0, "a loop needs a thread");
        self.threads = Some(n);
        self
    }

    fn count(&self) -> usize {
        self.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
    }
}

impl Enter for SmolLoop {
    type Runtime = Smol;

    fn block_on<M, F>(self, main: M) -> Result<F::Output, EnterError>
    where
        M: FnOnce(Smol) -> F,
        F: Future,
    {
        let Some(_inside) = Inside::enter() else { return Err(EnterError::Inside) };
        // Dropped here and with the workers gone, so that tasks that are left are dropped on this
        // thread, whether `main` returns or unwinds. (A foreign thread that spawns at this very moment
        // holds the executor for so long, and then drops them.)
        let executor = Arc::new(Executor::new());
        let smol = Smol::new(&executor);
        let stop = Event::new();
        thread::scope(|scope| {
            let mut workers = Workers { threads: Vec::new(), stop: &stop };
            for n in 1..self.count() {
                let (executor, stopped) = (&*executor, stop.listen());
                let worker = thread::Builder::new()
                    .name(format!("carafe-smol-{n}"))
                    .spawn_scoped(scope, move || work(executor, stopped))
                    .map_err(EnterError::System)?;
                workers.threads.push(worker);
            }
            // Boxed, because the executor moves it through some dozen frames: a main future of a few
            // dozen kilobytes overflows the stack of a thread on the way.
            let main = Box::pin(async { main(smol).await });
            Ok(async_io::block_on(executor.run(main)))
        })
    }
}

/// The threads of a loop beside the entering one. Its drop stops and joins them.
struct Workers<'scope, 'stop> {
    threads: Vec<ScopedJoinHandle<'scope, ()>>,
    stop: &'stop Event,
}

impl Drop for Workers<'_, '_> {
    fn drop(&mut self) {
        self.stop.notify(usize::MAX);
        for worker in self.threads.drain(..) {
            // Workers do not unwind.
            let _ = worker.join();
        }
    }
}

/// A worker's life: it runs tasks until it is stopped.
fn work(executor: &Executor<'static>, mut stopped: EventListener) {
    let _inside = Inside::enter();
    loop {
        let run = || async_io::block_on(executor.run(&mut stopped));
        // The executor catches a task that panics, but neither its waker nor what it leaves behind.
        if catch_unwind(AssertUnwindSafe(run)).is_ok() {
            return;
        }
    }
}

thread_local! {
    /// Whether this thread runs a loop.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Marks a thread as one that runs a loop, until it is dropped.
struct Inside;

impl Inside {
    /// `None` if the thread runs one already.
    fn enter() -> Option<Self> {
        if INSIDE.replace(true) { None } else { Some(Inside) }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}
