//! Closures on threads: `to_thread`.

use std::panic::panic_any;
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;

use carafe_core::{CancelScope, Limiter, Nursery, checkpoint, live_tree, nursery, to_thread};
use futures_lite::future::{poll_once, zip};

use crate::Backend;
use crate::kit::{Event, Log, Oops, catch, forever};

/// H1: the closure runs on another thread, and its value comes back.
pub fn a_closure_runs_on_another_thread<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let (value, there) = to_thread(&rt, || (1, thread::current().id())).await;
        assert_eq!(value, 1);
        assert_ne!(there, thread::current().id());
    });
}

/// H1: its error comes back.
pub fn an_error_of_a_closure_comes_back<B: Backend>(backend: B) {
    backend.run(async |rt| {
        assert_eq!(to_thread(&rt, || Err::<(), _>("e")).await, Err("e"));
    });
}

/// H1: its panic unwinds in the one who waits, with its payload.
pub fn a_panic_of_a_closure_unwinds_in_the_one_who_waits<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = catch(to_thread(&rt, || panic_any(17_u8))).await;
        let payload = ended.expect_err("the panic unwinds here");
        assert_eq!(payload.downcast_ref::<u8>(), Some(&17));
        // The thread is none the worse.
        assert_eq!(to_thread(&rt, || 7).await, 7);
    });
}

/// H3: once the closure has started, a cancelled scope waits for it; what was completed wins, and the
/// cancellation comes at the next suspension.
pub fn a_cancelled_scope_waits_for_a_closure<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let scope = CancelScope::new();
            let (let_go, is_let_go) = mpsc::channel::<()>();
            let started = Event::new();
            let (theirs, starting) = (scope.clone(), started.clone());
            n.spawn(async move {
                started.wait().await;
                theirs.cancel();
                for _ in 0..10 {
                    checkpoint().await;
                }
                let_go.send(()).expect("the closure waits");
                Ok(())
            });
            let closure = noted.clone();
            let ended = scope.run(async {
                to_thread(&rt, move || {
                    starting.set();
                    is_let_go.recv().expect("the child lets go");
                    closure.note("closure");
                })
                .await;
                noted.note("value");
                checkpoint().await;
                noted.note("went on");
            });
            assert!(ended.await.is_err());
            noted.note("after");
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!(log.entries(), ["closure", "value", "after"]);
}

/// H3: a closure that waits for a token when it is cancelled never runs.
pub fn a_closure_that_has_not_started_never_runs<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let limiter = Limiter::new(1);
        let token = limiter.acquire().await;
        let scope = CancelScope::new();
        let held = noted.on_drop("dropped");
        let waiting = to_thread(&rt, move || {
            let _held = held;
            panic!("it has no token");
        });
        scope.cancel();
        assert!(scope.run(waiting.limiter(&limiter)).await.is_err());
        assert_eq!(limiter.waiting(), 0);
        drop(token);
        assert_eq!(limiter.borrowed(), 0);
    });
    assert_eq!(log.entries(), ["dropped"]);
}

/// H4: with `abandon_on_cancel` a cancelled scope goes on at once; the closure ends by itself, and
/// what it gives is dropped.
pub fn an_abandoned_closure_is_not_waited_for<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let (let_go, is_let_go) = mpsc::channel::<()>();
        let (end, has_ended) = mpsc::channel();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let scope = CancelScope::new();
            let started = Event::new();
            let (theirs, starting) = (scope.clone(), started.clone());
            n.spawn(async move {
                started.wait().await;
                theirs.cancel();
                Ok(())
            });
            let closure = to_thread(&rt, move || {
                starting.set();
                is_let_go.recv().expect("the case lets go");
                end.send(()).expect("the case listens");
                panic!("nobody hears this");
            });
            assert!(scope.run(closure.abandon_on_cancel()).await.is_err());
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert_eq!(has_ended.try_recv(), Err(mpsc::TryRecvError::Empty));
        let_go.send(()).expect("the closure waits");
        has_ended.recv().expect("the closure goes on to its end");
    });
}

/// H5: a run may return while an abandoned closure is still on its thread; its end is harmless.
pub fn an_abandoned_closure_may_outlive_the_run<B: Backend>(backend: B) {
    let (let_go, is_let_go) = mpsc::channel::<()>();
    let (end, has_ended) = mpsc::channel();
    backend.run(async move |rt| {
        let scope = CancelScope::new();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let started = Event::new();
            let (theirs, starting) = (scope.clone(), started.clone());
            n.spawn(async move {
                started.wait().await;
                theirs.cancel();
                Ok(())
            });
            let closure = to_thread(&rt, move || {
                starting.set();
                is_let_go.recv().expect("the case lets go");
                end.send(()).expect("the case listens");
            });
            assert!(scope.run(closure.abandon_on_cancel()).await.is_err());
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    let_go.send(()).expect("the closure waits");
    has_ended.recv().expect("the closure goes on to its end");
}

/// R4: a nursery waits for the closure of a cancelled child.
pub fn a_nursery_waits_for_the_closure_of_a_child<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (let_go, is_let_go) = mpsc::channel::<()>();
            let started = Event::new();
            let (theirs, starting, log) = (rt.clone(), started.clone(), noted.clone());
            n.spawn(async move {
                to_thread(&theirs, move || {
                    starting.set();
                    is_let_go.recv().expect("the body lets go");
                    log.note("closure");
                })
                .await;
                forever().await
            });
            started.wait().await;
            n.cancel();
            let_go.send(()).expect("the closure waits");
            Ok(())
        });
        ended.await.expect("the body had ended");
        noted.note("after");
    });
    assert_eq!(log.entries(), ["closure", "after"]);
}

/// H26: two closures that wait for each other, submitted together with two tokens, both end.
pub fn two_closures_may_wait_for_each_other<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let limiter = Limiter::new(2);
        let meet = Arc::new(Barrier::new(2));
        let other = meet.clone();
        let first = to_thread(&rt, move || meet.wait().is_leader()).limiter(&limiter);
        let second = to_thread(&rt, move || other.wait().is_leader()).limiter(&limiter);
        let (first, second) = zip(first, second).await;
        assert!(first != second, "one of them leads");
    });
}

/// H26: as many closures as there are tokens are on threads at a time, and none is left behind.
pub fn a_limiter_bounds_the_closures<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let limiter = Limiter::new(3);
        let running = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for _ in 0..30 {
                let (rt, limiter, running) = (rt.clone(), limiter.clone(), running.clone());
                n.spawn(async move {
                    let most = to_thread(&rt, move || {
                        let now = running.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
                        thread::yield_now();
                        running.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        now
                    });
                    if most.limiter(&limiter).await <= 3 { Ok(()) } else { Err("too many") }
                });
            }
            Ok(())
        });
        ended.await.expect("never more than three");
        assert_eq!(limiter.borrowed(), 0);
    });
}

/// The token of a closure is given back when the closure has ended, before its value is there.
pub fn a_closure_gives_its_token_back<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let limiter = Limiter::new(1);
        for _ in 0..10 {
            to_thread(&rt, || ()).limiter(&limiter).await;
            assert_eq!(limiter.borrowed(), 0);
        }
        let _caught = catch(to_thread(&rt, || panic_any(17_u8)).limiter(&limiter)).await;
        assert_eq!(limiter.borrowed(), 0);
    });
}

/// `ToThread::name`: a closure on a thread is in the live tree, by name.
pub fn a_closure_is_in_the_live_tree<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let (let_go, is_let_go) = mpsc::channel::<()>();
        let started = Event::new();
        let starting = started.clone();
        let closure = to_thread(&rt, move || {
            starting.set();
            is_let_go.recv().expect("the case lets go");
        });
        let mut closure = Box::pin(closure.name("the slow one"));
        assert!(poll_once(&mut closure).await.is_none());
        started.wait().await;
        let tree = live_tree().expect("this is a run");
        assert!(tree.contains("the slow one"), "{tree}");
        let_go.send(()).expect("the closure waits");
        closure.await;
        let tree = live_tree().expect("this is a run");
        assert!(!tree.contains("the slow one"), "{tree}");
    });
}

/// A closure may spawn into a nursery, and cancel it.
pub fn a_closure_may_use_a_nursery<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (own, held) = (n.clone(), noted.on_drop("child"));
            to_thread(&rt, move || {
                own.spawn(async move {
                    let _held = held;
                    forever().await
                });
                own.cancel();
            })
            .await;
            assert!(n.is_cancelled());
            Ok(())
        });
        ended.await.expect("the body had ended");
    });
    assert_eq!(log.entries(), ["child"]);
}
