//! Cancel scopes.

use std::thread;
use std::time::Duration;

use carafe_core::rt::{Clock, Meta, Spawn};
use carafe_core::testing::settle;
use carafe_core::{
    CancelScope, Cause, Nursery, checkpoint, nursery, nursery_with, shield, spawn_in_run, timeout,
};
use futures_lite::future::poll_once;

use crate::Backend;
use crate::kit::{Event, Log, Oops, catch, forever, sleep, text};

const SECOND: Duration = Duration::from_secs(1);

/// C1: `cancel` may be called twice, never yields, and stays.
pub fn cancel_is_sticky<B: Backend>(backend: B) {
    backend.run(async |_| {
        let scope = CancelScope::new();
        assert!(!scope.is_cancelled());
        assert_eq!(scope.cause(), None);
        scope.cancel();
        scope.cancel();
        assert!(scope.is_cancelled());
        let ended = scope.run(forever::<()>()).await;
        assert_eq!(ended.expect_err("it was cancelled").cause(), Cause::Explicit(None));
        assert!(scope.is_cancelled());
    });
}

/// C23: the first reason sticks, and is inherited.
pub fn the_first_reason_sticks<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let ended = outer.run(async {
            inner
                .run(async {
                    outer.cancel_with("a");
                    outer.cancel_with("b");
                    inner.cancel_with("c");
                    assert_eq!(inner.cause(), Some(Cause::Explicit(Some("a"))));
                    forever::<()>().await;
                })
                .await
        });
        let cancelled = ended.await.expect_err("it was cancelled");
        assert_eq!(cancelled.cause(), Cause::Explicit(Some("a")));
    });
}

/// A scope that nobody cancels gives the value of its future.
pub fn a_scope_gives_the_value_of_its_future<B: Backend>(backend: B) {
    backend.run(async |_| {
        let scope = CancelScope::new();
        let ended = scope.run(async {
            checkpoint().await;
            5
        });
        assert_eq!(ended.await, Ok(5));
        assert!(!scope.is_cancelled());
    });
}

/// C3: a cancellation before the scope is entered is honoured, at the first suspension.
pub fn a_scope_may_be_cancelled_before_it_is_entered<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |_| {
        let scope = CancelScope::new();
        scope.cancel();
        let ended = scope.run(async {
            noted.note("started");
            checkpoint().await;
            noted.note("went on");
        });
        assert!(ended.await.is_err());
    });
    assert_eq!(log.entries(), ["started"]);
}

/// C4: another task may cancel a scope; its task goes on behind it.
pub fn another_task_may_cancel<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let scope = CancelScope::new();
            let theirs = scope.clone();
            let log = noted.clone();
            n.spawn(async move {
                let _held = log.on_drop("child");
                let ended = theirs.run(forever::<()>()).await;
                log.note(if ended.is_err() { "cancelled" } else { "ended" });
                Ok(())
            });
            settle(&rt).await;
            scope.cancel();
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!(log.entries(), ["cancelled", "child"]);
}

/// C5: a thread that the loop does not own may cancel, and the scope ends.
pub fn a_foreign_thread_may_cancel<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let scope = CancelScope::new();
            let (theirs, is_waiting) = (scope.clone(), Event::new());
            let waiting = is_waiting.clone();
            n.spawn(async move {
                let ended = theirs.run(async {
                    waiting.set();
                    forever::<()>().await;
                });
                ended.await.map_or_else(|_| Ok(()), |()| Err("it cannot end"))
            });
            is_waiting.wait().await;
            thread::spawn(move || scope.cancel()).join().expect("cancelling does not panic");
            Ok(())
        });
        ended.await.expect("the child was cancelled");
    });
}

/// C7: a cancellation without a suspension after it interrupts nothing.
pub fn a_cancellation_without_a_suspension_interrupts_nothing<B: Backend>(backend: B) {
    backend.run(async |_| {
        let scope = CancelScope::new();
        let ended = scope.run(async {
            scope.cancel();
            5
        });
        assert_eq!(ended.await, Ok(5));
        assert!(scope.is_cancelled());
    });
}

/// R1: work that ends in the poll in which it is cancelled keeps its value, after suspensions too.
pub fn what_ends_as_it_is_cancelled_keeps_its_value<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let scope = CancelScope::new();
        let go = Event::new();
        let (theirs, going) = (scope.clone(), go.clone());
        let other = rt.clone();
        rt.spawn_detached(Meta::unnamed(), async move {
            settle(&other).await;
            // Both before the next poll: the operation has completed, so it wins.
            going.set();
            theirs.cancel();
        });
        let ended = scope.run(async {
            go.wait().await;
            5
        });
        assert_eq!(ended.await, Ok(5));
    });
}

/// C8: of several nested scopes that are cancelled, the outermost catches; what is between them does
/// not run.
pub fn the_outermost_cancelled_scope_catches<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |_| {
        let (first, second, third) = (CancelScope::new(), CancelScope::new(), CancelScope::new());
        let ended = first.run(async {
            let ended = second.run(async {
                let _ended = third
                    .run(async {
                        third.cancel();
                        second.cancel();
                        forever::<()>().await;
                    })
                    .await;
                noted.note("between the third and the second");
            });
            assert!(ended.await.is_err());
            checkpoint().await;
            noted.note("behind the second");
        });
        assert!(ended.await.is_ok());
    });
    assert_eq!(log.entries(), ["behind the second"]);
}

/// C9: when an outer scope is cancelled while the inner one is being dropped, the outer one catches.
pub fn a_scope_cancelled_during_a_drop_inside_catches<B: Backend>(backend: B) {
    struct CancelOnDrop(CancelScope);
    impl Drop for CancelOnDrop {
        fn drop(&mut self) {
            self.0.cancel();
        }
    }
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |_| {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let ended = outer.run(async {
            let guard = CancelOnDrop(outer.clone());
            let _ended = inner
                .run(async {
                    let _guard = guard;
                    inner.cancel();
                    forever::<()>().await;
                })
                .await;
            noted.note("behind the inner");
        });
        assert!(ended.await.is_err());
    });
    assert!(log.entries().is_empty(), "{:?}", log.entries());
}

/// C11: a cancellation reaches all descendants, through nested nurseries, and they are joined.
pub fn a_cancellation_reaches_all_descendants<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let scope = CancelScope::new();
        let ended = scope.run(nursery(&rt, async |outer: &Nursery<Oops, _>| {
            for _ in 0..2 {
                let (rt, log) = (rt.clone(), noted.clone());
                outer.spawn(async move {
                    let ended = nursery_with(&rt, |inner: Nursery<Oops, _>| async move {
                        for _ in 0..2 {
                            let held = log.on_drop("leaf");
                            inner.spawn(async move {
                                let _held = held;
                                forever().await
                            });
                        }
                        Ok(())
                    });
                    ended.await.map_err(|_| "not reached")
                });
            }
            settle(&rt).await;
            scope.cancel();
            forever::<Result<(), _>>().await
        }));
        assert!(ended.await.is_err());
        noted.note("after");
    });
    assert_eq!(log.entries(), ["leaf", "leaf", "leaf", "leaf", "after"]);
}

/// C12: a cancellation that arrives while a nursery waits for its children cancels them, and the
/// waiting goes on; what is behind the inner nursery does not run.
pub fn a_nursery_that_waits_is_cancelled_too<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let ended = nursery(&rt, async |outer: &Nursery<Oops, _>| {
            let (theirs, log) = (rt.clone(), noted.clone());
            outer.spawn(async move {
                let (inside, held) = (theirs.clone(), log.on_drop("leaf"));
                let inner = nursery_with(&theirs, |inner: Nursery<Oops, _>| async move {
                    inner.spawn(async move {
                        let _held = held;
                        sleep(&inside, SECOND * 5).await;
                        Ok(())
                    });
                    Ok(())
                });
                let _ended = inner.await;
                log.note("behind the inner");
                checkpoint().await;
                log.note("far behind the inner");
                Ok(())
            });
            settle(&rt).await;
            outer.cancel();
            Ok(())
        });
        ended.await.expect("the body had ended");
        assert_eq!(rt.now(), begun);
        noted.note("after");
    });
    // The inner nursery's body had a value. But a child was interrupted, so there is nothing to
    // return, and the task is dropped where it waits.
    assert_eq!(log.entries(), ["leaf", "after"]);
}

/// C13: a nursery never invents a cancellation: where nothing was interrupted it returns its value,
/// and the interruption comes at the next suspension.
pub fn a_nursery_does_not_invent_a_cancellation<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let scope = CancelScope::new();
        let ended = scope.run(async {
            scope.cancel();
            let value = nursery(&rt, async |n: &Nursery<Oops, _>| {
                n.spawn(async { Ok(()) });
                Ok(1)
            });
            noted.note(value.await.expect("nothing was interrupted"));
            checkpoint().await;
            noted.note("behind the checkpoint");
        });
        assert!(ended.await.is_err());
    });
    assert_eq!(log.entries(), ["1"]);
}

/// C19: a scope that is cancelled inside a child is nobody else's business.
pub fn a_scope_inside_a_child_is_its_own_business<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let inner = CancelScope::new();
            let (scope, theirs) = (inner.clone(), rt.clone());
            n.spawn(async move {
                let ended = scope.run(sleep(&theirs, SECOND * 2)).await;
                if ended.is_err() { Ok(()) } else { Err("it was cancelled") }
            });
            settle(&rt).await;
            inner.cancel();
            sleep(&rt, SECOND / 10).await;
            assert!(!n.is_cancelled());
            Ok(7)
        });
        assert_eq!(ended.await.expect("nothing fails"), 7);
        assert_eq!(rt.now() - begun, SECOND / 10);
    });
}

/// C21: a scope is for a single use: the second `run` panics.
pub fn a_scope_is_for_a_single_use<B: Backend>(backend: B) {
    backend.run(async |_| {
        let scope = CancelScope::new();
        assert_eq!(scope.run(async { 1 }).await, Ok(1));
        let payload = catch(async { scope.run(async { 2 }).await }).await;
        let payload = payload.expect_err("it was used");
        assert!(text(&*payload).contains("single use"), "{}", text(&*payload));
    });
}

/// C21: cancelling a scope that has ended interrupts nobody.
pub fn cancelling_a_scope_that_has_ended_does_nothing<B: Backend>(backend: B) {
    backend.run(async |_| {
        let scope = CancelScope::new();
        assert_eq!(scope.run(async { 1 }).await, Ok(1));
        scope.cancel();
        checkpoint().await;
    });
}

/// `checkpoint`: it lets others run, and in a cancelled scope it is where one is interrupted.
pub fn a_checkpoint_suspends_once<B: Backend>(backend: B) {
    backend.run(async |_| {
        let mut waiting = Box::pin(checkpoint());
        assert!(poll_once(&mut waiting).await.is_none());
        assert!(poll_once(&mut waiting).await.is_some());
    });
}

/// A scope drops its future at once when it is itself dropped.
pub fn a_dropped_scope_drops_its_future<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |_| {
        let held = noted.on_drop("inside");
        let mut running = Box::pin(CancelScope::new().run(async move {
            let _held = held;
            forever::<()>().await;
        }));
        assert!(poll_once(&mut running).await.is_none());
        drop(running);
        noted.note("after");
    });
    assert_eq!(log.entries(), ["inside", "after"]);
}

/// R3: `is_held` says whether something inside must not be dropped.
pub fn a_scope_knows_that_it_is_held<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let scope = CancelScope::new();
        assert!(!scope.is_held());
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (theirs, end) = (scope.clone(), Event::new());
            let ending = end.clone();
            n.spawn(async move {
                let _ended = theirs
                    .run(async {
                        shield(ending.wait()).await;
                        forever::<()>().await;
                    })
                    .await;
                Ok(())
            });
            settle(&rt).await;
            assert!(scope.is_held());
            scope.cancel();
            settle(&rt).await;
            assert!(scope.is_held());
            end.set();
            settle(&rt).await;
            assert!(!scope.is_held());
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
}

/// Decision 9: a scope's future that was polled in one task may move to another: what it holds moves
/// with it.
pub fn a_scope_may_move_to_another_task<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let end = Event::new();
        let (inner, ending) = (CancelScope::new(), end.clone());
        let mut moving = Box::pin(inner.run(async move { shield(ending.wait()).await }));
        let outer = CancelScope::new();
        let ended = outer.run(async {
            assert!(poll_once(&mut moving).await.is_none());
            assert!(outer.is_held());
            let task = async move {
                noted.note(if moving.await.is_ok() { "ended" } else { "cancelled" });
            };
            assert!(spawn_in_run(&rt, task).is_ok());
            settle(&rt).await;
            assert!(!outer.is_held());
            outer.cancel();
            forever::<()>().await;
        });
        assert!(ended.await.is_err());
        // The one that has moved is held by its shield alone, and ends when that ends.
        inner.cancel();
        settle(&rt).await;
        end.set();
    });
    assert_eq!(log.entries(), ["ended"]);
}

/// C11: what is opened inside a cancelled scope, below other boundaries, is cancelled from the start.
pub fn a_nursery_opened_in_a_cancelled_scope_is_cancelled<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let scope = CancelScope::new();
        scope.cancel();
        let inside = timeout(SECOND * 1000, async {
            checkpoint_under_a_shield().await;
            let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
                assert!(n.is_cancelled());
                let held = noted.on_drop("child");
                n.spawn(async move {
                    let _held = held;
                    forever().await
                });
                forever::<Result<(), _>>().await
            });
            let _ended = ended.await;
            noted.note("behind the nursery");
        });
        assert!(scope.run(inside).await.is_err());
        assert_eq!(rt.now(), begun);
    });
    assert_eq!(log.entries(), ["child"]);
}

/// Suspends where a scope is cancelled, and goes on.
async fn checkpoint_under_a_shield() {
    shield(checkpoint()).await;
}

/// C20, decision 40: 500 nested scopes are cancelled by the outermost.
pub fn deeply_nested_scopes_are_cancelled<B: Backend>(backend: B) {
    use std::future::Future;
    use std::pin::Pin;

    fn nested(depth: usize) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            if depth == 0 {
                return forever().await;
            }
            let _ended = CancelScope::new().run(nested(depth - 1)).await;
        })
    }
    backend.with_virtual_time().run(async |rt| {
        let outermost = CancelScope::new();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let theirs = outermost.clone();
            n.spawn(async move {
                let ended = theirs.run(nested(500)).await;
                if ended.is_err() { Ok(()) } else { Err("it was cancelled") }
            });
            settle(&rt).await;
            outermost.cancel();
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
}
