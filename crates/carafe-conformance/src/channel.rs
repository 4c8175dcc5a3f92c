//! Channels in memory: hand-over in order, and nothing lost.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use carafe_core::channel::{
    Broken, End, Statistics, TryRecvError, TrySendError, memory_channel, unbounded,
};
use carafe_core::testing::settle;
use carafe_core::{CancelScope, Nursery, checkpoint, nursery};
use futures_lite::StreamExt;
use futures_lite::future::poll_once;

use crate::Backend;
use crate::kit::{Log, Oops, forever};

/// M1: a channel that is full takes nothing, and one that is empty gives nothing; the item comes back.
pub fn a_full_channel_and_an_empty_one_say_so<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(2);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        sender.try_send(1).expect("there is room");
        sender.send(2).await.expect("there is room");
        assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
        assert_eq!(receiver.try_recv(), Ok(1));
        assert_eq!(receiver.recv().await, Ok(2));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    });
}

/// M1: what is buffered when the last sender closes is received before the end, which stays.
pub fn what_is_buffered_is_received_before_the_end<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(2);
        sender.send(1).await.expect("there is room");
        sender.send(2).await.expect("there is room");
        sender.close();
        assert_eq!((receiver.recv().await, receiver.recv().await), (Ok(1), Ok(2)));
        assert_eq!(receiver.recv().await, Err(End));
        assert_eq!(receiver.recv().await, Err(End));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::End));
    });
}

/// M2: without a buffer, a send ends when its item has found a receiver.
pub fn without_a_buffer_a_send_waits_for_its_receiver<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let (sender, receiver) = memory_channel(0);
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let log = noted.clone();
            n.spawn(async move {
                sender.send(1).await.map_err(|_| "the receiver is there")?;
                log.note("sent");
                Ok(())
            });
            settle(&rt).await;
            noted.note("receives");
            assert_eq!(receiver.recv().await, Ok(1));
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!(log.entries(), ["receives", "sent"]);
}

/// M2: the same the other way round: the receiver comes first.
pub fn without_a_buffer_a_receiver_waits_for_its_sender<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(0);
        let mut receiving = Box::pin(receiver.recv());
        assert!(poll_once(&mut receiving).await.is_none());
        assert_eq!(poll_once(sender.send(1)).await, Some(Ok(())));
        assert_eq!(poll_once(&mut receiving).await, Some(Ok(1)));
        assert_eq!(receiver.statistics().peak, 0);
    });
}

/// M2: without a buffer and without a partner, nothing goes at once; with one, it does.
pub fn without_a_buffer_it_takes_two<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(0);
        assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        let mut sending = Box::pin(sender.send(2));
        assert!(poll_once(&mut sending).await.is_none());
        assert_eq!(receiver.try_recv(), Ok(2));
        assert_eq!(poll_once(&mut sending).await, Some(Ok(())));
    });
}

/// M3: when the last receiver closes, those who send get their items back, now and later.
pub fn a_sender_gets_its_item_back_when_nobody_receives<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(0);
        let another = receiver.clone();
        let mut sending = Box::pin(sender.send(1));
        let mut reserving = Box::pin(sender.reserve());
        assert!(poll_once(&mut sending).await.is_none());
        assert!(poll_once(&mut reserving).await.is_none());
        receiver.close();
        assert!(poll_once(&mut sending).await.is_none(), "there is another receiver");
        another.close();
        assert_eq!(sending.await, Err(Broken(1)));
        assert!(reserving.await.is_err());
        assert_eq!(sender.send(2).await, Err(Broken(2)));
        assert_eq!(sender.try_send(3), Err(TrySendError::Broken(3)));
        assert!(sender.reserve().await.is_err());
    });
}

/// M3: the last receiver takes what is buffered with it, and a permit that is late gives the item back.
pub fn the_last_receiver_drops_what_is_buffered<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |_| {
        let (sender, receiver) = memory_channel(2);
        sender.send(noted.on_drop("buffered")).await.expect("there is room");
        let permit = sender.reserve().await.expect("there is room");
        receiver.close();
        noted.note("closed");
        let back = permit.send(noted.on_drop("late")).expect_err("nobody receives");
        noted.note("came back");
        drop(back);
    });
    assert_eq!(log.entries(), ["buffered", "closed", "came back", "late"]);
}

/// M3: when the last sender closes, those who wait for an item hear of the end.
pub fn a_receiver_that_waits_hears_of_the_end<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let (sender, receiver) = memory_channel::<u8>(1);
        let another = sender.clone();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            n.spawn(async move {
                assert_eq!(receiver.recv().await, Err(End));
                Ok(())
            });
            settle(&rt).await;
            sender.close();
            settle(&rt).await;
            assert_eq!(another.statistics().waiting_recv, 1);
            another.close();
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
}

fn counts(of: Statistics) -> [usize; 6] {
    [of.buffered, of.peak, of.senders, of.receivers, of.waiting_send, of.waiting_recv]
}

/// M5: the counts of open ends, of those who wait, of the buffer and of its peak are exact.
pub fn the_counts_are_exact<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(2);
        assert_eq!(counts(sender.statistics()), [0, 0, 1, 1, 0, 0]);
        assert_eq!(sender.statistics().capacity, 2);
        let another = sender.clone();
        sender.try_send(1).expect("there is room");
        sender.try_send(2).expect("there is room");
        assert_eq!(counts(receiver.statistics()), [2, 2, 2, 1, 0, 0]);
        let mut third = Box::pin(sender.send(3));
        let mut fourth = Box::pin(another.send(4));
        assert!(poll_once(&mut third).await.is_none());
        assert!(poll_once(&mut fourth).await.is_none());
        assert_eq!(counts(receiver.statistics()), [2, 2, 2, 1, 2, 0]);
        drop((third, fourth));
        another.close();
        assert_eq!(counts(receiver.statistics()), [2, 2, 1, 1, 0, 0]);
        let third = receiver.clone();
        assert_eq!((third.try_recv(), third.try_recv()), (Ok(1), Ok(2)));
        assert_eq!(counts(receiver.statistics()), [0, 2, 1, 2, 0, 0]);
        let mut receiving = Box::pin(third.recv());
        assert!(poll_once(&mut receiving).await.is_none());
        assert_eq!(counts(receiver.statistics()), [0, 2, 1, 2, 0, 1]);
        drop(receiving);
        third.close();
        assert_eq!(counts(receiver.statistics()), [0, 2, 1, 1, 0, 0]);
    });
}

/// M6: with many senders and receivers, each item is received once.
pub fn each_item_is_received_once<B: Backend>(backend: B) {
    for capacity in [0, 1, 3] {
        let received = Arc::new(Mutex::new(Vec::new()));
        let theirs = received.clone();
        backend.clone().run(async move |rt| {
            let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
                let (sender, receiver) = memory_channel(capacity);
                for first in 0..10 {
                    let sender = sender.clone();
                    n.spawn(async move {
                        for item in [first, first + 10, first + 20] {
                            sender.send(item).await.map_err(|_| "a receiver is there")?;
                        }
                        Ok(())
                    });
                }
                for _ in 0..3 {
                    let (receiver, received) = (receiver.clone(), theirs.clone());
                    n.spawn(async move {
                        while let Ok(item) = receiver.recv().await {
                            received.lock().expect("nobody panics").push(item);
                        }
                        Ok(())
                    });
                }
                Ok(())
            });
            ended.await.expect("nothing fails");
        });
        let mut received = received.lock().expect("nobody panics").clone();
        received.sort_unstable();
        assert_eq!(received, (0..30).collect::<Vec<_>>());
    }
}

/// M6: every receiver that waits gets its turn.
pub fn every_receiver_that_waits_gets_its_turn<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (sender, receiver) = memory_channel(1);
            for id in 0..5 {
                let (receiver, log) = (receiver.clone(), noted.clone());
                n.spawn(async move {
                    while receiver.recv().await.is_ok() {
                        log.note(id);
                    }
                    Ok(())
                });
            }
            settle(&rt).await;
            for item in 0..5 {
                sender.send(item).await.map_err(|_| "the receivers are there")?;
            }
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    let turns: BTreeSet<_> = log.entries().into_iter().collect();
    assert_eq!(turns.len(), 5, "{:?}", log.entries());
}

/// M7: a receiver that waits owns the next item: nobody overtakes it.
pub fn a_receiver_that_waits_owns_the_next_item<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(1);
        let mut first = Box::pin(receiver.recv());
        assert!(poll_once(&mut first).await.is_none());
        let mut second = Box::pin(receiver.recv());
        assert!(poll_once(&mut second).await.is_none());
        sender.try_send(1).expect("somebody waits");
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        assert!(poll_once(&mut second).await.is_none());
        assert_eq!(poll_once(&mut first).await, Some(Ok(1)));
        sender.try_send(2).expect("somebody waits");
        assert_eq!(poll_once(&mut second).await, Some(Ok(2)));
    });
}

/// M7: a sender that waits owns the next slot: nobody overtakes it.
pub fn a_sender_that_waits_owns_the_next_slot<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(1);
        sender.try_send(1).expect("there is room");
        let mut second = Box::pin(sender.send(2));
        assert!(poll_once(&mut second).await.is_none());
        let mut third = Box::pin(sender.send(3));
        assert!(poll_once(&mut third).await.is_none());
        assert_eq!(receiver.try_recv(), Ok(1));
        assert_eq!(sender.try_send(4), Err(TrySendError::Full(4)));
        assert!(poll_once(&mut third).await.is_none());
        assert_eq!(poll_once(&mut second).await, Some(Ok(())));
        assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(2), Ok(3)));
        assert_eq!(poll_once(&mut third).await, Some(Ok(())));
    });
}

/// M9: a cancelled send leaves the queue; its item is dropped once and never received.
pub fn a_cancelled_send_drops_its_item_once<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let (sender, receiver) = memory_channel(0);
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for _ in 0..2 {
                let (sender, item) = (sender.clone(), noted.on_drop("item"));
                n.spawn(async move { sender.send(item).await.map_err(|_| "a receiver is there") });
            }
            settle(&rt).await;
            assert_eq!(receiver.statistics().waiting_send, 2);
            n.cancel();
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert_eq!(receiver.statistics().waiting_send, 0);
        assert_eq!(receiver.try_recv().err(), Some(TryRecvError::Empty));
    });
    assert_eq!(log.count("item"), 2);
}

/// M9: who reserves a slot before the item is made loses no item; the slot goes on to the next.
pub fn a_slot_that_is_given_up_goes_to_the_next<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(1);
        let permit = sender.reserve().await.expect("there is room");
        assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
        assert!(matches!(sender.try_reserve(), Err(TrySendError::Full(()))));
        let mut first = Box::pin(sender.reserve());
        assert!(poll_once(&mut first).await.is_none());
        let mut second = Box::pin(sender.send(2));
        assert!(poll_once(&mut second).await.is_none());
        drop(permit);
        // It is the first one's by now.
        assert!(poll_once(&mut second).await.is_none());
        drop(first);
        assert_eq!(poll_once(&mut second).await, Some(Ok(())));
        assert_eq!(receiver.recv().await, Ok(2));
    });
}

/// M9: without a buffer, a slot is a receiver that waits, and nobody else gets it.
pub fn without_a_buffer_a_slot_is_a_receiver_that_waits<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(0);
        let mut reserving = Box::pin(sender.reserve());
        assert!(poll_once(&mut reserving).await.is_none());
        let mut receiving = Box::pin(receiver.recv());
        assert!(poll_once(&mut receiving).await.is_none());
        let permit = poll_once(&mut reserving).await.expect("a receiver is there").expect("it is");
        assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
        // A sender that comes now waits for another receiver, and that one for its turn: the item is
        // the one's who came first.
        let mut sending = Box::pin(sender.send(3));
        assert!(poll_once(&mut sending).await.is_none());
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        let mut another = Box::pin(receiver.recv());
        assert!(poll_once(&mut another).await.is_none());
        assert_eq!(poll_once(&mut receiving).await, Some(Ok(3)));
        permit.send(2).expect("the receiver is there");
        assert_eq!(poll_once(&mut another).await, Some(Ok(2)));
    });
}

/// M10: an unbounded channel takes everything, in order.
pub fn an_unbounded_channel_takes_everything<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = unbounded();
        for item in 0..1000 {
            sender.try_send(item).expect("there is always room");
        }
        for item in 0..1000 {
            assert_eq!(receiver.recv().await, Ok(item));
        }
        assert_eq!(receiver.statistics().peak, 1000);
    });
}

/// C15: an item that was handed over wins over a cancellation before the receiver is polled.
pub fn an_item_handed_over_wins_over_a_cancellation<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(1);
        let scope = CancelScope::new();
        let mut received = None;
        let mut waiting = Box::pin(scope.run(async {
            received = Some(receiver.recv().await);
            forever::<()>().await;
        }));
        assert!(poll_once(&mut waiting).await.is_none());
        sender.try_send(1).expect("somebody waits");
        scope.cancel();
        assert!(waiting.await.is_err());
        assert_eq!(received, Some(Ok(1)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    });
}

/// C15: the same between tasks, also for a send: nothing is lost, nothing comes twice.
pub fn what_was_handed_over_between_tasks_is_there<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let (sender, receiver) = memory_channel(0);
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let scope = CancelScope::new();
            let theirs = scope.clone();
            n.spawn(async move {
                let mut sent = Err(());
                let ended = theirs.run(async {
                    sent = sender.send(1).await.map_err(drop);
                    forever::<()>().await;
                });
                assert!(ended.await.is_err());
                sent.map_err(|()| "what was received was not sent")
            });
            settle(&rt).await;
            assert_eq!(receiver.try_recv(), Ok(1));
            scope.cancel();
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
}

/// C16: whoever is cancelled while it waits leaves nothing behind, and the next operation works.
pub fn a_cancelled_waiter_leaves_nothing_behind<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let (sender, receiver) = memory_channel(0);
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for _ in 0..3 {
                let sender = sender.clone();
                n.spawn(async move { sender.send(1).await.map_err(|_| "a receiver is there") });
            }
            settle(&rt).await;
            n.cancel();
            Ok(())
        });
        ended.await.expect("nothing fails");
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for _ in 0..3 {
                let receiver = receiver.clone();
                n.spawn(
                    async move { receiver.recv().await.map(drop).map_err(|_| "a sender is there") },
                );
            }
            settle(&rt).await;
            assert_eq!(receiver.statistics().waiting_recv, 3);
            n.cancel();
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert_eq!(counts(receiver.statistics()), [0, 0, 1, 1, 0, 0]);
        let mut receiving = Box::pin(receiver.recv());
        assert!(poll_once(&mut receiving).await.is_none());
        sender.try_send(2).expect("somebody waits");
        assert_eq!(receiving.await, Ok(2));
    });
}

/// M11: an item that was handed to a receiver which is dropped goes to the next who waits.
pub fn an_item_that_is_not_taken_goes_to_the_next<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(1);
        let mut first = Box::pin(receiver.recv());
        assert!(poll_once(&mut first).await.is_none());
        let mut second = Box::pin(receiver.recv());
        assert!(poll_once(&mut second).await.is_none());
        sender.try_send(1).expect("somebody waits");
        drop(first);
        assert_eq!(poll_once(&mut second).await, Some(Ok(1)));
    });
}

/// M11: and back to the front of the channel where nobody waits, before what was sent later; the end
/// waits for it.
pub fn an_item_that_is_not_taken_goes_back_to_the_front<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(1);
        let mut receiving = Box::pin(receiver.recv());
        assert!(poll_once(&mut receiving).await.is_none());
        sender.try_send(1).expect("somebody waits");
        sender.try_send(2).expect("there is room");
        sender.close();
        drop(receiving);
        assert_eq!((receiver.recv().await, receiver.recv().await), (Ok(1), Ok(2)));
        assert_eq!(receiver.recv().await, Err(End));
    });
}

/// M11: a receiver hears of the end only when nothing can come back any more.
pub fn the_end_waits_for_what_may_come_back<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(1);
        let mut first = Box::pin(receiver.recv());
        assert!(poll_once(&mut first).await.is_none());
        sender.try_send(1).expect("somebody waits");
        sender.close();
        let mut second = Box::pin(receiver.recv());
        assert!(poll_once(&mut second).await.is_none());
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        drop(first);
        assert_eq!(poll_once(&mut second).await, Some(Ok(1)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::End));
    });
}

/// M11: a stream of items that is dropped gives back what it was handed.
pub fn a_dropped_stream_gives_its_item_back<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = memory_channel(1);
        let mut items = receiver.clone().into_items();
        sender.try_send(1).expect("there is room");
        assert_eq!(items.next().await, Some(1));
        assert!(poll_once(items.next()).await.is_none());
        sender.try_send(2).expect("somebody waits");
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        drop(items);
        assert_eq!(receiver.try_recv(), Ok(2));
        sender.close();
        assert_eq!(receiver.into_items().next().await, None);
    });
}

/// Numbers from a seed, by a linear congruence: the upper bits are random enough to draw from.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % bound
    }
}

/// M11, K9: whatever is dropped at whichever poll, what was sent is received once.
pub fn nothing_is_lost_by_dropping_at_any_poll<B: Backend>(backend: B) {
    backend.run(async |_| {
        for seed in 0..300 {
            drop_at_random(Draw(seed), seed as usize % 3).await;
            // A new poll, and a new budget.
            checkpoint().await;
        }
    });
}

/// Sends, receives and reserves, polls and drops in an order that is drawn.
async fn drop_at_random(mut draw: Draw, capacity: usize) {
    let (sender, receiver) = memory_channel(capacity);
    let dropped = Log::new();
    let (mut created, mut sent, mut received) = (0, BTreeSet::new(), BTreeSet::new());
    let (mut sending, mut receiving, mut reserving) = (Vec::new(), Vec::new(), Vec::new());
    let mut is_received = |(id, _): (u32, _)| assert!(received.insert(id), "{id} came twice");
    for _ in 0..60 {
        match draw.below(9) {
            0 | 1 => {
                let item = (created, dropped.on_drop(created));
                sending.push((created, Box::pin(sender.send(item))));
                created += 1;
            }
            2 | 3 => receiving.push(Box::pin(receiver.recv())),
            4 => reserving.push(Box::pin(sender.reserve())),
            5 if !sending.is_empty() => {
                let one = draw.below(sending.len());
                let is_dropped = draw.below(4) == 0;
                if !is_dropped && poll_once(&mut sending[one].1).await.is_none() {
                    continue;
                }
                let (id, _future) = sending.swap_remove(one);
                if !is_dropped {
                    sent.insert(id);
                }
            }
            6 | 7 if !receiving.is_empty() => {
                let one = draw.below(receiving.len());
                let is_dropped = draw.below(3) == 0;
                if !is_dropped {
                    let Some(item) = poll_once(&mut receiving[one]).await else { continue };
                    is_received(item.expect("the sender is open"));
                }
                drop(receiving.swap_remove(one));
            }
            8 if !reserving.is_empty() => {
                let one = draw.below(reserving.len());
                let is_dropped = draw.below(3) == 0;
                if !is_dropped {
                    let Some(permit) = poll_once(&mut reserving[one]).await else { continue };
                    let permit = permit.expect("the receiver is open");
                    if draw.below(3) > 0 {
                        permit.send((created, dropped.on_drop(created))).expect("it is open");
                        sent.insert(created);
                        created += 1;
                    }
                }
                drop(reserving.swap_remove(one));
            }
            _ => {}
        }
        // Somebody may have been lost: then both wait though they could meet.
        let now = receiver.statistics();
        assert!(now.waiting_recv == 0 || now.buffered == 0, "{now:?}");
    }
    drop((sending, receiving, reserving));
    while let Ok(item) = receiver.try_recv() {
        is_received(item);
    }
    assert_eq!(counts(receiver.statistics())[4..], [0, 0]);
    assert!(sent.is_subset(&received), "sent {sent:?}, received {received:?}");
    assert_eq!(sender.statistics().buffered, 0);
    let all: BTreeSet<_> = dropped.entries().into_iter().collect();
    assert_eq!((all.len(), dropped.entries().len()), (created as usize, created as usize));
    // All the room is there again.
    let free = std::iter::repeat_with(|| sender.try_reserve()).take_while(Result::is_ok);
    assert_eq!(free.take(9).collect::<Vec<_>>().len(), capacity);
}

/// C28: a loop of operations that are always ready is interrupted within one budget.
pub fn a_loop_that_is_always_ready_is_interrupted<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            n.spawn(async {
                let (sender, receiver) = unbounded();
                for item in 0..1000 {
                    sender.try_send(item).expect("there is always room");
                }
                let scope = CancelScope::new();
                scope.cancel();
                let mut rounds = 0;
                let ended = scope.run(async {
                    while receiver.recv().await.is_ok() {
                        rounds += 1;
                    }
                });
                assert!(ended.await.is_err());
                assert_eq!(rounds, 128);
                Ok(())
            });
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
}

/// C28: sending has the same budget, and each poll a new one, so nothing else becomes of such a loop.
pub fn each_poll_has_a_budget_of_its_own<B: Backend>(backend: B) {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::kit::Counted;

    backend.run(async |_| {
        let (sender, receiver) = unbounded();
        let polls = Arc::new(AtomicUsize::new(0));
        checkpoint().await;
        let sends = async {
            for item in 0..1000 {
                sender.send(item).await.expect("there is always room");
            }
        };
        Counted::new(sends, &polls).await;
        assert_eq!(polls.load(Ordering::Relaxed), 8);
        assert_eq!(receiver.statistics().buffered, 1000);
    });
}
