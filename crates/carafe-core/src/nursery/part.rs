//! What a node of the scope tree has when it stands for a nursery.
//!
//! - *open*: its future runs, or waits for the children. Children may be added.
//! - *abandoned*: foreign code dropped its future while children lived. They are cancelled, and
//!   counted to the adopter, by one [`Live`] of that.
//! - *closed*: nobody is left and nobody may be added. Set by whoever waited, or by the last child of
//!   an abandoned one.

use std::any::Any;
use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use slab::Slab;

use super::errors::Failed;
use super::live::{Count, Live};
use crate::atomics::{Mutex, MutexGuard};
use crate::cancel::Cause;
use crate::cancel::node::{Kind, Node};
use crate::limiter::Limiter;

/// Hears of the failures of a supervised nursery's children.
pub(crate) type Hook = Box<dyn Fn(&ChildInfo, Failed) + Send + Sync>;

/// A name that many share: nobody's most of the time.
pub(crate) type Name = Option<Arc<Cow<'static, str>>>;

/// See the [module's page](self).
pub(crate) struct NurseryPart {
    pub(crate) count: Count,
    pub(crate) info: ChildInfo,
    /// Where failures go instead of cancelling the siblings.
    hook: Option<Hook>,
    /// Who lets the children run, so many at a time.
    pub(crate) limiter: Option<Limiter>,
    inner: Mutex<Inner>,
}

struct Inner {
    /// The children that have suspended at least once, to wake and to list.
    tasks: Slab<TaskEntry>,
    failures: Vec<Failed>,
    /// Whether a cancellation has dropped a child before its end.
    interrupted: bool,
    /// Whether the body has ended or was dropped.
    body_gone: bool,
    /// The nearest nursery around this one, who adopts its children.
    adopter: Option<Arc<Node>>,
    /// This nursery's place in the adopter's count, once it was abandoned.
    adopted: Option<Live>,
}

/// A kept handle keeps its nursery, and that the one around it: a chain as long as tasks are nested.
impl Drop for NurseryPart {
    fn drop(&mut self) {
        let mut next = self.lock().adopter.take();
        // One by one, for each drop inside the other would fill the stack.
        while let Some(nursery) = next.and_then(Arc::into_inner) {
            next = nursery.part.as_ref().and_then(|part| part.lock().adopter.take());
        }
    }
}

/// A child that has suspended.
pub(crate) struct TaskEntry {
    pub(crate) waker: Waker,
    pub(crate) info: ChildInfo,
    /// The child's own node, if it has one.
    pub(crate) root: Option<Arc<Node>>,
}

/// What is known of a child besides its future.
#[derive(Clone, Debug)]
pub struct ChildInfo {
    pub(crate) name: Name,
    pub(crate) location: &'static Location<'static>,
}

impl ChildInfo {
    /// The name that the spawner gave it.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref().map(|name| &**name)
    }

    /// Where it was spawned.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl std::fmt::Display for ChildInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(name) = self.name() {
            write!(f, "`{name}` ")?;
        }
        write!(f, "({}:{})", self.location.file(), self.location.line())
    }
}

impl NurseryPart {
    pub(crate) fn new(info: ChildInfo, hook: Option<Hook>) -> Self {
        let inner = Inner {
            tasks: Slab::new(),
            failures: Vec::new(),
            interrupted: false,
            body_gone: false,
            adopter: None,
            adopted: None,
        };
        NurseryPart { count: Count::default(), info, hook, limiter: None, inner: Mutex::new(inner) }
    }

    /// The same, whose children wait for tokens of `limiter`.
    pub(crate) fn limited(mut self, limiter: Option<Limiter>) -> Self {
        self.limiter = limiter;
        self
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics under a nursery's lock")
    }

    pub(crate) fn wakers_into(&self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.lock().tasks.iter().map(|(_, task)| task.waker.clone()));
    }

    /// Lists a child that suspends for the first time, and says where.
    pub(crate) fn link(&self, task: TaskEntry) -> u32 {
        let key = self.lock().tasks.insert(task);
        u32::try_from(key).expect("fewer than 2^32 children are alive")
    }

    /// Replaces the entry of a child that suspends again.
    pub(crate) fn relink(&self, key: u32, task: TaskEntry) {
        let old = std::mem::replace(&mut self.lock().tasks[key as usize], task);
        drop(old);
    }

    pub(crate) fn unlink(&self, key: u32) {
        let old = self.lock().tasks.remove(key as usize);
        drop(old);
    }

    /// The listed children: what they are and their own nodes.
    pub(crate) fn tasks(&self) -> Vec<(ChildInfo, Option<Arc<Node>>)> {
        let inner = self.lock();
        inner.tasks.iter().map(|(_, task)| (task.info.clone(), task.root.clone())).collect()
    }

    pub(crate) fn set_interrupted(&self) {
        self.lock().interrupted = true;
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.lock().interrupted
    }

    pub(crate) fn set_body_gone(&self) {
        self.lock().body_gone = true;
    }

    pub(crate) fn set_adopter(&self, adopter: Arc<Node>) {
        let old = self.lock().adopter.replace(adopter);
        drop(old);
    }

    /// Whether failures go to a supervisor.
    pub(crate) fn is_supervised(&self) -> bool {
        self.hook.is_some()
    }

    pub(crate) fn take_failures(&self) -> Vec<Failed> {
        std::mem::take(&mut self.lock().failures)
    }
}

/// What happens to the node of a nursery.
impl Node {
    /// The nursery's part.
    pub(crate) fn part(&self) -> &NurseryPart {
        self.part.as_ref().expect("only a nursery's node is asked for its part")
    }

    /// A child has failed: a supervisor hears of it, another nursery keeps it and cancels the rest.
    pub(crate) fn child_failed(self: &Arc<Self>, child: &ChildInfo, failed: Failed) {
        match &self.part().hook {
            Some(hook) => hook(child, failed),
            None => self.fail(failed),
        }
    }

    /// Keeps the failure of the body or a child, and cancels the nursery.
    pub(crate) fn fail(self: &Arc<Self>, failed: Failed) {
        self.part().lock().failures.push(failed);
        self.cancel(Cause::Sibling);
    }

    /// Nobody is left. Called by the one who has brought the count to 0.
    pub(crate) fn idle(self: &Arc<Self>) {
        let part = self.part();
        let (adopted, gone, failures) = {
            let mut inner = part.lock();
            // While an abandoned nursery can still be closed nobody new is in it; else that one's
            // end calls this again.
            if inner.adopted.is_some() && part.count.try_close() {
                (inner.adopted.take(), true, std::mem::take(&mut inner.failures))
            } else {
                (None, inner.body_gone, Vec::new())
            }
        };
        if let Some(adopter) = adopted {
            // Its future may live on in another task.
            self.wake();
            self.detach();
            adopter.report_orphans(failures);
            return;
        }
        if gone {
            // Unless somebody was added meanwhile.
            if self.is_effective() && part.count.live() == 0 {
                self.close();
            }
            self.wake();
        }
    }

    /// Foreign code has dropped the nursery's future, or leaked it and ended its task: what is left
    /// of the children is cancelled and counted to the nearest nursery around (R6).
    ///
    /// The bodies inside were dropped first, so nested nurseries have been adopted already.
    pub(crate) fn abandon(self: &Arc<Self>) {
        self.forsake();
        let part = self.part();
        let (is_empty, adopter, failures) = {
            let mut inner = part.lock();
            if inner.adopted.is_some() {
                return;
            }
            inner.body_gone = true;
            let is_empty = part.count.try_close();
            let failures = if is_empty { std::mem::take(&mut inner.failures) } else { Vec::new() };
            (is_empty, inner.adopter.clone(), failures)
        };
        if is_empty {
            self.detach();
            self.run.report_orphans(failures);
            return;
        }
        self.cancel(Cause::Dropped);
        self.close();
        if let Some(adopted) = self.find_adopter(adopter) {
            self.attach_abandoned(&adopted);
            part.lock().adopted = Some(adopted);
        }
        // The last child may have ended before `adopted` was set.
        if part.count.live() == 0 {
            self.idle();
        }
    }

    /// A place in the count of the nearest nursery that is still open.
    fn find_adopter(self: &Arc<Self>, first: Option<Arc<Node>>) -> Option<Live> {
        let mut next = first;
        while let Some(nursery) = next {
            if let Some(live) = Live::new(&nursery) {
                return Some(live);
            }
            next = nursery.part().lock().adopter.clone();
        }
        // The run's root takes everybody, and is not closed before its last adoptee has gone.
        self.run.root().and_then(|root| Live::new(&root))
    }

    /// Reports what children of an abandoned nursery, now gone, had to say: errors to the run's
    /// hook, a panic in this nursery, which has waited for them.
    fn report_orphans(self: &Arc<Self>, failures: Vec<Failed>) {
        let (panics, errors): (Vec<_>, Vec<_>) =
            failures.into_iter().partition(|failed| matches!(failed, Failed::Panic(_)));
        self.run.report_orphans(errors);
        for panic in panics {
            let info = self.part().info.clone();
            self.child_failed(&info, panic);
        }
    }

    /// The body of this task or nursery is gone, and what still hangs below it was leaked: nurseries
    /// are abandoned, the innermost first, and the rest is forgotten.
    pub(crate) fn forsake(self: &Arc<Self>) {
        let mut leaked = self.take_leaked();
        let mut next = 0;
        while next < leaked.len() {
            let below = leaked[next].take_leaked();
            leaked.extend(below);
            next += 1;
        }
        for node in leaked.into_iter().rev() {
            if node.is_nursery() {
                tracing::error!(
                    nursery = %node.part().info,
                    "a nursery's future was leaked; its children are cancelled"
                );
                node.abandon();
            }
        }
    }

    /// Whether a failure or a cancellation has cut something short here.
    pub(crate) fn was_interrupted(&self) -> bool {
        self.part().is_interrupted()
    }
}

/// Any error, on its way from a child to its nursery.
pub(crate) type AnyError = Box<dyn Any + Send>;

/// The nursery that adopts what is left behind in `around`.
pub(crate) fn nearest(around: &Arc<Node>) -> Option<Arc<Node>> {
    let mut node = around.clone();
    while node.kind() != Kind::Nursery {
        node = node.parent()?;
    }
    Some(node)
}
