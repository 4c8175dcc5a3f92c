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
use std::time::{Duration, Instant};

use crate::cancel::node::{Kind, Node};
use crate::cancel::slot::Slot;
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
    /// What is left of the budget of this poll of the task. Null for a thread, and for what is polled
    /// outside a task: nobody counts there.
    budget: *const Cell<u32>,
}

/// Whose frame it is. What these lead to is borrowed by `enter_task`, `enter_inner` and `enter_thread`
/// for as long as the frame is entered.
enum Base {
    /// A task: the nursery that owns it, and its own node.
    Task(*const Arc<Node>, *const OnceCell<Arc<Node>>),
    /// A scope, shield or nursery.
    Inner(*const Slot),
    /// A thread: the run that it works for.
    Thread(*const Arc<Run>),
}

/// The same, to look at.
enum Whose<'a> {
    Task(&'a Arc<Node>, &'a OnceCell<Arc<Node>>),
    Inner(&'a Slot),
    Thread(&'a Arc<Run>),
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
        base: Base::Task(nursery, slot),
        budget: &budget,
    };
    enter(frame, inside)
}

/// Calls `inside` as the body of a boundary inside the current frame.
pub(crate) fn enter_inner<T>(slot: &Slot, inside: impl FnOnce() -> T) -> T {
    let up = CURRENT.with(Cell::get);
    let (depth, budget) = with(|frame| match frame {
        Some(frame) => (frame.depth + 1, frame.budget),
        None => (0, ptr::null()),
    });
    enter(Frame { up, place: Place::Polling, depth, base: Base::Inner(slot), budget }, inside)
}

/// Calls `inside` as a closure on a thread, working for `run`.
pub(crate) fn enter_thread<T>(run: &Arc<Run>, inside: impl FnOnce() -> T) -> T {
    let frame = Frame {
        up: ptr::null(),
        place: Place::Thread,
        depth: 0,
        base: Base::Thread(run),
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

    fn whose(&self) -> Whose<'_> {
        // SAFETY: those who entered the frame borrow these for as long as it is entered, and `self`
        // is lent for less (F2).
        unsafe {
            match self.base {
                Base::Task(nursery, root) => Whose::Task(&*nursery, &*root),
                Base::Inner(slot) => Whose::Inner(&*slot),
                Base::Thread(run) => Whose::Thread(&*run),
            }
        }
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

    /// The node of this boundary, made and hung into the tree now if it was not. None on a thread, and
    /// for a boundary outside a run, which has nothing to hang below.
    pub(crate) fn node(&self) -> Option<&Arc<Node>> {
        match self.whose() {
            Whose::Task(nursery, root) => {
                Some(root.get_or_init(|| Node::below(nursery, Kind::Task)))
            }
            Whose::Inner(slot) if slot.is_settled() => slot.get(),
            Whose::Inner(slot) => Some(slot.settle(self.up()?.node()?)),
            Whose::Thread(_) => None,
        }
    }

    /// The nearest nursery around the code that runs: what adopts its left-overs.
    pub(crate) fn nursery(&self) -> Option<&Arc<Node>> {
        match self.whose() {
            Whose::Task(nursery, _) => Some(nursery),
            Whose::Inner(slot) if slot.kind() == Kind::Nursery => slot.get(),
            Whose::Inner(_) => self.up()?.nursery(),
            Whose::Thread(_) => None,
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
        match self.own_node() {
            Some(node) => node.is_due(),
            // Cancelled by nobody, for nobody knows it, and its time has just begun.
            None => self.limit() == Some(Duration::ZERO),
        }
    }

    /// The deadline of this boundary itself.
    fn deadline(&self) -> Option<Instant> {
        match self.own_node() {
            Some(node) => node.deadline(),
            None => self.run()?.now().checked_add(self.limit()?),
        }
    }

    /// The node of this boundary, if it has one.
    fn own_node(&self) -> Option<&Arc<Node>> {
        match self.whose() {
            Whose::Task(_, root) => root.get(),
            Whose::Inner(slot) => slot.get(),
            Whose::Thread(_) => None,
        }
    }

    fn limit(&self) -> Option<Duration> {
        match self.whose() {
            Whose::Inner(slot) => slot.limit(),
            Whose::Task(..) | Whose::Thread(_) => None,
        }
    }

    /// Where cancellations come from that reach into this boundary.
    fn outwards(&self) -> Outwards<'_> {
        if self.own_node().is_some_and(|node| node.is_shielded()) {
            return Outwards::Nothing;
        }
        match self.whose() {
            Whose::Task(nursery, _) => Outwards::Nursery(nursery),
            Whose::Inner(slot) if slot.kind() != Kind::Shield => {
                self.up().map_or(Outwards::Nothing, Outwards::Frame)
            }
            Whose::Inner(_) | Whose::Thread(_) => Outwards::Nothing,
        }
    }

    /// The run that this frame belongs to. None for a boundary that foreign code drops outside one.
    fn run(&self) -> Option<&Arc<Run>> {
        let mut frame = self;
        loop {
            match frame.whose() {
                Whose::Task(nursery, _) => return Some(&nursery.run),
                Whose::Thread(run) => return Some(run),
                Whose::Inner(_) => frame = frame.up()?,
            }
        }
    }
}
