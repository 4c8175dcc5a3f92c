//! Those who wait, in order of arrival.
//!
//! What channels and limiters keep for each waiter stays at one place, under a key, until the waiter
//! takes it out: also after it has left the queue because it was served. Joining, leaving and being
//! served cost the same however many wait, so that a crowd can be cancelled at once.

use std::task::Waker;

use slab::Slab;

/// A queue of waiters, each with a `T`.
pub(crate) struct WaitList<T> {
    waiters: Slab<Waiter<T>>,
    first: usize,
    last: usize,
    queued: usize,
}

struct Waiter<T> {
    value: T,
    /// Its neighbours in the queue; [`NOBODY`] at the ends.
    before: usize,
    after: usize,
    is_queued: bool,
}

const NOBODY: usize = usize::MAX;

impl<T> WaitList<T> {
    pub(crate) const fn new() -> Self {
        WaitList { waiters: Slab::new(), first: NOBODY, last: NOBODY, queued: 0 }
    }

    /// How many are queued.
    pub(crate) fn len(&self) -> usize {
        self.queued
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queued == 0
    }

    /// Adds a waiter behind all others.
    pub(crate) fn push_back(&mut self, value: T) -> usize {
        let waiter = Waiter { value, before: self.last, after: NOBODY, is_queued: true };
        let key = self.waiters.insert(waiter);
        match self.last {
            NOBODY => self.first = key,
            last => self.waiters[last].after = key,
        }
        self.last = key;
        self.queued += 1;
        key
    }

    /// The one who waits longest.
    pub(crate) fn front_mut(&mut self) -> Option<&mut T> {
        let waiter = self.waiters.get_mut(self.first)?;
        Some(&mut waiter.value)
    }

    /// Takes the one who waits longest out of the queue; it is still to be found by its key.
    pub(crate) fn serve_front(&mut self) -> Option<&mut T> {
        let key = self.first;
        if key == NOBODY {
            return None;
        }
        self.unlink(key);
        Some(&mut self.waiters[key].value)
    }

    /// What there is of a waiter, queued or served.
    pub(crate) fn find(&mut self, key: usize) -> &mut T {
        &mut self.waiters[key].value
    }

    /// Takes a waiter out for good.
    pub(crate) fn remove(&mut self, key: usize) -> T {
        self.unlink(key);
        self.waiters.remove(key).value
    }

    fn unlink(&mut self, key: usize) {
        let Waiter { before, after, ref mut is_queued, .. } = self.waiters[key];
        if !std::mem::take(is_queued) {
            return;
        }
        self.queued -= 1;
        match before {
            NOBODY => self.first = after,
            before => self.waiters[before].after = after,
        }
        match after {
            NOBODY => self.last = before,
            after => self.waiters[after].before = before,
        }
    }
}

/// Makes `waker` wake what `of_poll` does. Gives back what it replaces, to be dropped where no lock is
/// held.
pub(crate) fn refresh(waker: &mut Waker, of_poll: &Waker) -> Option<Waker> {
    if waker.will_wake(of_poll) {
        return None;
    }
    Some(std::mem::replace(waker, of_poll.clone()))
}

/// Those to wake once the lock is free again: one for most callers, which needs no memory.
#[must_use = "whoever was served has to be woken"]
#[derive(Default)]
pub(crate) struct WakeLater {
    first: Option<Waker>,
    rest: Vec<Waker>,
}

impl WakeLater {
    pub(crate) const fn new() -> Self {
        WakeLater { first: None, rest: Vec::new() }
    }

    pub(crate) fn push(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.rest.push(waker),
        }
    }

    /// Wakes all of them, in the order in which they were served.
    pub(crate) fn wake(self) {
        self.first.into_iter().chain(self.rest).for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::WaitList;

    fn serve_all(mut list: WaitList<u32>) -> Vec<u32> {
        std::iter::from_fn(|| list.serve_front().copied()).collect()
    }

    #[test]
    fn the_first_to_come_is_the_first_to_be_served() {
        let mut list = WaitList::new();
        for value in 0..4 {
            list.push_back(value);
        }
        assert_eq!(serve_all(list), [0, 1, 2, 3]);
    }

    #[test]
    fn one_may_leave_from_any_place() {
        for gone in 0..4 {
            let mut list = WaitList::new();
            let keys: Vec<_> = (0..4).map(|value| list.push_back(value)).collect();
            assert_eq!(list.remove(keys[gone]), gone as u32);
            assert_eq!(list.len(), 3);
            list.push_back(4);
            let expected: Vec<_> = (0..5).filter(|value| *value != gone as u32).collect();
            assert_eq!(serve_all(list), expected);
        }
    }

    #[test]
    fn one_who_is_served_can_still_be_found() {
        let mut list = WaitList::new();
        let (first, second) = (list.push_back(1), list.push_back(2));
        *list.serve_front().unwrap() = 10;
        assert_eq!((list.len(), *list.find(first)), (1, 10));
        assert_eq!(list.remove(first), 10);
        assert_eq!(list.remove(second), 2);
        assert!(list.is_empty() && list.serve_front().is_none());
    }
}
