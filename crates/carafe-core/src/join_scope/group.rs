//! The body of a borrowing scope and its children, polled side by side.
//!
//! ```text
//!   spawned ──▶ inbox ──seated, with a bell──▶ polled whenever the bell rings ──▶ ended
//!                                                └──the scope is cancelled, nothing inside holds──▶ dropped
//! ```
//!
//! J1. Each has a frame of its own, so that it is known which of them holds; the group's own node is
//!     that of the scope around it, below which theirs hang.
//! J2. Poll, then check (R1): after every poll of the group, when its scope or one around is cancelled,
//!     all that do not hold are dropped. Who was woken or spawned before that poll has been polled in
//!     it.
//! J3. What they have ended with is kept outside the group: the scope around may drop that at any time.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::thread;

use pin_project_lite::pin_project;

use super::bells::{Bell, Bells};
use crate::atomics::{Mutex, MutexGuard};
use crate::cancel::node::Kind;
use crate::cancel::slot::Slot;
use crate::cancel::{CancelScope, Cause, ScopeRun};
use crate::context;
use crate::locals::{self, Locals};
use crate::nursery::{Errors, Failed, NurseryError, PanicPayload};

/// What the handles of a scope share with it.
pub(super) struct Shared<C: ?Sized> {
    scope: CancelScope,
    inbox: Mutex<Inbox<C>>,
    bells: Arc<Bells>,
}

struct Inbox<C: ?Sized> {
    arrivals: Vec<Child<C>>,
    is_closed: bool,
}

struct Child<C: ?Sized> {
    future: Pin<Box<C>>,
    /// What its spawner had bound.
    locals: Locals,
}

impl<C: ?Sized> Shared<C> {
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    pub(super) fn new() -> Self {
        let inbox = Inbox { arrivals: Vec::new(), is_closed: false };
        let bells = Arc::new(Bells::new());
        Shared { scope: CancelScope::new(), inbox: Mutex::new(inbox), bells }
    }

    pub(super) fn scope(&self) -> &CancelScope {
        &self.scope
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox<C>> {
        self.inbox.lock().expect("nothing panics under this lock")
    }

    #[track_caller]
    pub(super) fn add(&self, future: Pin<Box<C>>) {
        let child = Child { future, locals: locals::inherit() };
        let refused = {
            let mut inbox = self.inbox();
            if inbox.is_closed {
                Some(child)
            } else {
                inbox.arrivals.push(child);
                None
            }
        };
        assert!(refused.is_none(), "spawn into a `join_scope` that has ended");
        self.bells.arrived();
    }

    fn take_arrivals(&self) -> Vec<Child<C>> {
        std::mem::take(&mut self.inbox().arrivals)
    }

    /// Refuses children from now on, if none has arrived meanwhile; says whether it does.
    fn try_close(&self) -> bool {
        let mut inbox = self.inbox();
        inbox.is_closed = inbox.is_closed || inbox.arrivals.is_empty();
        inbox.is_closed
    }

    /// Refuses children from now on, and gives those that have not started. They may have handles, and
    /// so would keep themselves alive for ever.
    fn close(&self) -> Vec<Child<C>> {
        let mut inbox = self.inbox();
        inbox.is_closed = true;
        std::mem::take(&mut inbox.arrivals)
    }
}

pin_project! {
    /// An open borrowing scope; made by [`join_scope`](crate::join_scope()) and
    /// [`local_join_scope`](crate::local_join_scope()).
    ///
    /// It is `Send` if the body and the children `C` are.
    #[must_use = "a scope does nothing until it is awaited"]
    pub struct JoinScopeFuture<F, T, E, C: ?Sized> {
        #[pin]
        run: ScopeRun<Group<F, C, T, E>>,
        outcome: Arc<Outcome<T, E>>,
    }
}

impl<F, T, E, C> JoinScopeFuture<F, T, E, C>
where
    F: Future<Output = Result<T, E>>,
    C: Future<Output = Result<(), E>> + ?Sized,
{
    #[track_caller]
    pub(super) fn new(shared: Arc<Shared<C>>, body: F) -> Self {
        let outcome = Arc::new(Outcome::new());
        let scope = shared.scope.clone();
        let run = scope.run(Group::new(body, shared, outcome.clone()));
        JoinScopeFuture { run, outcome }
    }
}

impl<F, T, E, C> Future for JoinScopeFuture<F, T, E, C>
where
    F: Future<Output = Result<T, E>>,
    C: Future<Output = Result<(), E>> + ?Sized,
    E: Send + 'static,
{
    type Output = Result<T, NurseryError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let ended = ready!(this.run.poll(cx));
        let Ends { value, errors, panic, .. } = this.outcome.take();
        if let Some(payload) = panic {
            if let Some(run) = context::run() {
                let errors = errors.into_iter().map(|error| Failed::Error(Box::new(error)));
                run.report_orphans(errors.collect());
            }
            resume_unwind(payload);
        }
        Poll::Ready(match (Errors::from_iter(errors), value) {
            (Some(errors), _) => Err(NurseryError::Failed(errors)),
            (None, Some(value)) => Ok(value),
            (None, None) => {
                let cause =
                    ended.err().map_or(Cause::Explicit(None), |cancelled| cancelled.cause());
                Err(NurseryError::Cancelled(cause))
            }
        })
    }
}

impl<F, T, E, C: ?Sized> fmt::Debug for JoinScopeFuture<F, T, E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinScopeFuture").finish_non_exhaustive()
    }
}

/// What the body and the children have ended with (J3).
struct Outcome<T, E>(Mutex<Ends<T, E>>);

struct Ends<T, E> {
    value: Option<T>,
    errors: Vec<E>,
    /// The first.
    panic: Option<PanicPayload>,
    /// Whether a cancellation has dropped somebody before its end.
    is_interrupted: bool,
}

impl<T, E> Outcome<T, E> {
    fn new() -> Self {
        let (value, errors, panic) = (None, Vec::new(), None);
        Outcome(Mutex::new(Ends { value, errors, panic, is_interrupted: false }))
    }

    fn lock(&self) -> MutexGuard<'_, Ends<T, E>> {
        self.0.lock().expect("nothing panics under this lock")
    }

    fn take(&self) -> Ends<T, E> {
        let nothing = Ends { value: None, errors: Vec::new(), panic: None, is_interrupted: false };
        std::mem::replace(&mut *self.lock(), nothing)
    }

    fn keep_panic(&self, payload: PanicPayload) {
        let mut ends = self.lock();
        if ends.panic.is_none() {
            ends.panic = Some(payload);
        } else {
            // A value of somebody's: dropped where no lock is held.
            drop(ends);
            drop(payload);
        }
    }

    /// Whether it is to be reported. A cancellation that has cut something short is not: whoever was
    /// cancelled says so, and if that is a scope around, the code behind us is not to run.
    fn is_to_be_reported(&self) -> bool {
        let ends = self.lock();
        ends.panic.is_some() || !ends.errors.is_empty() || !ends.is_interrupted
    }
}

/// Where the body or one child is polled.
struct Place {
    slot: Slot,
    bell: Arc<Bell>,
    /// The bell.
    waker: Waker,
}

impl Place {
    fn new(key: usize, bells: &Arc<Bells>) -> Self {
        let bell = Bell::new(key, bells);
        Place { slot: Slot::new(Kind::Scope), waker: Waker::from(bell.clone()), bell }
    }

    /// Calls `inside` in the frame of this place, and catches its panic.
    fn enter<T>(&self, inside: impl FnOnce(&mut Context<'_>) -> T) -> Result<T, PanicPayload> {
        let mut cx = Context::from_waker(&self.waker);
        context::enter_inner(&self.slot, || catch_unwind(AssertUnwindSafe(|| inside(&mut cx))))
    }

    /// Whoever takes the last hold in here, once it is cancelled, rings the bell.
    fn park(&self) {
        if let Some(node) = self.slot.get() {
            node.park(&self.waker);
        }
    }

    fn is_held(&self) -> bool {
        self.slot.get().is_some_and(|node| node.is_held())
    }

    /// Makes room for the next one here.
    fn leave(&mut self) {
        let slot = std::mem::replace(&mut self.slot, Slot::new(Kind::Scope));
        if let Some(node) = slot.get() {
            node.detach();
        }
    }
}

/// A child, or none, and where it is polled.
struct Seat<C: ?Sized> {
    child: Option<Child<C>>,
    place: Place,
}

impl<C: ?Sized> Seat<C> {
    /// Drops the child, if there is one, inside its frame.
    fn clear(&mut self) -> Result<(), PanicPayload> {
        let Some(Child { future, mut locals }) = self.child.take() else { return Ok(()) };
        let dropped = locals::enter_spawned(&mut locals, || self.place.enter(|_| drop(future)));
        self.place.leave();
        dropped
    }
}

/// The body's key; children have those of their seats.
const BODY: usize = usize::MAX;

pin_project! {
    struct Group<B, C: ?Sized, T, E> {
        // None once it has ended or was dropped.
        #[pin]
        body: Option<B>,
        body_place: Place,
        seats: Vec<Seat<C>>,
        // The empty ones of these.
        free: Vec<usize>,
        // The keys of those to be polled: kept for its memory.
        woken: Vec<usize>,
        shared: Arc<Shared<C>>,
        outcome: Arc<Outcome<T, E>>,
    }

    impl<B, C: ?Sized, T, E> PinnedDrop for Group<B, C, T, E> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // The body first, like a nursery's. One destructor that panics does not keep the others.
            let mut dropped = this.body_place.enter(|_| this.body.set(None));
            this.body_place.leave();
            for seat in this.seats {
                dropped = dropped.and(seat.clear());
            }
            let arrivals = AssertUnwindSafe(this.shared.close());
            dropped = dropped.and(catch_unwind(|| drop({ arrivals }.0)));
            if let Err(payload) = dropped && !thread::panicking() {
                resume_unwind(payload);
            }
        }
    }
}

impl<B, C: ?Sized, T, E> Group<B, C, T, E> {
    fn new(body: B, shared: Arc<Shared<C>>, outcome: Arc<Outcome<T, E>>) -> Self {
        Group {
            body: Some(body),
            body_place: Place::new(BODY, &shared.bells),
            seats: Vec::new(),
            free: Vec::new(),
            woken: vec![BODY],
            shared,
            outcome,
        }
    }
}

impl<B, C, T, E> Future for Group<B, C, T, E>
where
    B: Future<Output = Result<T, E>>,
    C: Future<Output = Result<(), E>> + ?Sized,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        {
            let this = self.as_mut().project();
            this.shared.bells.begin(this.woken);
        }
        // Twice: who is spawned in a poll starts in it, but those that spawn and spawn let others run.
        for _ in 0..2 {
            self.as_mut().seat_arrivals();
            self.as_mut().poll_woken();
        }
        if context::with(|frame| frame.is_some_and(context::Frame::is_cancelled)) {
            self.as_mut().interrupt();
        }
        let this = self.project();
        let is_over =
            this.body.is_none() && this.free.len() == this.seats.len() && this.shared.try_close();
        if is_over && this.outcome.is_to_be_reported() {
            return Poll::Ready(());
        }
        if this.shared.bells.end(cx.waker()) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<B, C, T, E> Group<B, C, T, E>
where
    B: Future<Output = Result<T, E>>,
    C: Future<Output = Result<(), E>> + ?Sized,
{
    /// Gives each child that has arrived a place, to be polled next.
    fn seat_arrivals(self: Pin<&mut Self>) {
        let this = self.project();
        if !this.shared.bells.take_arrived() {
            return;
        }
        for child in this.shared.take_arrivals() {
            let key = this.free.pop().unwrap_or_else(|| {
                let key = this.seats.len();
                this.seats.push(Seat { child: None, place: Place::new(key, &this.shared.bells) });
                key
            });
            this.seats[key].child = Some(child);
            this.woken.push(key);
        }
    }

    fn poll_woken(mut self: Pin<&mut Self>) {
        let mut woken = std::mem::take(self.as_mut().project().woken);
        for key in woken.drain(..) {
            match key {
                BODY => self.as_mut().poll_body(),
                key => self.as_mut().poll_child(key),
            }
        }
        *self.project().woken = woken;
    }

    fn poll_body(mut self: Pin<&mut Self>) {
        let mut this = self.as_mut().project();
        let Some(body) = this.body.as_mut().as_pin_mut() else { return };
        this.body_place.bell.muffle();
        match this.body_place.enter(|cx| body.poll(cx)) {
            Ok(Poll::Pending) => return this.body_place.park(),
            Ok(Poll::Ready(Ok(value))) => this.outcome.lock().value = Some(value),
            Ok(Poll::Ready(Err(error))) => fail(this.shared, this.outcome, error),
            Err(payload) => panicked(this.shared, this.outcome, payload),
        }
        self.end_body();
    }

    fn end_body(self: Pin<&mut Self>) {
        let mut this = self.project();
        let dropped = this.body_place.enter(|_| this.body.set(None));
        this.body_place.leave();
        if let Err(payload) = dropped {
            panicked(this.shared, this.outcome, payload);
        }
    }

    fn poll_child(mut self: Pin<&mut Self>, key: usize) {
        let this = self.as_mut().project();
        let Seat { child: Some(Child { future, locals }), place } = &mut this.seats[key] else {
            return; // Woken too late.
        };
        place.bell.muffle();
        let polled = locals::enter_spawned(locals, || place.enter(|cx| future.as_mut().poll(cx)));
        match polled {
            Ok(Poll::Pending) => return place.park(),
            Ok(Poll::Ready(Ok(()))) => {}
            Ok(Poll::Ready(Err(error))) => fail(this.shared, this.outcome, error),
            Err(payload) => panicked(this.shared, this.outcome, payload),
        }
        self.end_child(key);
    }

    fn end_child(self: Pin<&mut Self>, key: usize) {
        let this = self.project();
        let dropped = this.seats[key].clear();
        this.free.push(key);
        if let Err(payload) = dropped {
            panicked(this.shared, this.outcome, payload);
        }
    }

    /// Drops all that do not hold (J2).
    fn interrupt(mut self: Pin<&mut Self>) {
        let this = self.as_mut().project();
        let is_body_due = this.body.is_some() && !this.body_place.is_held();
        let is_due = |seat: &Seat<C>| seat.child.is_some() && !seat.place.is_held();
        let due = this.seats.iter().enumerate().filter(|(_, seat)| is_due(seat));
        let due: Vec<usize> = due.map(|(key, _)| key).collect();
        if is_body_due || !due.is_empty() {
            this.outcome.lock().is_interrupted = true;
        }
        if is_body_due {
            self.as_mut().end_body();
        }
        for key in due {
            self.as_mut().end_child(key);
        }
    }
}

/// Keeps an error and cancels the rest.
fn fail<C: ?Sized, T, E>(shared: &Shared<C>, outcome: &Outcome<T, E>, error: E) {
    outcome.lock().errors.push(error);
    shared.scope.cancel_because(Cause::Sibling);
}

/// Keeps a panic and cancels the rest.
fn panicked<C: ?Sized, T, E>(shared: &Shared<C>, outcome: &Outcome<T, E>, payload: PanicPayload) {
    outcome.keep_panic(payload);
    shared.scope.cancel_because(Cause::Sibling);
}
