//! The channels and the barrier under shuttle, which tries the orders in which threads can meet.
//!
//! Off by default; on with `RUSTFLAGS="--cfg shuttle" cargo test -p carafe-core --test
//! shuttle_channel`, in a target directory of its own. No run is needed: a channel knows no loop.
#![cfg(shuttle)]

use std::collections::BTreeSet;
use std::future::Future;

use carafe_core::channel::{Receiver, Sender, TryRecvError, memory_channel};
use carafe_core::sync::Barrier;
use futures_lite::future::poll_once;
use shuttle::future::block_on;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::sync::{Arc, Mutex};
use shuttle::thread::{self, JoinHandle};

const ORDERS: usize = 3000;

fn on_thread<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    thread::spawn(|| block_on(future))
}

fn join<T>(threads: Vec<JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
}

/// Sends `items`, one after the other.
fn sends(sender: &Sender<u32>, items: [u32; 2]) -> JoinHandle<()> {
    let sender = sender.clone();
    on_thread(async move {
        for item in items {
            sender.send(item).await.expect("a receiver is there");
        }
    })
}

/// Receives until the end.
fn receives(receiver: &Receiver<u32>) -> JoinHandle<Vec<u32>> {
    let receiver = receiver.clone();
    on_thread(async move {
        let mut received = Vec::new();
        while let Ok(item) = receiver.recv().await {
            received.push(item);
        }
        received
    })
}

fn assert_each_once(received: Vec<u32>, expected: impl IntoIterator<Item = u32>) {
    let count = received.len();
    let received: BTreeSet<_> = received.into_iter().collect();
    assert_eq!(received.len(), count, "an item came twice");
    assert_eq!(received, expected.into_iter().collect());
}

#[test]
fn each_item_is_received_once() {
    for capacity in [0, 1] {
        shuttle::check_random(
            move || {
                let (sender, receiver) = memory_channel(capacity);
                let receiving = vec![receives(&receiver), receives(&receiver)];
                let sending = vec![sends(&sender, [1, 2]), sends(&sender, [3, 4])];
                drop(sender);
                join(sending);
                assert_each_once(join(receiving).concat(), 1..=4);
                let after = receiver.statistics();
                assert_eq!((after.waiting_send, after.waiting_recv, after.buffered), (0, 0, 0));
            },
            ORDERS,
        );
    }
}

#[test]
fn a_receiver_that_is_dropped_loses_nothing() {
    for capacity in [0, 1] {
        shuttle::check_random(
            move || {
                let (sender, receiver) = memory_channel(capacity);
                let fickle = receiver.clone();
                let fickle = on_thread(async move {
                    let mut received = Vec::new();
                    for _ in 0..2 {
                        // Dropped after one poll or two, perhaps with an item that it was handed.
                        let mut receiving = Box::pin(fickle.recv());
                        let mut first = poll_once(&mut receiving).await;
                        if first.is_none() {
                            thread::yield_now();
                            first = poll_once(&mut receiving).await;
                        }
                        received.extend(first.and_then(Result::ok));
                    }
                    received
                });
                let receiving = vec![fickle, receives(&receiver)];
                let sending = vec![sends(&sender, [1, 2]), sends(&sender, [3, 4])];
                drop((sender, receiver));
                join(sending);
                assert_each_once(join(receiving).concat(), 1..=4);
            },
            ORDERS,
        );
    }
}

#[test]
fn a_sender_that_is_dropped_blocks_nobody() {
    for capacity in [0, 1] {
        shuttle::check_random(
            move || {
                let (sender, receiver) = memory_channel(capacity);
                let fickle = sender.clone();
                let fickle = on_thread(async move {
                    // One leaves while it waits to send, one with a slot that it may have been given.
                    let _ = poll_once(fickle.send(5)).await;
                    let mut reserving = Box::pin(fickle.reserve());
                    if poll_once(&mut reserving).await.is_none() {
                        thread::yield_now();
                    }
                });
                let receiving = vec![receives(&receiver), receives(&receiver)];
                let sending = vec![sends(&sender, [1, 2])];
                drop(sender);
                join(sending);
                join(vec![fickle]);
                let mut received = join(receiving).concat();
                // It may have been sent by the one poll.
                received.retain(|item| *item != 5);
                assert_each_once(received, [1, 2]);
                assert_eq!(receiver.try_recv(), Err(TryRecvError::End));
            },
            ORDERS,
        );
    }
}

#[test]
fn a_permit_meets_the_end_of_the_receivers() {
    shuttle::check_random(
        || {
            let (sender, receiver) = memory_channel(1);
            let come_back = Arc::new(Mutex::new(Vec::new()));
            let sending: Vec<_> = (1..=2)
                .map(|item| {
                    let (sender, come_back) = (sender.clone(), come_back.clone());
                    on_thread(async move {
                        let is_sent = match sender.reserve().await {
                            Ok(permit) => permit.send(item).is_ok(),
                            Err(_) => false,
                        };
                        if !is_sent {
                            come_back.lock().expect("no thread panics").push(item);
                        }
                    })
                })
                .collect();
            let first = block_on(receiver.recv());
            receiver.close();
            join(sending);
            let come_back = come_back.lock().expect("no thread panics");
            // One was received; the other came back, or was dropped with what was buffered.
            let first = first.expect("the senders are there");
            assert!(come_back.len() <= 1 && !come_back.contains(&first));
            assert_eq!(sender.statistics().buffered, 0);
        },
        ORDERS,
    );
}

#[test]
fn a_barrier_lets_all_pass() {
    shuttle::check_random(
        || {
            let barrier = Arc::new(Barrier::new(2));
            let passed = Arc::new(AtomicUsize::new(0));
            let fickle = barrier.clone();
            let fickle = on_thread(async move { poll_once(fickle.wait()).await });
            let others = (0..2)
                .map(|_| {
                    let barrier = barrier.clone();
                    let passed = passed.clone();
                    on_thread(async move {
                        barrier.wait().await;
                        passed.fetch_add(1, Ordering::SeqCst);
                    })
                })
                .collect();
            join(vec![fickle]);
            // If the fickle one was the partner of one of them, the other needs another.
            while passed.load(Ordering::SeqCst) < 2 {
                if passed.load(Ordering::SeqCst) == 1 && barrier.waiting() == 1 {
                    assert!(block_on(barrier.wait()));
                }
                thread::yield_now();
            }
            join(others);
            assert_eq!(barrier.waiting(), 0);
        },
        ORDERS,
    );
}
