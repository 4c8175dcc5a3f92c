//! What tasks wait for each other with: mutexes, semaphores, events, barriers, and channels for values.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use carafe_core::channel::{Broken, End, TryRecvError};
use carafe_core::sync::{Barrier, Event, Mutex, Semaphore, broadcast, oneshot, watch};
use carafe_core::testing::settle;
use carafe_core::{CancelScope, Nursery, checkpoint, nursery};
use futures_lite::future::poll_once;

use crate::Backend;
use crate::kit::{Counted, Log, Oops, forever};

/// An event is heard by all who wait for it, and stays.
pub fn an_event_is_heard_by_all_and_stays<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let event = Arc::new(Event::new());
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for _ in 0..3 {
                let event = event.clone();
                n.spawn(async move {
                    event.wait().await;
                    Ok(())
                });
            }
            settle(&rt).await;
            assert_eq!((event.is_set(), n.live()), (false, 3));
            event.set();
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert!(event.is_set());
        assert!(poll_once(event.wait()).await.is_some());
    });
}

/// A mutex lets one in at a time, in order of arrival, and nobody overtakes.
pub fn a_mutex_is_handed_over_in_order<B: Backend>(backend: B) {
    backend.run(async |_| {
        let mutex = Mutex::new(0);
        let mut guard = mutex.lock().await;
        *guard += 1;
        let mut first = Box::pin(mutex.lock());
        assert!(poll_once(&mut first).await.is_none());
        let mut second = Box::pin(mutex.lock());
        assert!(poll_once(&mut second).await.is_none());
        drop(guard);
        assert!(mutex.try_lock().is_none(), "it is the first one's");
        assert!(poll_once(&mut second).await.is_none());
        let mut guard = poll_once(&mut first).await.expect("it is the first one's");
        *guard += 1;
        drop(guard);
        let guard = poll_once(&mut second).await.expect("it is the second one's");
        assert_eq!(*guard, 2);
    });
}

/// C16: a mutex that was handed to one who is dropped goes to the next, and is free in the end.
pub fn a_mutex_is_not_kept_by_one_who_is_dropped<B: Backend>(backend: B) {
    backend.run(async |_| {
        let mutex = Mutex::new(());
        let guard = mutex.lock().await;
        let mut first = Box::pin(mutex.lock());
        assert!(poll_once(&mut first).await.is_none());
        let mut second = Box::pin(mutex.lock());
        assert!(poll_once(&mut second).await.is_none());
        drop(guard);
        drop(first);
        assert!(poll_once(&mut second).await.is_some());
        assert_eq!(mutex.waiting(), 0);
        assert!(mutex.try_lock().is_some());
    });
}

/// A mutex keeps tasks apart that run at once.
pub fn a_mutex_keeps_tasks_apart<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let total = Arc::new(Mutex::new(0));
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for _ in 0..8 {
                let total = total.clone();
                n.spawn(async move {
                    for _ in 0..50 {
                        let mut total = total.lock().await;
                        let seen = *total;
                        checkpoint().await;
                        *total = seen + 1;
                    }
                    Ok(())
                });
            }
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert_eq!(*total.lock().await, 400);
    });
}

/// A semaphore gives as many permits as it has; they come back, are added and used up.
pub fn a_semaphore_gives_its_permits<B: Backend>(backend: B) {
    backend.run(async |_| {
        let semaphore = Semaphore::new(1);
        let permit = semaphore.acquire().await;
        let mut waiting = Box::pin(semaphore.acquire());
        assert!(poll_once(&mut waiting).await.is_none());
        drop(permit);
        let permit = poll_once(&mut waiting).await.expect("it came back");
        permit.forget();
        assert!(semaphore.try_acquire().is_none());
        semaphore.add_permits(1);
        assert!(semaphore.try_acquire().is_some());
    });
}

/// C16: who is woken for a permit and dropped wakes the next.
pub fn a_permit_that_is_not_taken_goes_to_the_next<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let semaphore = Arc::new(Semaphore::new(1));
        let permit = semaphore.acquire().await;
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let mut first = Box::pin(semaphore.acquire());
            assert!(poll_once(&mut first).await.is_none());
            let theirs = semaphore.clone();
            n.spawn(async move {
                let _permit = theirs.acquire().await;
                Ok(())
            });
            settle(&rt).await;
            drop(permit);
            drop(first);
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert!(semaphore.try_acquire().is_some());
    });
}

/// A barrier lets all pass when the last has come, tells one of them, and begins anew.
pub fn a_barrier_waits_for_all<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let barrier = Arc::new(Barrier::new(3));
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for _ in 0..2 {
                let (barrier, log) = (barrier.clone(), noted.clone());
                n.spawn(async move {
                    for _ in 0..2 {
                        log.note(barrier.wait().await);
                    }
                    Ok(())
                });
            }
            for passed in [0, 3] {
                settle(&rt).await;
                assert_eq!((barrier.waiting(), noted.entries().len()), (2, passed));
                noted.note(barrier.wait().await);
            }
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!((log.count("true"), log.count("false")), (2, 4));
}

/// C16: one who is cancelled at a barrier has not come.
pub fn one_who_is_cancelled_at_a_barrier_has_not_come<B: Backend>(backend: B) {
    backend.run(async |_| {
        let barrier = Barrier::new(2);
        let scope = CancelScope::new();
        scope.cancel();
        assert!(scope.run(barrier.wait()).await.is_err());
        assert_eq!(barrier.waiting(), 0);
        let mut first = Box::pin(barrier.wait());
        assert!(poll_once(&mut first).await.is_none());
        assert_eq!(poll_once(barrier.wait()).await, Some(true));
        assert_eq!(poll_once(&mut first).await, Some(false));
    });
}

/// A oneshot gives its value, or says that there will be none; the value comes back if nobody is there.
pub fn a_oneshot_gives_its_value_once<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, mut receiver) = oneshot::channel();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        assert!(poll_once(&mut receiver).await.is_none());
        sender.send(1).expect("it listens");
        assert_eq!(receiver.await, Ok(1));
        let (sender, receiver) = oneshot::channel::<u8>();
        drop(sender);
        assert_eq!(receiver.await, Err(End));
        let (mut sender, receiver) = oneshot::channel();
        assert!(poll_once(sender.broken()).await.is_none());
        drop(receiver);
        sender.broken().await;
        assert!(sender.is_broken());
        assert_eq!(sender.send(2), Err(Broken(2)));
    });
}

/// C15: a value that was sent wins over a cancellation before the receiver is polled.
pub fn a_value_that_was_sent_wins_over_a_cancellation<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = oneshot::channel();
        let scope = CancelScope::new();
        let mut received = None;
        let mut waiting = Box::pin(scope.run(async {
            received = Some(receiver.await);
            forever::<()>().await;
        }));
        assert!(poll_once(&mut waiting).await.is_none());
        sender.send(1).expect("it listens");
        scope.cancel();
        assert!(waiting.await.is_err());
        assert_eq!(received, Some(Ok(1)));
    });
}

/// A watch gives the latest value, to everybody, once; and the last one before the end.
pub fn a_watch_gives_the_latest_value<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, mut receiver) = watch::channel(0);
        let mut another = sender.subscribe();
        assert!(poll_once(receiver.changed()).await.is_none());
        sender.send(1);
        sender.send(2);
        assert_eq!(receiver.changed().await.as_deref(), Ok(&2));
        assert!(poll_once(receiver.changed()).await.is_none());
        sender.clone().send(3);
        drop(sender);
        assert_eq!(another.changed().await.as_deref(), Ok(&3));
        assert_eq!(another.changed().await.err(), Some(End));
        assert_eq!(*another.latest(), 3);
        assert!(receiver.has_changed());
    });
}

/// C16: who stops waiting for a change misses none.
pub fn a_change_is_not_lost_by_dropping<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let (sender, mut receiver) = watch::channel(0);
        let mut waiting = Box::pin(receiver.changed());
        assert!(poll_once(&mut waiting).await.is_none());
        sender.send(1);
        drop(waiting);
        assert_eq!(receiver.changed().await.as_deref(), Ok(&1));
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            n.spawn(async move {
                assert_eq!(receiver.changed().await.as_deref(), Ok(&2));
                assert_eq!(receiver.changed().await.err(), Some(End));
                Ok(())
            });
            settle(&rt).await;
            sender.send(2);
            settle(&rt).await;
            drop(sender);
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
}

/// A broadcast gives every item to everybody who listens; who is too slow is told how much it missed.
pub fn a_broadcast_reaches_everybody<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, mut first) = broadcast::channel(2);
        sender.send(1);
        let mut second = sender.subscribe();
        sender.send(2);
        assert_eq!((first.recv().await, first.recv().await), (Ok(1), Ok(2)));
        assert_eq!(second.recv().await, Ok(2));
        for item in 3..6 {
            sender.send(item);
        }
        assert_eq!(first.recv().await, Err(broadcast::RecvError::Missed(1)));
        assert_eq!((first.recv().await, first.recv().await), (Ok(4), Ok(5)));
        drop(sender);
        assert_eq!(first.recv().await, Err(broadcast::RecvError::End));
    });
}

/// A broadcast that nobody hears is dropped, and one may listen again later.
pub fn a_broadcast_may_be_heard_by_nobody<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (sender, receiver) = broadcast::channel(1);
        drop(receiver);
        sender.send(1);
        assert_eq!(sender.receivers(), 0);
        let mut receiver = sender.subscribe();
        assert!(poll_once(receiver.recv()).await.is_none());
        sender.send(2);
        assert_eq!(receiver.recv().await, Ok(2));
    });
}

/// Asserts that a thousand rounds of what is always ready take eight polls: 128 in each, and the rest.
async fn assert_counts_as_work(rounds: impl Future<Output = ()>) {
    let polls = Arc::new(AtomicUsize::new(0));
    // With a budget that is whole.
    checkpoint().await;
    Counted::new(rounds, &polls).await;
    assert_eq!(polls.load(Ordering::Relaxed), 8);
}

/// C28: whatever is ready counts as work, so a loop of it suspends now and then.
pub fn whatever_is_ready_counts_as_work<B: Backend>(backend: B) {
    const ROUNDS: usize = 1000;
    backend.run(async |_| {
        let event = Event::new();
        event.set();
        let wait = async || event.wait().await;
        assert_counts_as_work(repeat(ROUNDS, wait)).await;
        let mutex = Mutex::new(());
        assert_counts_as_work(repeat(ROUNDS, async || drop(mutex.lock().await))).await;
        let semaphore = Semaphore::new(1);
        assert_counts_as_work(repeat(ROUNDS, async || drop(semaphore.acquire().await))).await;
        let barrier = Barrier::new(1);
        assert_counts_as_work(repeat(ROUNDS, async || assert!(barrier.wait().await))).await;
        assert_counts_as_work(repeat(ROUNDS, async || {
            let (sender, receiver) = oneshot::channel();
            sender.send(()).expect("it listens");
            receiver.await.expect("it was sent");
        }))
        .await;
        let (values, mut latest) = watch::channel(());
        assert_counts_as_work(repeat(ROUNDS, async || {
            values.send(());
            drop(latest.changed().await);
        }))
        .await;
        let (items, mut heard) = broadcast::channel(1);
        assert_counts_as_work(repeat(ROUNDS, async || {
            items.send(());
            heard.recv().await.expect("it was sent");
        }))
        .await;
    });
}

async fn repeat(rounds: usize, mut one: impl AsyncFnMut()) {
    for _ in 0..rounds {
        one().await;
    }
}
