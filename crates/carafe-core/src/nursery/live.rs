//! One unit of a nursery's live count, and what it keeps alive.
//!
//! A nursery counts what it waits for in one word: children, children adopted from elsewhere,
//! closures on threads. The lowest bit says that it is closed. One word, or a spawn from another
//! thread would slip in between "nobody is left" and "closed".
//!
//! # Safety
//!
//! A [`Live`] leads to its nursery without a reference count of its own, so that a child costs two
//! atomic operations and not four.
//!
//! L1. Whoever raises the count from 0 to 1 leaks one strong reference to the node; whoever lowers it
//!     from 1 to 0 takes one back. So while the count is above 0, at least one strong reference
//!     belongs to the count.
//! L2. A `Live` exists only between its own raise and its own lowering; so its pointer is valid, by
//!     L1.
//! L3. The one who takes the strong reference back uses the node through that, not through the
//!     `Live`.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::sync::Arc;

use crate::atomics::{AtomicUsize, Ordering};
use crate::cancel::node::Node;

const CLOSED: usize = 1;
const ONE: usize = 2;

/// How many a nursery waits for, and whether it is closed.
#[derive(Default, Debug)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) fn live(&self) -> usize {
        self.0.load(Ordering::Acquire) / ONE
    }

    /// Closes if nobody is left; says whether it is closed now.
    pub(crate) fn try_close(&self) -> bool {
        match self.0.compare_exchange(0, CLOSED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(word) => word & CLOSED != 0,
        }
    }
}

/// One unit of a nursery's live count.
pub(crate) struct Live {
    /// Borrowed from the strong reference of L1: never dropped here.
    nursery: ManuallyDrop<Arc<Node>>,
}

impl Live {
    /// Adds one to the count of `nursery`, unless that is closed.
    pub(crate) fn new(nursery: &Arc<Node>) -> Option<Live> {
        let count = &nursery.part().count.0;
        let before = count.fetch_add(ONE, Ordering::Relaxed);
        if before & CLOSED != 0 {
            // Nobody waits for a closed count, so nobody has seen this.
            count.fetch_sub(ONE, Ordering::Relaxed);
            return None;
        }
        if before < ONE {
            // L1: this reference now belongs to the count.
            std::mem::forget(nursery.clone());
        }
        // SAFETY: `nursery` is a valid reference now, and the copy is used only while this `Live`
        // exists (L2); `ManuallyDrop` keeps it from giving back a reference that it does not own.
        let nursery = unsafe { std::ptr::read(nursery) };
        Some(Live { nursery: ManuallyDrop::new(nursery) })
    }
}

impl Deref for Live {
    type Target = Arc<Node>;

    fn deref(&self) -> &Arc<Node> {
        &self.nursery
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Release: what this child did is seen by whoever finds the count at 0.
        let before = self.nursery.part().count.0.fetch_sub(ONE, Ordering::AcqRel);
        if before / ONE == 1 {
            // SAFETY: this lowered the count from 1 to 0, so one strong reference of L1 is ours to
            // take; from here on the node is used through it alone (L3).
            let nursery = unsafe { ManuallyDrop::take(&mut self.nursery) };
            nursery.idle();
        }
    }
}
