//! Closures on threads.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::Result as Outcome;

use pin_project_lite::pin_project;

use crate::atomics::{Mutex, MutexGuard};
use crate::cancel::node::Node;
use crate::context::{self, Frame};
use crate::limiter::{Acquire, Limiter, Token};
use crate::locals;
use crate::nursery::{ChildInfo, Live};
use crate::pool::Turn;
use crate::rt::Runtime;
use crate::run::Run;

/// Runs `f` on a thread that may block, and gives its value.
///
/// It waits for a token of the run's limiter first (40 at a time), or of one's own
/// ([`ToThread::limiter`]). The closure works in the caller's run: what is ambient there is ambient on
/// the thread.
///
/// # Panics
///
/// With the panic of `f`. When the operating system gives no thread.
///
/// # Cancel safety
///
/// Before the closure has started, it is dropped. After that a cancelled scope waits for it: a thread
/// cannot be interrupted. [`ToThread::abandon_on_cancel`] chooses the opposite.
///
/// # On drop
///
/// Foreign code that drops it while the closure runs does not stop the closure: the nearest nursery
/// around waits for it, unless it is abandoned.
#[track_caller]
pub fn to_thread<T, R, F>(rt: &R, f: F) -> ToThread<T, F, R>
where
    R: Runtime,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    ToThread {
        rt: rt.clone(),
        state: State::New { f: Some(f) },
        limiter: None,
        is_abandoned: false,
        name: None,
        location: Location::caller(),
        held: None,
    }
}

pin_project! {
    /// The future of [`to_thread`].
    #[must_use = "a future does nothing until it is awaited"]
    pub struct ToThread<T, F, R> {
        rt: R,
        state: State<T, F>,
        limiter: Option<Limiter>,
        is_abandoned: bool,
        name: Option<Cow<'static, str>>,
        location: &'static Location<'static>,
        // The boundary around, held while the closure runs.
        held: Option<Arc<Node>>,
    }

    impl<T, F, R> PinnedDrop for ToThread<T, F, R> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(held) = this.project().held.take() {
                held.release();
            }
        }
    }
}

enum State<T, F> {
    New { f: Option<F> },
    Queued { f: Option<F>, acquire: Acquire },
    Running { cell: Arc<Cell<T>> },
    Done,
}

/// Where the thread puts the outcome.
struct Cell<T>(Mutex<CellState<T>>);

struct CellState<T> {
    outcome: Option<Outcome<T>>,
    waker: Option<Waker>,
}

impl<T> Cell<T> {
    fn lock(&self) -> MutexGuard<'_, CellState<T>> {
        self.0.lock().expect("nothing panics under this lock")
    }
}

impl<T, F, R> ToThread<T, F, R> {
    /// Waits for a token of `limiter` instead of the run's.
    pub fn limiter(mut self, limiter: &Limiter) -> Self {
        self.limiter = Some(limiter.clone());
        self
    }

    /// Lets a cancellation leave the closure alone: the caller goes on at once, the thread to the end
    /// of the closure, whose value or panic is dropped. Nobody waits for it, not even the run.
    pub fn abandon_on_cancel(mut self) -> Self {
        self.is_abandoned = true;
        self
    }

    /// Names the closure in the live tree.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl<T, F, R> Future for ToThread<T, F, R>
where
    R: Runtime,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        loop {
            match this.state {
                State::New { f } => {
                    let limiter = this
                        .limiter
                        .clone()
                        .or_else(|| context::run().map(|run| run.limiter.clone()));
                    match limiter {
                        Some(limiter) => {
                            *this.state = State::Queued { f: f.take(), acquire: limiter.acquire() };
                        }
                        // Outside a run nobody counts.
                        None => {
                            let f = f.take().expect("a new closure is there");
                            let info = child_info(this.name, this.location);
                            let cell = start(this.rt, f, None, None, info, cx.waker());
                            *this.state = State::Running { cell };
                        }
                    }
                }
                State::Queued { f, acquire } => {
                    let Poll::Ready(token) = Pin::new(acquire).poll(cx) else {
                        return Poll::Pending;
                    };
                    let f = f.take().expect("a queued closure is there");
                    let live = if *this.is_abandoned { None } else { nursery_around() };
                    let info = child_info(this.name, this.location);
                    let cell = start(this.rt, f, Some(token), live, info, cx.waker());
                    *this.state = State::Running { cell };
                }
                State::Running { cell } => {
                    let (outcome, old) = {
                        let mut state = cell.lock();
                        let outcome = state.outcome.take();
                        let waker = outcome.is_none().then(|| cx.waker().clone());
                        (outcome, std::mem::replace(&mut state.waker, waker))
                    };
                    // A waker may be a task's last reference: outside the lock.
                    drop(old);
                    let Some(outcome) = outcome else {
                        if !*this.is_abandoned {
                            hold(this.held);
                        }
                        return Poll::Pending;
                    };
                    *this.state = State::Done;
                    if let Some(held) = this.held.take() {
                        held.release();
                    }
                    return match outcome {
                        Ok(value) => Poll::Ready(value),
                        Err(payload) => resume_unwind(payload),
                    };
                }
                State::Done => panic!("`to_thread` was polled after it had ended"),
            }
        }
    }
}

fn child_info(
    name: &mut Option<Cow<'static, str>>,
    location: &'static Location<'static>,
) -> ChildInfo {
    ChildInfo { name: name.take().map(Arc::new), location }
}

/// A place in the count of the nearest nursery, which so waits for the closure whatever happens to
/// our future.
fn nursery_around() -> Option<Live> {
    context::with(|frame| frame.and_then(Frame::nursery).and_then(Live::new))
}

/// Holds the boundary that polls us now, and lets go of the one that did so before.
fn hold(held: &mut Option<Arc<Node>>) {
    context::with(|frame| {
        let Some(around) = frame.and_then(Frame::node) else { return };
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(held, around)) {
            return;
        }
        around.hold();
        if let Some(old) = held.replace(around.clone()) {
            old.release();
        }
    });
}

/// Hands the closure to a thread.
fn start<T, R, F>(
    rt: &R,
    f: F,
    token: Option<Token>,
    live: Option<Live>,
    info: ChildInfo,
    waker: &Waker,
) -> Arc<Cell<T>>
where
    R: Runtime,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let state = CellState { outcome: None, waker: Some(waker.clone()) };
    let cell = Arc::new(Cell(Mutex::new(state)));
    let theirs = cell.clone();
    let run = context::run();
    let mut locals = locals::inherit();
    let location = info.location;
    let job = move || {
        let turn = Turn::take();
        let listed = run.as_ref().map(|run| run.list_thread(info));
        let outcome = locals::enter_spawned(&mut locals, || {
            catch_unwind(AssertUnwindSafe(|| match &run {
                Some(run) => context::enter_thread(run, f),
                None => f(),
            }))
        });
        drop(locals);
        if let (Some(run), Some(key)) = (&run, listed) {
            run.unlist_thread(key);
        }
        // Nobody waits for the outcome any more: it goes while this thread still counts as busy, for
        // its destructor may block.
        let outcome = if Arc::strong_count(&theirs) > 1 {
            Some(outcome)
        } else {
            // A panic of that destructor has no one to go to.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(outcome)));
            None
        };
        // Before anybody is woken who may want a thread: this one is free, they need no other.
        turn.end();
        drop(token);
        if let Some(outcome) = outcome {
            finish(&theirs, outcome);
        }
        // Last: when the nursery around sees that the closure has ended, all of it has.
        drop(theirs);
        drop(live);
    };
    if let Err(error) = rt.spawn_blocking(Box::new(job)) {
        panic!("cannot start a thread for the closure at {location}: {error}");
    }
    cell
}

fn finish<T>(cell: &Cell<T>, outcome: Outcome<T>) {
    let waker = {
        let mut state = cell.lock();
        state.outcome = Some(outcome);
        state.waker.take()
    };
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl<T, F, R: fmt::Debug> fmt::Debug for ToThread<T, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToThread")
            .field("name", &self.name)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

/// Keeps a run's list of the closures that are on threads.
impl Run {
    fn list_thread(&self, info: ChildInfo) -> usize {
        self.threads().insert(info)
    }

    fn unlist_thread(&self, key: usize) {
        let info = self.threads().remove(key);
        drop(info);
    }
}
