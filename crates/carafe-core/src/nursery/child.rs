//! One child of a nursery: the future that the backend polls.
//!
//! ```text
//!   Spawned ──first poll──▶ Running ──Ready(Ok)────────────▶ ended
//!      │                       ├──────Ready(Err), unwinds───▶ ended, the nursery has heard of it
//!      │                       ├──────Pending, cancelled────▶ ended, the nursery was interrupted
//!      └──the loop drops it────┴──────the loop drops it─────▶ ended, the nursery was interrupted
//! ```
//!
//! C1. The body is dropped before the child leaves its nursery: what it had is free when the nursery
//!     returns.
//! C2. Poll, then check (R1): a body is dropped only after a poll that returned pending, by this
//!     wrapper, inside the task's frame, and only if nothing in it holds.
//! C3. A child is listed in its nursery when it first returns pending, and not before: one that ends
//!     at once touches the nursery's count and nothing else.

use std::cell::OnceCell;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::errors::Failed;
use super::live::Live;
use super::part::{ChildInfo, TaskEntry};
use crate::cancel::node::Node;
use crate::context;
use crate::locals::{self, Locals};

/// What a child does after each poll of its body, before it looks at the outcome.
pub(super) trait Move {
    fn after_poll(&mut self, header: &mut Header);

    /// The child ends where it is: it goes nowhere any more.
    fn end(&mut self);
}

/// Most children stay where they are.
impl Move for () {
    fn after_poll(&mut self, _: &mut Header) {}

    fn end(&mut self) {}
}

pin_project! {
    pub(crate) struct Child<F, M = ()> {
        // None once the child has ended (C1).
        #[pin]
        body: Option<F>,
        header: Header,
        mover: M,
    }

    impl<F, M> PinnedDrop for Child<F, M> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if this.body.is_some() {
                // The loop lets go of a task that has not ended: at the loop's own end, say.
                this.header.end(this.body, true);
            }
        }
    }
}

/// All of a child but its future. Small: the loops' task cells grow in steps of 128 bytes.
pub(super) struct Header {
    /// None once the child has left its nursery.
    live: Option<Live>,
    info: ChildInfo,
    /// What the spawner had bound.
    locals: Locals,
    /// The task's own node, if something inside has made one.
    root: OnceCell<Arc<Node>>,
    /// Which waker the nursery's list has. Two wakers with one address and one table are alike while
    /// one of them lives, as the listed one does.
    waker: (usize, usize),
    /// The place in the nursery's list, from the first pending poll on.
    key: u32,
    /// Whether the list knows `root`.
    is_root_listed: bool,
}

const UNLISTED: u32 = u32::MAX;

// A child adds this much to the loop's own task, and the discriminant of its future's option.
const _: () = assert!(mem::size_of::<Header>() <= 64);

impl<F> Child<F> {
    pub(crate) fn new(live: Live, info: ChildInfo, body: F) -> Self {
        Child::with_mover(live, info, body, ())
    }

    /// A task of the run's own, which has nothing of whoever happened to start it.
    pub(crate) fn of_run(live: Live, info: ChildInfo, body: F) -> Self {
        let mut child = Child::new(live, info, body);
        child.header.locals = None;
        child
    }
}

impl<F, M> Child<F, M> {
    pub(super) fn with_mover(live: Live, info: ChildInfo, body: F, mover: M) -> Self {
        let header = Header {
            live: Some(live),
            info,
            locals: locals::inherit(),
            root: OnceCell::new(),
            waker: (0, 0),
            key: UNLISTED,
            is_root_listed: false,
        };
        Child { body: Some(body), header, mover }
    }
}

impl<F, E, M> Future for Child<F, M>
where
    F: Future<Output = Result<(), E>>,
    E: Send + 'static,
    M: Move,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let header = this.header;
        let Some(body) = this.body.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        let live = header.live.as_ref().expect("a child with a body is in its nursery");
        let polled = locals::enter_spawned(&mut header.locals, || {
            context::enter_task(live, &header.root, || {
                catch_unwind(AssertUnwindSafe(|| body.poll(cx)))
            })
        });
        this.mover.after_poll(header);
        let failed = match polled {
            Ok(Poll::Pending) => {
                header.park(cx.waker());
                if !header.is_due() {
                    return Poll::Pending;
                }
                this.mover.end();
                header.end(this.body, true);
                return Poll::Ready(());
            }
            Ok(Poll::Ready(Ok(()))) => None,
            Ok(Poll::Ready(Err(error))) => Some(Failed::Error(Box::new(error))),
            Err(payload) => Some(Failed::Panic(payload)),
        };
        if let Some(failed) = failed {
            header.fail(failed);
        }
        this.mover.end();
        header.end(this.body, false);
        Poll::Ready(())
    }
}

impl Header {
    pub(super) fn nursery(&self) -> &Live {
        self.live.as_ref().expect("a child asks for its nursery only before it has left it")
    }

    /// Leaves the nursery for another, which has a place for it.
    pub(super) fn move_to(&mut self, live: Live) {
        if self.key != UNLISTED {
            self.nursery().part().unlink(self.key);
            self.key = UNLISTED;
        }
        if let Some(root) = self.root.get() {
            root.attach(&live);
        }
        // Last: the old nursery may end from here on.
        self.live = Some(live);
    }

    fn fail(&self, failed: Failed) {
        self.nursery().child_failed(&self.info, failed);
    }

    /// Publishes the waker to those who cancel (N4).
    fn park(&mut self, waker: &Waker) {
        let id = (waker.data() as usize, std::ptr::from_ref(waker.vtable()) as usize);
        if let Some(root) = self.root.get() {
            root.park(waker);
        }
        let is_root_listed = self.root.get().is_some();
        if self.key != UNLISTED && self.waker == id && self.is_root_listed == is_root_listed {
            return;
        }
        let entry = TaskEntry {
            waker: waker.clone(),
            info: self.info.clone(),
            root: self.root.get().cloned(),
        };
        let part = self.nursery().part();
        if self.key == UNLISTED {
            self.key = part.link(entry);
        } else {
            part.relink(self.key, entry);
        }
        self.waker = id;
        self.is_root_listed = is_root_listed;
    }

    /// Whether the body, which has just returned pending, is to be dropped (R1).
    fn is_due(&self) -> bool {
        self.nursery().is_due() && !self.root.get().is_some_and(|root| root.is_held())
    }

    /// Drops the body and leaves the nursery. `interrupted` says that the body had not ended.
    fn end<F>(&mut self, mut body: Pin<&mut Option<F>>, interrupted: bool) {
        let live = self.live.take().expect("a child leaves its nursery once");
        let dropped = if mem::needs_drop::<F>() {
            locals::enter_spawned(&mut self.locals, || {
                context::enter_task(&live, &self.root, || {
                    catch_unwind(AssertUnwindSafe(|| body.set(None)))
                })
            })
        } else {
            // Nothing of the user's runs.
            body.set(None);
            Ok(())
        };
        // With the last of what it had (C1): destructors of users, too.
        let bound = self.locals.take();
        let dropped = dropped.and_then(|()| {
            if bound.is_none() { Ok(()) } else { catch_unwind(AssertUnwindSafe(|| drop(bound))) }
        });
        if let Err(payload) = dropped {
            live.child_failed(&self.info, Failed::Panic(payload));
        }
        if interrupted {
            live.part().set_interrupted();
        }
        if let Some(root) = self.root.take() {
            root.forsake();
            root.detach();
        }
        if self.key != UNLISTED {
            live.part().unlink(self.key);
            self.key = UNLISTED;
        }
    }
}
