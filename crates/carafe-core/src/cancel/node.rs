//! One node of the scope tree.
//!
//! A node stands for one boundary: a task, a scope, a shield or a nursery. Its parent is the boundary
//! around it; a child task's parent is the nursery that owns it.
//!
//! - *cancelled*: this node's own scope was cancelled, by a call, a deadline, or a failing child.
//! - *effective*: it or a node above it is cancelled, with no shield between. Spread downwards by
//!   [`Node::cancel`], never computed by walking up.
//! - *hold*: how many things inside must not be dropped yet (R3). An open shield or nursery and a
//!   running thread hold the node around them; a node that is held holds its own parent, up to the
//!   task.
//!
//! N1. A node that is cancelled stays so. One that is effective stays so as long as what it inherited
//!     that from is above it, with no shield between: see [`Node::calm`].
//! N2. `hold` changes under the node's lock, together with reading the parent that hears of it, so
//!     that a node that moves takes exactly its own hold along.
//! N3. One node's lock is held at a time; nothing is woken, dropped or called under it.
//! N4. A waker is published before `is_effective` is read, and `cancel` sets the flag before it
//!     collects wakers: one of the two sees the other.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use slab::Slab;

use super::Cause;
use crate::atomics::{AtomicBool, AtomicUsize, Mutex, MutexGuard, Ordering};
use crate::nursery::part::{NurseryPart, nearest};
use crate::run::Run;
use crate::timers::TimerKey;

/// What boundary a node stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Task,
    Scope,
    Shield,
    Finally,
    Nursery,
}

impl Kind {
    /// Whether a boundary of this kind holds the one around it as long as it is open.
    fn holds(self) -> bool {
        matches!(self, Kind::Shield | Kind::Finally | Kind::Nursery)
    }
}

/// See the [module's page](self).
pub(crate) struct Node {
    pub(crate) run: Arc<Run>,
    kind: Kind,
    /// Its own scope was cancelled.
    cancelled: AtomicBool,
    /// It or an ancestor was, with no shield between.
    effective: AtomicBool,
    /// Whether cancellations from above stop here. Changes under the parent's lock, under which those
    /// from above look at it.
    shielded: AtomicBool,
    /// Whether `state.deadline` is set: spares the others a lock and a clock.
    timed: AtomicBool,
    /// See N2.
    hold: AtomicUsize,
    /// The address of `state.parent`, which keeps that address its own; 0 without a parent. Changes
    /// with it.
    home: AtomicUsize,
    state: Mutex<State>,
    /// What only a nursery has.
    pub(crate) part: Option<NurseryPart>,
}

struct State {
    /// The node above; none before it is attached and after it is detached.
    parent: Option<Arc<Node>>,
    /// Where `parent` lists it.
    key: usize,
    /// The nodes directly below.
    kids: Slab<Arc<Node>>,
    /// The waker of the boundary's own last poll that returned pending.
    waker: Option<Waker>,
    /// Why it is effective: the first reason sticks.
    cause: Option<Cause>,
    deadline: Option<Instant>,
    timer: Option<TimerKey>,
    /// The node that this boundary holds, being open.
    holds: Option<Arc<Node>>,
    /// Whether it hangs where it was adopted: what is held inside was leaked, or is on its way to
    /// another task, and does not hold the adopter.
    is_adopted: bool,
}

impl State {
    /// The node that a hold inside is passed on to.
    fn passes_to(&self, kind: Kind) -> Option<&Arc<Node>> {
        if kind == Kind::Task || self.is_adopted { None } else { self.parent.as_ref() }
    }
}

impl Node {
    /// A node that hangs nowhere yet.
    pub(crate) fn detached(run: Arc<Run>, kind: Kind, part: Option<NurseryPart>) -> Arc<Node> {
        Arc::new(Node::new(run, kind, part, None, 0, false, None))
    }

    /// A node directly below `parent`.
    pub(crate) fn below(parent: &Arc<Node>, kind: Kind) -> Arc<Node> {
        let mut above = parent.lock();
        let effective = kind != Kind::Shield && parent.is_effective();
        let cause = if effective { above.cause } else { None };
        let entry = above.kids.vacant_entry();
        let run = parent.run.clone();
        let node = Node::new(run, kind, None, Some(parent.clone()), entry.key(), effective, cause);
        let node = Arc::new(node);
        entry.insert(node.clone());
        node
    }

    fn new(
        run: Arc<Run>,
        kind: Kind,
        part: Option<NurseryPart>,
        parent: Option<Arc<Node>>,
        key: usize,
        effective: bool,
        cause: Option<Cause>,
    ) -> Node {
        let home = parent.as_ref().map_or(0, |parent| Arc::as_ptr(parent) as usize);
        let state = State {
            parent,
            key,
            kids: Slab::new(),
            waker: None,
            cause,
            deadline: None,
            timer: None,
            holds: None,
            is_adopted: false,
        };
        Node {
            run,
            kind,
            cancelled: AtomicBool::new(false),
            effective: AtomicBool::new(effective),
            shielded: AtomicBool::new(kind == Kind::Shield),
            timed: AtomicBool::new(false),
            hold: AtomicUsize::new(0),
            home: AtomicUsize::new(home),
            state: Mutex::new(state),
            part,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under a node's lock (N3)")
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn is_nursery(&self) -> bool {
        self.kind == Kind::Nursery
    }

    pub(crate) fn is_effective(&self) -> bool {
        self.effective.load(Ordering::Acquire)
    }

    /// Whether its own scope is cancelled, a deadline that has passed included.
    pub(crate) fn is_cancelled(self: &Arc<Self>) -> bool {
        self.expire();
        self.cancelled.load(Ordering::Acquire)
    }

    /// Whether what is inside is to be dropped, a deadline that has passed included.
    pub(crate) fn is_due(self: &Arc<Self>) -> bool {
        self.expire();
        self.is_effective()
    }

    pub(crate) fn is_shielded(&self) -> bool {
        self.shielded.load(Ordering::Acquire)
    }

    /// The address of the node above; 0 where there is none.
    pub(crate) fn home(&self) -> usize {
        self.home.load(Ordering::Acquire)
    }

    pub(crate) fn is_held(&self) -> bool {
        self.hold.load(Ordering::Acquire) > 0
    }

    pub(crate) fn cause(&self) -> Option<Cause> {
        self.lock().cause
    }

    pub(crate) fn parent(&self) -> Option<Arc<Node>> {
        self.lock().parent.clone()
    }

    pub(crate) fn kids(&self) -> Vec<Arc<Node>> {
        self.lock().kids.iter().map(|(_, kid)| kid.clone()).collect()
    }
}

/// Cancelling.
impl Node {
    /// Cancels this node's scope: marks it and everything below it up to shields, and wakes them.
    /// Never drops, never blocks, does nothing the second time.
    pub(crate) fn cancel(self: &Arc<Self>, cause: Cause) {
        {
            let mut state = self.lock();
            if self.cancelled.swap(true, Ordering::AcqRel) {
                return;
            }
            state.cause.get_or_insert(cause);
        }
        if self.is_effective() {
            // Marked by a scope further out, which is held; now it has to act by itself.
            return self.wake();
        }
        self.spread(cause);
    }

    /// Cancels the scope if its deadline has passed: the deadline holds also where nothing has woken
    /// the task since.
    fn expire(self: &Arc<Self>) {
        if self.timed.load(Ordering::Relaxed)
            && let Some(deadline) = self.deadline()
            && self.run.now() >= deadline
        {
            self.cancel(Cause::Deadline);
        }
    }

    /// Whether a cancellation reaches it from above.
    fn inherits(&self, state: &State) -> bool {
        !self.is_shielded() && state.parent.as_ref().is_some_and(|parent| parent.is_effective())
    }

    /// Makes this node and those below it effective, as far as they are reached.
    fn spread(self: &Arc<Self>, cause: Cause) {
        let mut wakers = Vec::new();
        let mut rest = vec![self.clone()];
        while let Some(node) = rest.pop() {
            let mut state = node.lock();
            // It may have moved, or a shield may have gone up, since its parent's list was read.
            let is_reached = node.cancelled.load(Ordering::Acquire) || node.inherits(&state);
            if !is_reached || node.effective.swap(true, Ordering::AcqRel) {
                continue;
            }
            state.cause.get_or_insert(cause);
            // A task is woken through its nursery's list, which knows also those without a node.
            if node.kind != Kind::Task {
                wakers.extend(state.waker.clone());
            }
            rest.extend(
                state.kids.iter().filter(|(_, kid)| !kid.is_shielded()).map(|(_, kid)| kid.clone()),
            );
            drop(state);
            if let Some(part) = &node.part {
                part.wakers_into(&mut wakers);
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Raises or lowers the shield of a scope. Lowered, a cancellation from above that it kept out
    /// takes effect.
    pub(crate) fn set_shielded(self: &Arc<Self>, shielded: bool) {
        let inherited = match self.parent() {
            None => {
                self.shielded.store(shielded, Ordering::Release);
                None
            }
            Some(parent) => {
                let above = parent.lock();
                self.shielded.store(shielded, Ordering::Release);
                let reaches = !shielded && parent.is_effective();
                reaches.then(|| above.cause.unwrap_or(Cause::Explicit(None)))
            }
        };
        if let Some(cause) = inherited {
            self.spread(cause);
        }
        if shielded {
            self.calm();
        } else {
            self.close();
        }
    }

    /// Undoes what was inherited, here and below: a shield was raised, or the node has moved out of
    /// what was cancelled. What has been dropped meanwhile stays dropped, and a nursery that has
    /// dropped its body goes on cancelling its children.
    fn calm(self: &Arc<Self>) {
        let mut wakers = Vec::new();
        let mut rest = vec![self.clone()];
        while let Some(node) = rest.pop() {
            let is_ending = node.part.as_ref().is_some_and(NurseryPart::is_interrupted);
            let mut state = node.lock();
            let is_cancelled = node.cancelled.load(Ordering::Acquire);
            // A boundary that waits to be dropped from above, which will not happen, has to look again.
            wakers.extend(state.waker.clone());
            if is_ending || is_cancelled || !node.is_effective() || node.inherits(&state) {
                continue;
            }
            node.effective.store(false, Ordering::Release);
            state.cause = None;
            rest.extend(
                state.kids.iter().filter(|(_, kid)| !kid.is_shielded()).map(|(_, kid)| kid.clone()),
            );
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Stores the waker of a poll that is about to return pending (N4).
    pub(crate) fn park(&self, waker: &Waker) {
        let mut state = self.lock();
        let old = match &mut state.waker {
            Some(old) if old.will_wake(waker) => None,
            slot => slot.replace(waker.clone()),
        };
        drop(state);
        drop(old);
    }

    pub(crate) fn wake(&self) {
        let waker = self.lock().waker.clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Deadlines.
impl Node {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.lock().deadline
    }

    /// Sets or moves the deadline; the timer follows where one is needed.
    pub(crate) fn set_deadline(self: &Arc<Self>, deadline: Option<Instant>) {
        let (timer, waits) = {
            let mut state = self.lock();
            state.deadline = deadline;
            self.timed.store(deadline.is_some(), Ordering::Relaxed);
            (state.timer.take(), state.waker.is_some())
        };
        if let Some(timer) = timer {
            self.run.timers.remove(timer);
        }
        if waits {
            self.arm();
        }
    }

    /// Asks the run's timers to cancel this node at its deadline, once.
    pub(crate) fn arm(self: &Arc<Self>) {
        if !self.timed.load(Ordering::Relaxed) {
            return;
        }
        let deadline = {
            let state = self.lock();
            match state.deadline {
                Some(deadline) if state.timer.is_none() => deadline,
                _ => return,
            }
        };
        let timer = self.run.timers.insert(deadline, self);
        let stale = {
            let mut state = self.lock();
            if state.deadline == Some(deadline) { state.timer.replace(timer) } else { Some(timer) }
        };
        if let Some(stale) = stale {
            self.run.timers.remove(stale);
        }
    }
}

/// Its place in the tree.
impl Node {
    /// Hangs the node below `parent`, also when it hangs elsewhere: a boxed future may be polled by
    /// one task and moved to another. Called by the boundary itself, so that nobody adds holds
    /// meanwhile; others may release theirs.
    pub(crate) fn attach(self: &Arc<Self>, parent: &Arc<Node>) {
        self.unlist();
        if let Some(part) = &self.part
            && let Some(adopter) = nearest(parent)
        {
            part.set_adopter(adopter);
        }
        let key = parent.lock().kids.insert(self.clone());
        // Held first, and given back if nothing inside holds any more by the time that the parent is
        // in place: a release in between must not reach a parent that was never held.
        let was_held = self.is_held();
        if was_held {
            parent.hold();
        }
        let (is_held, holds) = {
            let mut state = self.lock();
            state.parent = Some(parent.clone());
            state.key = key;
            self.home.store(Arc::as_ptr(parent) as usize, Ordering::Release);
            (self.is_held(), state.holds.is_some())
        };
        if was_held && !is_held {
            parent.release();
        }
        if holds {
            self.open(parent);
        }
        // Now that the parent is in place: a cancellation that came before is seen here, one that comes
        // later finds us in the list.
        if !self.is_shielded() && parent.is_effective() {
            let cause = parent.cause();
            self.spread(cause.unwrap_or(Cause::Explicit(None)));
        } else if self.is_effective() {
            // It may come from a place that was cancelled, and this one is not.
            self.calm();
        }
    }

    /// Hangs an abandoned nursery below the one that adopts its children, until somebody polls it
    /// again: it may be on its way to another task.
    pub(crate) fn attach_abandoned(self: &Arc<Self>, adopter: &Arc<Node>) {
        self.unlist();
        let key = adopter.lock().kids.insert(self.clone());
        let mut state = self.lock();
        state.parent = Some(adopter.clone());
        state.key = key;
        state.is_adopted = true;
        // No home: whoever polls it takes it home.
    }

    /// Takes the node out of the tree, for its future is on its way to another task: the end of the
    /// old one is not to find it. The next poll hangs it in again.
    pub(crate) fn uproot(self: &Arc<Self>) {
        self.unlist();
    }

    /// Takes the node from its parent's list, and its hold with it.
    fn unlist(self: &Arc<Self>) {
        let (parent, key, is_held) = {
            let mut state = self.lock();
            let is_held = self.is_held() && state.passes_to(self.kind).is_some();
            let Some(parent) = state.parent.take() else { return };
            state.is_adopted = false;
            self.home.store(0, Ordering::Release);
            (parent, state.key, is_held)
        };
        self.leave(&parent, key, is_held);
    }

    /// Leaves the list of the node that was its parent, and takes its hold along if it had one there.
    fn leave(&self, parent: &Arc<Node>, key: usize, is_held: bool) {
        let listed = {
            let mut above = parent.lock();
            // A parent that has ended has let go of its kids, and may have others by now.
            let is_ours = above.kids.get(key).is_some_and(|kid| std::ptr::eq(&**kid, self));
            if is_ours { Some(above.kids.remove(key)) } else { None }
        };
        drop(listed);
        if is_held {
            parent.release();
        }
    }

    /// Ends the boundary: it holds nothing, waits for nothing and is nobody's child. Nodes below that
    /// are still there belong to leaked futures; they move up, for the task's end to find.
    pub(crate) fn detach(self: &Arc<Self>) {
        let mut state = self.lock();
        let leaked =
            if state.kids.is_empty() { Slab::new() } else { std::mem::take(&mut state.kids) };
        // Together with the parent (N2): whoever releases from here on finds no parent to tell.
        let is_held = self.is_held() && state.passes_to(self.kind).is_some();
        let (parent, key) = (state.parent.take(), state.key);
        state.is_adopted = false;
        self.home.store(0, Ordering::Release);
        self.timed.store(false, Ordering::Relaxed);
        let (holds, timer, waker) = (state.holds.take(), state.timer.take(), state.waker.take());
        drop(state);
        drop(waker);
        if let Some(timer) = timer {
            self.run.timers.remove(timer);
        }
        if let Some(holds) = holds {
            holds.release();
        }
        if let Some(parent) = parent {
            leaked.iter().for_each(|(_, kid)| kid.attach(&parent));
            self.leave(&parent, key, is_held);
        }
    }

    /// Takes the nodes below that are no tasks: those of a body that is gone, so their futures were
    /// leaked.
    pub(crate) fn take_leaked(&self) -> Vec<Arc<Node>> {
        let mut state = self.lock();
        if state.kids.is_empty() {
            return Vec::new();
        }
        let leaked: Vec<usize> = state
            .kids
            .iter()
            .filter(|(_, kid)| kid.kind != Kind::Task)
            .map(|(key, _)| key)
            .collect();
        leaked.into_iter().map(|key| state.kids.remove(key)).collect()
    }
}

/// Holding (R3).
impl Node {
    /// Something inside must not be dropped.
    pub(crate) fn hold(self: &Arc<Self>) {
        let mut node = self.clone();
        loop {
            let next = {
                let state = node.lock();
                let first = node.hold.fetch_add(1, Ordering::AcqRel) == 0;
                if first { state.passes_to(node.kind).cloned() } else { None }
            };
            match next {
                Some(parent) => node = parent,
                None => return,
            }
        }
    }

    /// It may be dropped now. Wakes a cancelled scope that nothing else holds, for it is due (R1).
    pub(crate) fn release(self: &Arc<Self>) {
        let mut node = self.clone();
        loop {
            let (next, waker) = {
                let state = node.lock();
                let held = node.hold.load(Ordering::Acquire);
                // 0: an abandoned nursery has forgotten its holders.
                node.hold.store(held.saturating_sub(1), Ordering::Release);
                if held != 1 {
                    return;
                }
                let parent = state.passes_to(node.kind).cloned();
                let waker = if node.is_effective() { state.waker.clone() } else { None };
                (parent, waker)
            };
            if let Some(waker) = waker {
                waker.wake();
            }
            match next {
                Some(parent) => node = parent,
                None => return,
            }
        }
    }

    /// Whether the boundary, being open, holds the one around it.
    pub(crate) fn holds_around(&self) -> bool {
        self.kind.holds() || self.is_shielded()
    }

    /// From now on this boundary holds `around`, and nothing else.
    pub(crate) fn open(&self, around: &Arc<Node>) {
        let is_held =
            |state: &State| state.holds.as_ref().is_some_and(|held| Arc::ptr_eq(held, around));
        if is_held(&self.lock()) {
            return;
        }
        // Held before it is published: a last child that ends meanwhile gives back what it finds.
        around.hold();
        let old = self.lock().holds.replace(around.clone());
        if let Some(old) = old {
            old.release();
        }
    }

    /// This boundary holds nothing any more.
    pub(crate) fn close(&self) {
        let held = self.lock().holds.take();
        if let Some(held) = held {
            held.release();
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("kind", &self.kind)
            .field("cancelled", &self.cancelled)
            .field("effective", &self.effective)
            .field("hold", &self.hold)
            .finish_non_exhaustive()
    }
}
