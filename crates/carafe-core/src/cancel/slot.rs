//! Where a boundary keeps its node: made, and hung into the tree, only when somebody needs it there.
//!
//! That is when the boundary first returns pending, or when something inside wants to hang itself
//! below it. A timeout around a future that is ready at once makes no node, and a request whose
//! handler is ready at once never touches its parent's lock. A node that somebody has a handle to is
//! there from the start, and hangs in the tree from the first poll on: its handle can be asked whether
//! it is cancelled.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use super::node::{Kind, Node};

#[derive(Debug)]
pub(crate) struct Slot {
    kind: Kind,
    /// How long the boundary may take, counted from the making of its node.
    limit: Option<Duration>,
    node: OnceCell<Arc<Node>>,
}

impl Slot {
    /// A slot whose node is made on demand.
    pub(crate) fn new(kind: Kind) -> Self {
        Slot { kind, limit: None, node: OnceCell::new() }
    }

    /// A slot over a node that somebody has a handle to.
    pub(crate) fn over(node: Arc<Node>) -> Self {
        let (kind, limit) = (node.kind(), None);
        Slot { kind, limit, node: OnceCell::from(node) }
    }

    pub(crate) fn set_limit(&mut self, limit: Duration) {
        self.limit = Some(limit);
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// The node, if there is one; it may hang nowhere yet.
    pub(crate) fn get(&self) -> Option<&Arc<Node>> {
        self.node.get()
    }

    /// Whether the node hangs somewhere.
    pub(crate) fn is_settled(&self) -> bool {
        self.node.get().is_some_and(|node| node.home() != 0)
    }

    /// Whether there is a node to be hung, or to be moved, at the beginning of a poll.
    pub(crate) fn is_there(&self) -> bool {
        self.node.get().is_some()
    }

    /// The node, hung below `around`: made if there is none, moved if it hung elsewhere.
    pub(crate) fn settle(&self, around: &Arc<Node>) -> &Arc<Node> {
        let node = self.node.get_or_init(|| {
            let node = Node::below(around, self.kind);
            if let Some(limit) = self.limit {
                node.set_deadline(node.run.now().checked_add(limit));
            }
            node
        });
        if node.home() != Arc::as_ptr(around) as usize {
            node.attach(around);
        }
        node
    }
}
