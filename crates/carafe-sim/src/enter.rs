//! The recipe of a simulated loop, and the loop itself.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use carafe_core::rt::{Enter, EnterError};

use crate::random::Prng;
use crate::scheduler::{Order, Ready, Scheduler};
use crate::sim::Sim;

/// How to simulate: which order, which seed.
#[derive(Debug, Clone)]
pub struct SimLoop {
    is_fifo: bool,
    seed: u64,
    patience: Duration,
}

impl SimLoop {
    pub(crate) fn seeded(seed: u64) -> Self {
        SimLoop { is_fifo: false, seed, patience: Duration::from_secs(1) }
    }

    pub(crate) fn fifo() -> Self {
        SimLoop { is_fifo: true, ..SimLoop::seeded(0) }
    }

    /// Sets for how long, in real time, the loop stands still for a closure on a thread while
    /// something else is ready; a second by default.
    ///
    /// A closure that takes longer is taken to wait for another part of the program, and from there
    /// on runs beside the loop. That keeps such a program from hanging, at the price of a run that
    /// need not repeat: so this should be longer than any closure that only computes.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    fn start(&self) -> Sim {
        let mut seed = Prng::seeded(self.seed);
        let random = seed.split();
        let order = if self.is_fifo { Order::Fifo } else { Order::Random(seed.split()) };
        Sim::new(order, random)
    }
}

impl Enter for SimLoop {
    type Runtime = Sim;

    /// # Errors
    ///
    /// [`EnterError::Deadlock`] when nothing can run any more before `main` has ended: no deadline
    /// is pending, no closure runs, and nobody was announced with [`Sim::expect_outside`].
    fn block_on<M, F>(self, main: M) -> Result<F::Output, EnterError>
    where
        M: FnOnce(Sim) -> F,
        F: Future,
    {
        let _entered = Entered::mark()?;
        let sim = self.start();
        let ended = catch_unwind(AssertUnwindSafe(|| drive(&sim, main, self.patience)));
        close(&sim, self.patience);
        ended.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Runs what is ready until `main` has ended.
fn drive<M, F>(sim: &Sim, main: M, patience: Duration) -> Result<F::Output, EnterError>
where
    M: FnOnce(Sim) -> F,
    F: Future,
{
    let mut main = pin!(main(sim.clone()));
    let scheduler = sim.scheduler();
    let main_waker = MainWaker::new(scheduler.clone());
    let waker = Waker::from(main_waker.clone());
    waker.wake_by_ref();
    loop {
        match scheduler.next() {
            Some(Ready::Main) => {
                main_waker.queued.store(false, Ordering::Release);
                if let Poll::Ready(out) = main.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Ok(out);
                }
            }
            Some(Ready::Task(task)) => sim.executor().poll(&task),
            Some(Ready::Step(step)) => step.run(scheduler, patience),
            None if sim.clock().advance() => {
                scheduler.note(sim.clock().elapsed().as_nanos() as u64);
            }
            None => return Err(EnterError::Deadlock(sim.executor().report())),
        }
    }
}

/// Drops the tasks that are left and lets the closures run that were accepted. Nothing is queued any
/// more after this.
fn close(sim: &Sim, patience: Duration) {
    let left = sim.scheduler().close();
    sim.executor().close();
    sim.clock().close();
    for ready in left {
        if let Ready::Step(step) = ready {
            step.run(sim.scheduler(), patience);
        }
    }
}

/// The waker of the main future, which is not a task: it need not be `Send`.
struct MainWaker {
    scheduler: Arc<Scheduler>,
    queued: AtomicBool,
}

impl MainWaker {
    fn new(scheduler: Arc<Scheduler>) -> Arc<Self> {
        Arc::new(MainWaker { scheduler, queued: AtomicBool::new(false) })
    }
}

impl Wake for MainWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            // Refused by a loop that has ended: there is nobody to wake.
            let _refused = self.scheduler.push(Ready::Main);
        }
    }
}

thread_local! {
    /// Whether a simulated loop runs on this thread.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Marks this thread as inside a loop until dropped.
struct Entered;

impl Entered {
    fn mark() -> Result<Self, EnterError> {
        if INSIDE.replace(true) { Err(EnterError::Inside) } else { Ok(Entered) }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}
