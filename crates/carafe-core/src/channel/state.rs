//! What a channel's senders and receivers share, and how they meet.
//!
//! M1. Where a receiver waits, nothing is buffered.
//! M2. Where a sender waits, there is no room. There is as much room as the capacity, one more for
//!     each receiver who waits, and one less for each item buffered and each slot reserved.
//! M3. Where a receiver waits, the channel is not over.
//!
//! [`State::meet`] restores them after each change, under the same lock, and says whom to wake when
//! the lock is free.

use std::collections::VecDeque;
use std::mem;
use std::task::Waker;

use crate::wait_list::{WaitList, WakeLater};

pub(super) struct State<T> {
    pub(super) capacity: usize,
    /// More than `capacity` only where a receiver has given back what it was handed, or has left the
    /// sender whom it gave a slot.
    pub(super) buffer: VecDeque<T>,
    pub(super) peak: usize,
    /// The slots that belong to permits, also those handed to somebody who has not looked yet.
    pub(super) reserved: usize,
    /// The items that were handed to receivers who have not looked yet: they may come back, so the
    /// channel is not over.
    in_hand: usize,
    pub(super) senders: usize,
    pub(super) receivers: usize,
    pub(super) sending: WaitList<SendWait<T>>,
    pub(super) receiving: WaitList<RecvWait<T>>,
}

/// One who waits for room.
pub(super) enum SendWait<T> {
    /// With the item that is to be sent.
    Item(T, Waker),
    /// For a slot.
    Slot(Waker),
    /// The item is in the channel; the slot is reserved.
    Done,
    /// The last receiver was closed; here is the item back.
    Broken(Option<T>),
}

/// One who waits for an item.
pub(super) enum RecvWait<T> {
    Waiting(Waker),
    Handed(T),
    End,
}

impl<T> State<T> {
    pub(super) fn new(capacity: usize) -> Self {
        State {
            capacity,
            buffer: VecDeque::new(),
            peak: 0,
            reserved: 0,
            in_hand: 0,
            senders: 1,
            receivers: 1,
            sending: WaitList::new(),
            receiving: WaitList::new(),
        }
    }

    /// Whether an item or a permit would find a slot. By M2 nobody waits for it then.
    pub(super) fn has_room(&self) -> bool {
        self.capacity.saturating_add(self.receiving.len()) > self.buffer.len() + self.reserved
    }

    /// Whether there is nobody to receive.
    pub(super) fn is_broken(&self) -> bool {
        self.receivers == 0
    }

    /// Whether nothing will be received any more.
    pub(super) fn is_over(&self) -> bool {
        self.senders == 0 && self.buffer.is_empty() && self.in_hand == 0
    }

    /// Adds an item; the caller has seen that there is room for it.
    pub(super) fn put(&mut self, item: T) -> WakeLater {
        self.buffer.push_back(item);
        self.meet()
    }

    /// Adds an item to a slot that was reserved.
    pub(super) fn put_reserved(&mut self, item: T) -> WakeLater {
        self.reserved -= 1;
        self.put(item)
    }

    /// Gives up a slot that was reserved.
    pub(super) fn unreserve(&mut self) -> WakeLater {
        self.reserved -= 1;
        self.meet()
    }

    /// Takes an item for one who does not wait.
    pub(super) fn take(&mut self) -> Option<(T, WakeLater)> {
        if let Some(item) = self.buffer.pop_front() {
            return Some((item, self.meet()));
        }
        // Those who wait have come first.
        if !self.receiving.is_empty() {
            return None;
        }
        // Nothing is buffered, and yet a sender waits: from hand to hand.
        if !matches!(self.sending.front_mut(), Some(SendWait::Item(..))) {
            return None;
        }
        let sender = self.sending.serve_front()?;
        let SendWait::Item(item, waker) = mem::replace(sender, SendWait::Done) else {
            unreachable!("it was looked at just now");
        };
        let mut served = WakeLater::new();
        served.push(waker);
        Some((item, served))
    }

    /// The receiver at `key` has seen what it was handed.
    pub(super) fn taken(&mut self) -> WakeLater {
        self.in_hand -= 1;
        self.meet()
    }

    /// A receiver gives back what it was handed: it is the next one's, before all others.
    pub(super) fn give_back(&mut self, item: T) -> WakeLater {
        self.in_hand -= 1;
        self.buffer.push_front(item);
        self.meet()
    }

    pub(super) fn close_sender(&mut self) -> WakeLater {
        self.senders -= 1;
        self.meet()
    }

    /// Gives what nobody will receive, to be dropped where no lock is held.
    pub(super) fn close_receiver(&mut self) -> (VecDeque<T>, WakeLater) {
        self.receivers -= 1;
        let mut served = WakeLater::new();
        if self.receivers > 0 {
            return (VecDeque::new(), served);
        }
        while let Some(sender) = self.sending.serve_front() {
            match mem::replace(sender, SendWait::Broken(None)) {
                SendWait::Item(item, waker) => {
                    *sender = SendWait::Broken(Some(item));
                    served.push(waker);
                }
                SendWait::Slot(waker) => served.push(waker),
                SendWait::Done | SendWait::Broken(_) => unreachable!("it has left the queue"),
            }
        }
        (mem::take(&mut self.buffer), served)
    }

    /// Lets those who wait have what there is, in order of arrival (M1 to M3).
    pub(super) fn meet(&mut self) -> WakeLater {
        let mut served = WakeLater::new();
        loop {
            if !self.receiving.is_empty()
                && let Some(item) = self.buffer.pop_front()
            {
                self.in_hand += 1;
                served.push(self.serve_receiver(RecvWait::Handed(item)));
            } else if self.has_room()
                && let Some(sender) = self.sending.serve_front()
            {
                match mem::replace(sender, SendWait::Done) {
                    SendWait::Item(item, waker) => {
                        self.buffer.push_back(item);
                        served.push(waker);
                    }
                    SendWait::Slot(waker) => {
                        self.reserved += 1;
                        served.push(waker);
                    }
                    SendWait::Done | SendWait::Broken(_) => unreachable!("it has left the queue"),
                }
            } else {
                break;
            }
        }
        while self.is_over() && !self.receiving.is_empty() {
            served.push(self.serve_receiver(RecvWait::End));
        }
        self.peak = self.peak.max(self.buffer.len());
        served
    }

    /// Gives the receiver who waits longest its answer.
    fn serve_receiver(&mut self, answer: RecvWait<T>) -> Waker {
        let receiver = self.receiving.serve_front().expect("the caller has seen one");
        match mem::replace(receiver, answer) {
            RecvWait::Waiting(waker) => waker,
            RecvWait::Handed(_) | RecvWait::End => unreachable!("it has left the queue"),
        }
    }
}
