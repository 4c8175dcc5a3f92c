//! `join_scope`: children that borrow from the stack and run side by side in one task.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use carafe_core::rt::{Clock, Runtime};
use carafe_core::testing::settle;
use carafe_core::{
    CancelScope, Cause, JoinScope, Nursery, Runner, checkpoint, finally, join_scope,
    local_join_scope, nursery, nursery_with, shield,
};
use futures_lite::future::or;

use super::{SECOND, after};
use crate::Backend;
use crate::kit::{Counted, Event, Log, Oops, catch, cause, errors, forever, sleep, text};

/// `join_scope`: children borrow from the stack, run side by side, and are done when it returns.
pub fn borrowing_children_run_side_by_side<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let seconds = [3, 1, 2];
        let mut doubled = vec![0; 3];
        let ended = join_scope(async |s: JoinScope<'_, Oops>| {
            for (seconds, doubled) in seconds.iter().zip(&mut doubled) {
                let rt = &rt;
                s.spawn(async move {
                    *doubled = 2 * after(rt.clone(), *seconds).await;
                    Ok(())
                });
            }
            Ok("value")
        });
        assert_eq!(ended.await.expect("nothing fails"), "value");
        assert_eq!(doubled, [6, 2, 4]);
        assert_eq!(rt.now() - begun, SECOND * 3);
    });
}

/// `join_scope`: the body may wait for the values of its children, while they run.
pub fn values_of_borrowing_children_are_joined<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let ended = join_scope(async |s: JoinScope<'_, Oops>| {
            let three = s.spawn_task(async { Ok(after(rt.clone(), 3).await) });
            let one = s.spawn_task(async { Ok(after(rt.clone(), 1).await) });
            Ok(three.await * 10 + one.await)
        });
        assert_eq!(ended.await.expect("nothing fails"), 31);
    });
}

/// `join_scope`: a child with a handle of its own spawns siblings, also when the body has ended.
pub fn a_borrowing_child_may_spawn_siblings<B: Backend>(backend: B) {
    backend.run(async |_| {
        let ended = AtomicUsize::new(0);
        let counted = &ended;
        let joined = join_scope(async |s: JoinScope<'_, Oops>| {
            let siblings = s.clone();
            s.spawn(async move {
                checkpoint().await;
                let more = siblings.clone();
                siblings.spawn(async move {
                    more.spawn(async move {
                        checkpoint().await;
                        counted.fetch_add(1, Ordering::SeqCst);
                        Ok(())
                    });
                    counted.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                });
                Ok(())
            });
            Ok(())
        });
        joined.await.expect("nothing fails");
        assert_eq!(ended.load(Ordering::SeqCst), 2);
    });
}

/// `join_scope`: the first error drops the others and the body, and is reported when they are gone.
pub fn an_error_of_a_borrowing_child_drops_the_others<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |_| {
        let ended = join_scope(async |s: JoinScope<'_, Oops>| {
            let held = noted.on_drop("sibling");
            s.spawn(async move {
                let _held = held;
                forever().await
            });
            s.spawn(async {
                checkpoint().await;
                Err("e")
            });
            let _held = noted.on_drop("body");
            forever::<Result<(), _>>().await
        });
        assert_eq!(errors(ended.await), ["e"]);
        noted.note("after");
    });
    assert_eq!(log.entries(), ["body", "sibling", "after"]);
}

/// `join_scope`: all errors come, in the order of the ends; the body's is one of them.
pub fn errors_of_body_and_borrowing_children_are_reported<B: Backend>(backend: B) {
    backend.run(async |_| {
        let ended = join_scope(async |s: JoinScope<'_, Oops>| {
            s.spawn(async {
                shield(checkpoint()).await;
                Err("child")
            });
            Err::<(), _>("body")
        });
        assert_eq!(errors(ended.await), ["body", "child"]);
    });
}

/// `join_scope`: a panic drops the others, then unwinds; errors besides go to the run's hook.
pub fn a_panic_of_a_borrowing_child_unwinds<B: Backend>(backend: B) {
    let log = Log::new();
    let (noted, hooked) = (log.clone(), log.clone());
    let runner = Runner::new(backend).on_orphan(move |error| {
        hooked.note(error.downcast_ref::<Oops>().expect("the child's error"));
    });
    let ended = runner.try_run(async move |_| {
        let ended = join_scope(async |s: JoinScope<'_, Oops>| {
            let held = noted.on_drop("sibling");
            s.spawn(async move {
                let _held = held;
                shield(checkpoint()).await;
                Err("e")
            });
            s.spawn(async { panic!("the panic") });
            Ok(())
        });
        let panic = catch(ended).await.expect_err("a child panics");
        assert_eq!(text(&*panic), "the panic");
        noted.note("after");
    });
    ended.expect("the run ends");
    assert_eq!(log.entries(), ["sibling", "e", "after"]);
}

/// `join_scope`: a panic of a destructor is that of its child, and does not keep the others.
pub fn a_destructor_of_a_borrowing_child_may_panic<B: Backend>(backend: B) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the bomb");
        }
    }
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |_| {
        let ended = join_scope(async |s: JoinScope<'_, Oops>| {
            s.spawn(async {
                let _bomb = Bomb;
                forever().await
            });
            let held = noted.on_drop("sibling");
            s.spawn(async move {
                let _held = held;
                forever().await
            });
            checkpoint().await;
            s.cancel();
            Ok(())
        });
        let panic = catch(ended).await.expect_err("a destructor panics");
        assert_eq!(text(&*panic), "the bomb");
        assert!(noted.has("sibling"));
    });
}

/// `join_scope` in a scope that is cancelled: those that hold are waited for, the others go at once,
/// and the code behind does not run.
pub fn a_join_scope_is_cancelled_from_outside<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let scope = CancelScope::new();
        let begun = rt.now();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (theirs, settled) = (scope.clone(), rt.clone());
            n.spawn(async move {
                settle(&settled).await;
                theirs.cancel();
                Ok(())
            });
            let inner = scope.run(async {
                let _ = join_scope(async |s: JoinScope<'_, Oops>| {
                    s.spawn(finally(forever(), async || {
                        sleep(&rt, SECOND).await;
                        noted.note(format!("cleaned after {:?}", rt.now() - begun));
                    }));
                    let held = noted.on_drop("sibling");
                    s.spawn(async move {
                        let _held = held;
                        forever().await
                    });
                    Ok(())
                })
                .await;
                noted.note("went on");
            });
            assert!(inner.await.is_err());
            noted.note("after");
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!(log.entries(), ["sibling", "cleaned after 1s", "after"]);
}

/// `join_scope`: of several children that hold, each goes as soon as it holds no more.
pub fn a_borrowing_child_goes_when_it_holds_no_more<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = join_scope(async |s: JoinScope<'_, Oops>| {
            let held = (noted.on_drop("short"), noted.on_drop("long"));
            s.spawn(async {
                let _held = held.0;
                shield(sleep(&rt, SECOND)).await;
                forever().await
            });
            s.spawn(async {
                let _held = held.1;
                let noting = async {
                    sleep(&rt, SECOND * 2).await;
                    noted.note("between");
                    sleep(&rt, SECOND).await;
                };
                shield(noting).await;
                forever().await
            });
            settle(&rt).await;
            s.cancel();
            Ok(())
        });
        ended.await.expect("the body has ended");
    });
    assert_eq!(log.entries(), ["short", "between", "long"]);
}

/// `JoinScope::cancel`: as the body's last line it is no error; before, it is.
pub fn a_join_scope_may_be_cancelled<B: Backend>(backend: B) {
    backend.run(async |_| {
        let ended = join_scope(async |s: JoinScope<'_, Oops>| {
            s.spawn(forever());
            checkpoint().await;
            s.cancel();
            Ok(7)
        });
        assert_eq!(ended.await.expect("the body has ended"), 7);
        let ended = join_scope(async |s: JoinScope<'_, Oops>| {
            let own = s.clone();
            s.spawn(async move {
                checkpoint().await;
                own.cancel();
                assert!(own.is_cancelled());
                Ok(())
            });
            forever::<Result<(), _>>().await
        });
        assert_eq!(cause(ended.await), Cause::Explicit(None));
    });
}

/// C6: a child that is spawned into a cancelled scope runs to its first suspension.
pub fn a_child_of_a_cancelled_join_scope_starts<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |_| {
        let ended = join_scope(async |s: JoinScope<'_, Oops>| {
            s.cancel();
            s.spawn(async {
                noted.note("started");
                checkpoint().await;
                noted.note("went on");
                Ok(())
            });
            Ok(())
        });
        ended.await.expect("the body has ended");
    });
    assert_eq!(log.entries(), ["started"]);
}

/// `join_scope`: only those are polled that were woken.
pub fn only_woken_children_are_polled<B: Backend>(backend: B) {
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = polls.clone();
    backend.run(async move |_| {
        let ended = join_scope(async |s: JoinScope<'_, Oops>| {
            let go = Event::new();
            let gate = go.clone();
            s.spawn(Counted::new(
                async move {
                    gate.wait().await;
                    Ok(())
                },
                &counted,
            ));
            s.spawn(async move {
                for _ in 0..50 {
                    checkpoint().await;
                }
                go.set();
                Ok(())
            });
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!(polls.load(Ordering::SeqCst), 2);
}

/// X12: a nursery in a child hears that a sibling has failed, and is waited for.
pub fn a_nursery_in_a_borrowing_child_is_waited_for<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let ended = join_scope(async |s: JoinScope<'_, Oops>| {
            s.spawn(async {
                family(&rt, &noted).await;
                noted.note("went on");
                Ok(())
            });
            s.spawn(async {
                settle(&rt).await;
                Err("e")
            });
            Ok(())
        });
        assert_eq!(errors(ended.await), ["e"]);
        assert_eq!(rt.now() - begun, SECOND);
        noted.note("after");
    });
    assert_eq!(log.entries(), ["c", "after"]);
}

/// X12: a nursery in a child hears of a cancellation from outside, and is waited for.
pub fn a_nursery_in_a_borrowing_child_hears_from_outside<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let scope = CancelScope::new();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (theirs, settled) = (scope.clone(), rt.clone());
            n.spawn(async move {
                settle(&settled).await;
                theirs.cancel();
                Ok(())
            });
            let inner = scope.run(join_scope(async |s: JoinScope<'_, Oops>| {
                s.spawn(async {
                    family(&rt, &noted).await;
                    Ok(())
                });
                forever::<Result<(), _>>().await
            }));
            assert!(inner.await.is_err());
            noted.note("after");
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert_eq!(rt.now() - begun, SECOND);
    });
    assert_eq!(log.entries(), ["c", "after"]);
}

/// X1: a nursery in a child of a scope that foreign code drops is adopted by the nursery around.
pub fn a_dropped_join_scope_hands_its_nurseries_on<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let borrowing = async {
                let _ = join_scope(async |s: JoinScope<'_, Oops>| {
                    s.spawn(async {
                        family(&rt, &noted).await;
                        Ok(())
                    });
                    forever::<Result<(), _>>().await
                })
                .await;
            };
            or(borrowing, settle(&rt)).await;
            noted.note("dropped");
            assert_eq!(n.live(), 1);
            Ok(())
        });
        ended.await.expect("nothing fails");
        noted.note("after");
    });
    assert_eq!(log.entries(), ["dropped", "c", "after"]);
}

/// `join_scope`: its future is `Send` if its children are, so that it lives in tasks.
pub fn a_join_scope_lives_in_any_task<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let task = n.spawn_task(async {
                let words = [String::from("a"), String::from("bc")];
                let total = AtomicUsize::new(0);
                let ended = join_scope(async |s: JoinScope<'_, Oops>| {
                    for word in &words {
                        let total = &total;
                        s.spawn(async move {
                            checkpoint().await;
                            total.fetch_add(word.len(), Ordering::SeqCst);
                            Ok(())
                        });
                    }
                    Ok(())
                });
                ended.await.expect("nothing fails");
                Ok(total.into_inner())
            });
            Ok(task.join().await)
        });
        assert_eq!(ended.await.expect("nothing fails"), 3);
    });
}

/// `local_join_scope`: children need not be `Send`.
pub fn local_children_need_not_be_send<B: Backend>(backend: B) {
    backend.run(async |_| {
        let steps = Cell::new(0);
        let ended = local_join_scope(async |s| {
            for _ in 0..3 {
                s.spawn(async {
                    checkpoint().await;
                    steps.set(steps.get() + 1);
                    Ok::<(), Oops>(())
                });
            }
            Ok(s.spawn_task(async { Ok(&steps) }).await)
        });
        ended.await.expect("nothing fails");
        assert_eq!(steps.get(), 3);
    });
}

/// `JoinScope`: a handle that outlives its scope refuses children.
pub fn an_ended_join_scope_refuses_children<B: Backend>(backend: B) {
    backend.run(async |_| {
        let ended = join_scope(async |s: JoinScope<'_, Oops>| Ok(s.clone()));
        let late = ended.await.expect("nothing fails");
        let refused = catch(async { late.spawn(async { Ok(()) }) }).await;
        assert!(text(&*refused.expect_err("the scope has ended")).contains("has ended"));
    });
}

/// `JoinScope`: another task may add children that borrow nothing; the scope is woken.
pub fn another_task_may_add_borrowing_children<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (go, settled) = (Event::new(), rt.clone());
            let inner = join_scope(async |s: JoinScope<'static, Oops>| {
                let gate = go.clone();
                n.spawn(async move {
                    settle(&settled).await;
                    s.spawn(async move {
                        gate.set();
                        Ok(())
                    });
                    Ok(())
                });
                go.wait().await;
                Ok(())
            });
            inner.await.expect("nothing fails");
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
}

/// R8: a borrowing child has the bindings of its spawner, also where that has left them.
pub fn a_borrowing_child_has_the_locals_of_its_spawner<B: Backend>(backend: B) {
    carafe_core::task_local! { static WORD: &'static str }
    backend.run(async |_| {
        let ended = join_scope(async |s: JoinScope<'_, Oops>| {
            let child = WORD.sync_scope("bound", || {
                s.spawn_task(async {
                    checkpoint().await;
                    Ok(WORD.get().as_deref().copied())
                })
            });
            assert_eq!(WORD.get(), None);
            Ok(child.await)
        });
        assert_eq!(ended.await.expect("nothing fails"), Some("bound"));
    });
}

/// `join_scope`: a thousand children, each in the place of another.
pub fn a_thousand_borrowing_children_are_joined<B: Backend>(backend: B) {
    backend.run(async |_| {
        let total = AtomicUsize::new(0);
        let ended = join_scope(async |s: JoinScope<'_, Oops>| {
            for id in 0..1000 {
                let total = &total;
                s.spawn(async move {
                    for _ in 0..id % 3 {
                        checkpoint().await;
                    }
                    total.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                });
                if id % 10 == 0 {
                    checkpoint().await;
                }
            }
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert_eq!(total.load(Ordering::SeqCst), 1000);
    });
}

/// A nursery whose child takes a second to stop.
async fn family<R: Runtime>(rt: &R, log: &Log) {
    let (theirs, held) = (rt.clone(), log.on_drop("c"));
    let _ = nursery_with(rt, |n: Nursery<Oops, _>| async move {
        n.spawn(async move {
            let _held = held;
            shield(sleep(&theirs, SECOND)).await;
            forever().await
        });
        Ok(())
    })
    .await;
}
