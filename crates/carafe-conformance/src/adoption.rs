//! What foreign code drops: open nurseries are adopted, and nothing outlives the run.

use std::any::Any;
use std::future::Future;
use std::panic::panic_any;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use carafe_core::rt::{Clock, Runtime};
use carafe_core::testing::settle;
use carafe_core::{
    CancelScope, Nursery, Runner, nursery, nursery_with, shield, spawn_in_run, to_thread,
};
use futures_lite::future::{or, poll_once, ready};

use crate::Backend;
use crate::kit::{Event, Log, OnlyWoken, Oops, catch, forever, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// What the cases drop: a nursery with a child that holds for a second and then notes `"c"`.
///
/// A box, so that any combinator takes it; and `Send`, so that any task does.
fn family<R: Runtime>(rt: &R, log: &Log) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let (theirs, held) = (rt.clone(), log.on_drop("c"));
    let family = nursery_with(rt, |n: Nursery<Oops, R>| async move {
        n.spawn(async move {
            let _held = held;
            shield(sleep(&theirs, SECOND)).await;
            forever().await
        });
        forever::<Result<(), Oops>>().await
    });
    Box::pin(async move {
        let _ended = family.await;
    })
}

/// X1: a nursery that foreign code drops is gone at once for that code; the nursery around waits for
/// its children.
pub fn a_dropped_nursery_is_adopted_by_the_one_around<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let ended = nursery(&rt, async |outer: &Nursery<Oops, _>| {
            or(family(&rt, &noted), ready(())).await;
            assert_eq!(rt.now(), begun);
            assert!(!noted.has("c"));
            assert_eq!(outer.live(), 1);
            noted.note("dropped");
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert_eq!(rt.now() - begun, SECOND);
    });
    assert_eq!(log.entries(), ["dropped", "c"]);
}

/// X1: what was adopted does not cancel the one that has adopted it.
pub fn an_adopter_is_not_cancelled<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |outer: &Nursery<Oops, _>| {
            or(family(&rt, &noted), ready(())).await;
            sleep(&rt, SECOND * 2).await;
            assert!(!outer.is_cancelled());
            assert_eq!(outer.live(), 0);
            Ok(7)
        });
        assert_eq!(ended.await.expect("nothing fails"), 7);
    });
    assert_eq!(log.entries(), ["c"]);
}

/// X2: a run never returns while a task lives: where there is no nursery around, the run adopts.
pub fn a_run_adopts_what_nobody_else_does<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        or(family(&rt, &noted), ready(())).await;
        noted.note("main ends");
    });
    assert_eq!(log.entries(), ["main ends", "c"]);
}

/// X3: a nursery that is leaked is noticed when its task ends: its children are cancelled, and waited
/// for.
pub fn a_leaked_nursery_is_noticed_when_its_task_ends<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |outer: &Nursery<Oops, _>| {
            let (rt, log) = (rt.clone(), noted.clone());
            outer.spawn(async move {
                let mut leaked = family(&rt, &log);
                assert!(poll_once(&mut leaked).await.is_none());
                std::mem::forget(leaked);
                log.note("the host ends");
                Ok(())
            });
            Ok(())
        });
        ended.await.expect("nothing fails");
        noted.note("after");
    });
    assert_eq!(log.entries(), ["the host ends", "c", "after"]);
}

/// X6, decision 9: a nursery that was polled in one task and goes on in another belongs to that one.
pub fn a_nursery_may_move_to_another_task<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let (theirs, child) = (rt.clone(), noted.clone());
        let mut moving = Box::pin(nursery_with(&rt, |n: Nursery<Oops, _>| async move {
            n.spawn(async move {
                sleep(&theirs, SECOND).await;
                child.note("c");
                Ok(())
            });
            Ok(7)
        }));
        let scope = CancelScope::new();
        let ended = scope.run(async {
            assert!(poll_once(&mut moving).await.is_none());
            assert!(scope.is_held());
            let host = noted.clone();
            let task = async move { host.note(moving.await.expect("it was not cancelled")) };
            assert!(spawn_in_run(&rt, task).is_ok());
            settle(&rt).await;
            assert!(!scope.is_held());
            scope.cancel();
            forever::<()>().await;
        });
        assert!(ended.await.is_err());
        noted.note("the scope ends");
    });
    assert_eq!(log.entries(), ["the scope ends", "c", "7"]);
}

/// X6: a nursery whose first task ends before another has polled it is cancelled, and its children are
/// waited for by that first task's nursery.
pub fn a_nursery_that_outlives_its_task_is_cancelled<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let (send, moved) = std::sync::mpsc::channel();
        let first = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (theirs, log) = (rt.clone(), noted.clone());
            n.spawn(async move {
                let mut moving = family(&theirs, &log);
                assert!(poll_once(&mut moving).await.is_none());
                send.send(moving).expect("the case listens");
                Ok(())
            });
            Ok(())
        });
        first.await.expect("nothing fails");
        noted.note("the first nursery ends");
        moved.recv().expect("the task has sent it").await;
        noted.note("the second task goes on");
    });
    assert_eq!(log.entries(), ["c", "the first nursery ends", "the second task goes on"]);
}

/// X7: a future that holds three nested open nurseries: all leaves are joined by the one that is
/// left, each once.
pub fn nested_nurseries_are_adopted_in_a_chain<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |outer: &Nursery<Oops, _>| {
            let nested = nursery(&rt, async |_: &Nursery<Oops, _>| {
                let middle = nursery(&rt, async |_: &Nursery<Oops, _>| {
                    let inner = nursery(&rt, async |n: &Nursery<Oops, _>| {
                        for _ in 0..2 {
                            let (held, rt) = (noted.on_drop("leaf"), rt.clone());
                            n.spawn(async move {
                                let _held = held;
                                shield(sleep(&rt, SECOND)).await;
                                Ok(())
                            });
                        }
                        forever::<Result<(), _>>().await
                    });
                    inner.await.map_err(|_| "not reached")
                });
                middle.await.map_err(|_| "not reached")
            });
            let nested = async {
                let _ended = nested.await;
            };
            or(nested, ready(())).await;
            assert!(outer.live() > 0);
            sleep(&rt, SECOND * 2).await;
            assert_eq!(outer.live(), 0);
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!(log.entries(), ["leaf", "leaf"]);
}

/// X8: an error of an adopted child goes to the run's hook; the adopter has not failed.
pub fn an_error_of_an_adopted_child_goes_to_the_hook<B: Backend>(backend: B) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hearing = heard.clone();
    let hook = move |error: Box<dyn Any + Send>| {
        let error = *error.downcast::<Oops>().expect("the children have this error type");
        hearing.lock().expect("nothing panics under this lock").push(error);
    };
    let ended = Runner::new(backend.with_virtual_time()).on_orphan(hook).try_run(async |rt| {
        let ended = nursery(&rt, async |_: &Nursery<Oops, _>| {
            or(failing(&rt, || Err("e")), ready(())).await;
            Ok(7)
        });
        ended.await.expect("the adopter has not failed")
    });
    assert_eq!(ended.expect("main has a value"), 7);
    assert_eq!(*heard.lock().expect("nothing panics under this lock"), ["e"]);
}

/// X8: a panic of an adopted child unwinds where the adopter is awaited.
pub fn a_panic_of_an_adopted_child_unwinds_in_the_adopter<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let ended = catch(nursery(&rt, async |_: &Nursery<Oops, _>| {
            or(failing(&rt, || panic_any(17_u8)), ready(())).await;
            Ok(7)
        }));
        let payload = ended.await.expect_err("the panic unwinds here");
        assert_eq!(payload.downcast_ref::<u8>(), Some(&17));
    });
}

/// A nursery with a child that ends like `end`, after a shielded second.
fn failing<R: Runtime>(
    rt: &R,
    end: impl FnOnce() -> Result<(), Oops> + Send + 'static,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let theirs = rt.clone();
    let family = nursery_with(rt, |n: Nursery<Oops, R>| async move {
        n.spawn(async move {
            shield(sleep(&theirs, SECOND)).await;
            end()
        });
        forever::<Result<(), Oops>>().await
    });
    Box::pin(async move {
        let _ended = family.await;
    })
}

/// X10: cancelling one of our own scopes is no foreign drop: the scope waits until the nursery in it
/// has ended, then drops the rest.
pub fn a_scope_around_a_nursery_waits_for_it<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let scope = CancelScope::new();
        let ended = scope.run(async {
            let _locals = noted.on_drop("locals");
            let inside = family(&rt, &noted);
            scope.cancel();
            inside.await;
            noted.note("behind the nursery");
            forever::<()>().await;
        });
        assert!(ended.await.is_err());
        noted.note("after");
    });
    let mut entries = log.entries();
    // The nursery was cancelled and has nothing to return: what is behind it does not run.
    entries.retain(|entry| entry != "behind the nursery");
    assert_eq!(entries, log.entries());
    assert_eq!(entries, ["c", "locals", "after"]);
}

/// X11: a nursery that was polled and then dropped by hand is adopted like any.
pub fn a_nursery_dropped_by_hand_is_adopted<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |outer: &Nursery<Oops, _>| {
            let mut polled = family(&rt, &noted);
            assert!(poll_once(&mut polled).await.is_none());
            drop(polled);
            assert_eq!(outer.live(), 1);
            noted.note("dropped");
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!(log.entries(), ["dropped", "c"]);
}

/// X11: a task whose future drops a nursery half-way: the task's own nursery adopts it.
pub fn a_nursery_dropped_in_a_task_is_adopted_by_the_tasks_nursery<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |outer: &Nursery<Oops, _>| {
            let (rt, log) = (rt.clone(), noted.clone());
            outer.spawn(async move {
                or(family(&rt, &log), ready(())).await;
                log.note("the host ends");
                Ok(())
            });
            Ok(())
        });
        ended.await.expect("nothing fails");
        noted.note("after");
    });
    assert_eq!(log.entries(), ["the host ends", "c", "after"]);
}

/// Decision 24: a nursery may be dropped on a thread without any context; its adopter is the one that
/// was around when it was polled.
pub fn a_nursery_dropped_on_a_foreign_thread_is_adopted<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |outer: &Nursery<Oops, _>| {
            let mut polled = family(&rt, &noted);
            assert!(poll_once(&mut polled).await.is_none());
            thread::spawn(move || drop(polled)).join().expect("the drop does not panic");
            assert_eq!(outer.live(), 1);
            noted.note("dropped");
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!(log.entries(), ["dropped", "c"]);
}

/// X1: a nursery that is dropped before its first poll has no children, and no trace.
pub fn a_nursery_that_was_never_polled_leaves_no_trace<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |outer: &Nursery<Oops, _>| {
            let held = noted.on_drop("body");
            drop(nursery_with(&rt, |_: Nursery<Oops, _>| async move {
                let _held = held;
                forever::<Result<(), Oops>>().await
            }));
            assert_eq!(outer.live(), 0);
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!(log.entries(), ["body"]);
}

/// H25: a closure on a thread whose future foreign code drops: the nursery around waits for it.
pub fn a_dropped_closure_is_waited_for<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |outer: &Nursery<Oops, _>| {
            let (let_go, is_let_go) = std::sync::mpsc::channel::<()>();
            let started = Event::new();
            let (starting, log) = (started.clone(), noted.clone());
            let closure = to_thread(&rt, move || {
                starting.set();
                is_let_go.recv().expect("the body lets go");
                log.note("the closure ends");
            });
            or(closure, started.wait()).await;
            assert_eq!(outer.live(), 1);
            noted.note("dropped");
            let_go.send(()).expect("the closure waits");
            Ok(())
        });
        ended.await.expect("nothing fails");
        noted.note("after");
    });
    assert_eq!(log.entries(), ["dropped", "the closure ends", "after"]);
}

/// X12: a nursery inside a combinator that polls only woken futures hears of a cancellation, and is
/// waited for.
pub fn a_nursery_among_woken_futures_hears_of_a_cancellation<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let all = OnlyWoken::default().with(forever()).with(family(&rt, &noted));
        let scope = CancelScope::new();
        cancelled_when_settled(&rt, &scope, all).await;
        assert_eq!(rt.now() - begun, SECOND);
        noted.note("after");
    });
    assert_eq!(log.entries(), ["c", "after"]);
}

/// X12: a scope around a shield inside such a combinator waits for the shield, and no longer.
pub fn a_shield_among_woken_futures_is_waited_for<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let (theirs, shielded) = (rt.clone(), noted.clone());
        let all = OnlyWoken::default().with(forever()).with(async move {
            shield(sleep(&theirs, SECOND)).await;
            shielded.note("shielded");
            forever::<()>().await;
        });
        let scope = CancelScope::new();
        cancelled_when_settled(&rt, &scope, all).await;
        assert_eq!(rt.now() - begun, SECOND);
        noted.note("after");
    });
    assert_eq!(log.entries(), ["shielded", "after"]);
}

/// X12: a scope inside such a combinator, cancelled by another task, is interrupted.
pub fn a_scope_among_woken_futures_is_interrupted<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let inner = CancelScope::new();
        let (theirs, interrupted) = (inner.clone(), noted.clone());
        let all = OnlyWoken::default().with(forever()).with(async move {
            let ended = theirs.run(forever::<()>()).await;
            interrupted.note(if ended.is_err() { "interrupted" } else { "ended" });
        });
        let outer = CancelScope::new();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (own, settled) = ((inner.clone(), outer.clone()), rt.clone());
            n.spawn(async move {
                settle(&settled).await;
                own.0.cancel();
                settle(&settled).await;
                own.1.cancel();
                Ok(())
            });
            assert!(outer.run(all).await.is_err());
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!(log.entries(), ["interrupted"]);
}

/// X12: a closure on a thread inside such a combinator is waited for.
pub fn a_closure_among_woken_futures_is_waited_for<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let (let_go, is_let_go) = std::sync::mpsc::channel::<()>();
        let (started, scope) = (Event::new(), CancelScope::new());
        let (starting, ending) = (started.clone(), noted.clone());
        let closure = to_thread(&rt, move || {
            starting.set();
            is_let_go.recv().expect("the child lets go");
            ending.note("the closure ends");
        });
        let all = OnlyWoken::default().with(forever()).with(async move {
            closure.await;
            forever::<()>().await;
        });
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let theirs = scope.clone();
            n.spawn(async move {
                started.wait().await;
                theirs.cancel();
                let_go.send(()).expect("the closure waits");
                Ok(())
            });
            assert!(scope.run(all).await.is_err());
            noted.note("after");
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!(log.entries(), ["the closure ends", "after"]);
}

/// Runs `future` in `scope`, which a child cancels once everybody waits.
async fn cancelled_when_settled<R: Runtime>(
    rt: &carafe_core::testing::VirtualRuntime<R>,
    scope: &CancelScope,
    future: impl Future<Output = ()>,
) {
    let ended = nursery(rt, async |n: &Nursery<Oops, _>| {
        let (theirs, settled) = (scope.clone(), rt.clone());
        n.spawn(async move {
            settle(&settled).await;
            theirs.cancel();
            Ok(())
        });
        assert!(scope.run(future).await.is_err());
        Ok(())
    });
    ended.await.expect("nothing fails");
}
