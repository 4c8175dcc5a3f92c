//! Who is being polled on this thread: a stack of frames.
//!
//! Every boundary (a task, a scope, a shield, a nursery's body) enters a [`Frame`] while it polls or
//! drops what is inside it. The innermost frame tells code inside, without an argument, which scope it
//! is in, which nursery adopts what it leaves behind, and which run it belongs to.
//!
//! A frame makes its node of the scope tree on demand, when something inside wants to hang itself
//! below it: a task that opens nothing, and a timeout around a future that is ready at once, never
//! have one.
//!
//! # Safety
//!
//! The frames live on the stack of those who entered them; the thread-local holds a plain pointer to
//! the innermost one.
//!
//! F1. [`enter`] sets the pointer to a frame that it owns, and sets it back before it returns, also
//!     when it unwinds. So whenever the pointer is not null, the call to `enter` that owns the frame
//!     is still below us on this thread's stack, and so are those of all frames that `up` leads to.
//! F2. Nothing outside this module sees the pointer or keeps a reference to a frame: [`with`] lends
//!     it to a closure for a lifetime that the closure cannot name.
#![allow(unsafe_code)]

use std::cell::{Cell, OnceCell};
use std::ptr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use crate::cancel::node::{Kind, Node};
use crate::run::Run;

#[cfg(not(shuttle))]
thread_local! {
    static CURRENT: Cell<*const Frame> = const { Cell::new(ptr::null()) };
}

// Shuttle runs its threads as coroutines on one thread of the system, each with locals of its own.
#[cfg(shuttle)]
shuttle::thread_local! {
    static CURRENT: Cell<*const Frame> = Cell::new(ptr::null());
}

/// How deep boundaries may be nested in one task. Futures are polled and dropped recursively, and a
/// stack of 2 MiB is full between 4,000 and 4,500 levels in a debug build.
const DEEPEST: u32 = 2000;

/// How many operations of core's own primitives may be ready in one poll of a task. The next one
/// suspends though it is ready, so that others get their turn and a cancellation is noticed (C28): of
/// the loops, tokio alone has such a budget.
const BUDGET: u32 = 128;

/// What a thread is doing, seen by somebody who wants to run, block or wait on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// It polls a task of a run: it must not block.
    Polling,
    /// It runs a closure of `to_thread`: it may block.
    Thread,
    /// Carafe knows nothing of it.
    Outside,
}

/// One boundary that is polling on this thread.
pub(crate) struct Frame {
    /// The boundary around this one in the same task; null for a task.
    up: *const Frame,
    place: Place,
    /// How many boundaries of the same task are around this one.
    depth: u32,
    base: Base,
    /// The boundary's node, made on demand. Null for a thread, which has none.
    slot: *const OnceCell<Arc<Node>>,
    /// What is left of the budget of this poll of the task. Null for a thread, and for what is polled
    /// outside a task: nobody counts there.
    budget: *const Cell<u32>,
}

/// What a frame makes its node from.
enum Base {
    /// A task: its parent is the nursery that owns it.
    Task(*const Arc<Node>),
    /// A scope or shield, which may have no node yet: its parent is the node of the frame above, and
    /// this is its deadline.
    Inner(Kind, Option<Instant>),
    /// A thread: the run that it works for.
    Thread(*const Arc<Run>),
}

/// What is around a boundary, if cancellations from there reach into it.
enum Outwards<'a> {
    Frame(&'a Frame),
    Nursery(&'a Arc<Node>),
    Nothing,
}

/// Calls `inside` as the body of a task that `nursery` owns.
pub(crate) fn enter_task<T>(
    nursery: &Arc<Node>,
    slot: &OnceCell<Arc<Node>>,
    inside: impl FnOnce() -> T,
) -> T {
    let budget = Cell::new(BUDGET);
    let frame = Frame {
        up: ptr::null(),
        place: Place::Polling,
        depth: 0,
        base: Base::Task(nursery),
        slot,
        budget: &budget,
    };
    enter(frame, inside)
}

/// Calls `inside` as the body of a boundary of the given kind, inside the current frame.
pub(crate) fn enter_inner<T>(
    kind: Kind,
    deadline: Option<Instant>,
    slot: &OnceCell<Arc<Node>>,
    inside: impl FnOnce() -> T,
) -> T {
    let up = CURRENT.with(Cell::get);
    let (depth, budget) = with(|frame| match frame {
        Some(frame) => (frame.depth + 1, frame.budget),
        None => (0, ptr::null()),
    });
    let place = Place::Polling;
    enter(Frame { up, place, depth, base: Base::Inner(kind, deadline), slot, budget }, inside)
}

/// Calls `inside` as a closure on a thread, working for `run`.
pub(crate) fn enter_thread<T>(run: &Arc<Run>, inside: impl FnOnce() -> T) -> T {
    let frame = Frame {
        up: ptr::null(),
        place: Place::Thread,
        depth: 0,
        base: Base::Thread(run),
        slot: ptr::null(),
        budget: ptr::null(),
    };
    enter(frame, inside)
}

fn enter<T>(frame: Frame, inside: impl FnOnce() -> T) -> T {
    struct Restore(*const Frame);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.with(|current| current.set(self.0));
        }
    }
    let _restore = Restore(CURRENT.with(|current| current.replace(&frame)));
    inside()
}

/// Lends the innermost frame of this thread, if there is one.
pub(crate) fn with<T>(look: impl FnOnce(Option<&Frame>) -> T) -> T {
    // SAFETY: the pointer is null or leads to a frame whose owner is below us on the stack (F1), and
    // `look` cannot keep the reference (F2).
    look(unsafe { CURRENT.with(Cell::get).as_ref() })
}

/// What this thread is doing.
pub(crate) fn place() -> Place {
    with(|frame| frame.map_or(Place::Outside, |frame| frame.place))
}

/// The run that this thread works for.
pub(crate) fn run() -> Option<Arc<Run>> {
    with(|frame| frame.and_then(Frame::run).cloned())
}

/// Whether the task may go on with an operation that may be ready at once. If it has used up its
/// budget, it is woken, for its next poll has a new one.
///
/// Whoever has waited does not ask: what was handed over to it is its own, and waiting has ended a
/// poll already.
pub(crate) fn poll_budget(cx: &Context<'_>) -> Poll<()> {
    if with(|frame| frame.and_then(Frame::budget).is_some_and(|left| left.get() == 0)) {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

/// Counts an operation that was ready.
pub(crate) fn spend() {
    with(|frame| {
        if let Some(left) = frame.and_then(Frame::budget) {
            left.set(left.get().saturating_sub(1));
        }
    });
}

impl Frame {
    fn up(&self) -> Option<&Frame> {
        // SAFETY: `up` was the thread's current frame when this one was entered, so its owner is
        // further down the stack than ours (F1).
        unsafe { self.up.as_ref() }
    }

    fn slot(&self) -> Option<&OnceCell<Arc<Node>>> {
        // SAFETY: null for a thread; else `enter_task` and `enter_inner` borrow it for as long as the
        // frame is entered.
        unsafe { self.slot.as_ref() }
    }

    fn budget(&self) -> Option<&Cell<u32>> {
        // SAFETY: null, or `enter_task` has it on its stack, below the frames of the same task that
        // share it (F1).
        unsafe { self.budget.as_ref() }
    }

    /// Whether another boundary inside would be one too many for the stack.
    pub(crate) fn is_deepest(&self) -> bool {
        self.depth >= DEEPEST
    }

    /// The node of this boundary, made now if it has none. None on a thread.
    pub(crate) fn node(&self) -> Option<&Arc<Node>> {
        let slot = self.slot()?;
        if let Some(node) = slot.get() {
            return Some(node);
        }
        let node = match self.base {
            // SAFETY: `enter_task` borrows the nursery for as long as the frame is entered.
            Base::Task(nursery) => Node::below(unsafe { &*nursery }, Kind::Task),
            // A boundary outside a run has nothing to hang below.
            Base::Inner(kind, deadline) => {
                let node = Node::below(self.up()?.node()?, kind);
                if deadline.is_some() {
                    node.set_deadline(deadline);
                }
                node
            }
            Base::Thread(_) => return None,
        };
        Some(slot.get_or_init(|| node))
    }

    /// The nearest nursery around the code that runs: what adopts its left-overs.
    pub(crate) fn nursery(&self) -> Option<&Arc<Node>> {
        match self.base {
            // SAFETY: as in `node`.
            Base::Task(nursery) => Some(unsafe { &*nursery }),
            Base::Inner(..) => match self.slot()?.get() {
                Some(node) if node.is_nursery() => Some(node),
                _ => self.up()?.nursery(),
            },
            Base::Thread(_) => None,
        }
    }

    /// Whether a cancelled scope between here and the nearest shield, this frame included, is about
    /// to drop what is inside it.
    pub(crate) fn is_cancelled(&self) -> bool {
        let mut frame = self;
        loop {
            if frame.is_due() {
                return true;
            }
            match frame.outwards() {
                Outwards::Frame(up) => frame = up,
                Outwards::Nursery(nursery) => return nursery.is_due(),
                Outwards::Nothing => return false,
            }
        }
    }

    /// When the scopes between here and the nearest shield, this frame included, will have cancelled
    /// what is inside them: now, if one is cancelled.
    pub(crate) fn effective_deadline(&self) -> Option<Instant> {
        if self.is_cancelled() {
            return self.run().map(|run| run.now());
        }
        let mut earliest: Option<Instant> = None;
        let mut add = |deadline: Option<Instant>| {
            earliest = earliest.into_iter().chain(deadline).min();
        };
        let mut frame = self;
        loop {
            add(frame.deadline());
            match frame.outwards() {
                Outwards::Frame(up) => frame = up,
                Outwards::Nothing => break,
                Outwards::Nursery(nursery) => {
                    let mut next = Some(nursery.clone());
                    while let Some(node) = next {
                        add(node.deadline());
                        next = if node.is_shielded() { None } else { node.parent() };
                    }
                    break;
                }
            }
        }
        earliest
    }

    /// Whether this boundary itself is about to drop what is inside it.
    fn is_due(&self) -> bool {
        match self.slot().and_then(OnceCell::get) {
            Some(node) => node.is_due(),
            // Not cancelled by anybody, for nobody knows it; but its time may be over.
            None => {
                let is_over = |deadline| self.run().is_some_and(|run| run.now() >= deadline);
                self.deadline().is_some_and(is_over)
            }
        }
    }

    /// The deadline of this boundary itself.
    fn deadline(&self) -> Option<Instant> {
        match (self.slot().and_then(OnceCell::get), &self.base) {
            (Some(node), _) => node.deadline(),
            (None, Base::Inner(_, deadline)) => *deadline,
            (None, _) => None,
        }
    }

    /// Where cancellations come from that reach into this boundary.
    fn outwards(&self) -> Outwards<'_> {
        let node = self.slot().and_then(OnceCell::get);
        if node.is_some_and(|node| node.is_shielded()) {
            return Outwards::Nothing;
        }
        match self.base {
            // SAFETY: as in `node`.
            Base::Task(nursery) => Outwards::Nursery(unsafe { &*nursery }),
            Base::Thread(_) | Base::Inner(Kind::Shield, _) => Outwards::Nothing,
            Base::Inner(..) => self.up().map_or(Outwards::Nothing, Outwards::Frame),
        }
    }

    /// The run that this frame belongs to. None for a boundary that foreign code drops outside one.
    fn run(&self) -> Option<&Arc<Run>> {
        let mut frame = self;
        loop {
            match frame.base {
                // SAFETY: as in `node`.
                Base::Task(nursery) => return Some(&unsafe { &*nursery }.run),
                // SAFETY: `enter_thread` borrows the run for as long as the frame is entered.
                Base::Thread(run) => return Some(unsafe { &*run }),
                Base::Inner(..) => frame = frame.up()?,
            }
        }
    }
}
