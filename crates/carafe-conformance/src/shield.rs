//! Shields.

use std::time::Duration;

use carafe_core::rt::Clock;
use carafe_core::testing::settle;
use carafe_core::{CancelScope, Nursery, checkpoint, nursery, shield, timeout};
use futures_lite::future::{or, ready};

use crate::Backend;
use crate::kit::{Event, Log, Oops, forever, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// `shield`: it gives the value of its future.
pub fn a_shield_gives_the_value_of_its_future<B: Backend>(backend: B) {
    backend.run(async |_| {
        let value = shield(async {
            checkpoint().await;
            7
        });
        assert_eq!(value.await, 7);
    });
}

/// S1: a cancelled scope waits for a shield in it; nothing behind the shield runs.
pub fn a_cancelled_scope_waits_for_a_shield<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let scope = CancelScope::new();
        let ended = scope.run(async {
            scope.cancel();
            shield(async {
                sleep(&rt, SECOND).await;
                noted.note("inside");
            })
            .await;
            checkpoint().await;
            noted.note("behind");
        });
        assert!(ended.await.is_err());
        assert_eq!(rt.now() - begun, SECOND);
    });
    assert_eq!(log.entries(), ["inside"]);
}

/// S2: scopes inside a shield still cancel; the shield goes on.
pub fn scopes_inside_a_shield_still_cancel<B: Backend>(backend: B) {
    backend.run(async |_| {
        let inner = CancelScope::new();
        let ended = shield(async {
            let ended = inner.run(async {
                inner.cancel();
                forever::<()>().await;
            });
            let ended = ended.await;
            checkpoint().await;
            ended
        });
        assert!(ended.await.is_err());
    });
}

/// S7: when the shield ends, the outermost pending cancellation is delivered at the next suspension;
/// code behind it does not run.
pub fn behind_a_shield_the_outermost_cancellation_is_delivered<B: Backend>(backend: B) {
    let log = Log::new();
    for is_inside in [true, false] {
        let noted = log.clone();
        backend.clone().run(async move |_| {
            let (first, second) = (CancelScope::new(), CancelScope::new());
            let ended = first.run(async {
                let ended = second.run(async {
                    shield(async {
                        first.cancel();
                        second.cancel();
                        checkpoint().await;
                        noted.note("shielded");
                    })
                    .await;
                    if is_inside {
                        checkpoint().await;
                        noted.note("in the second");
                    }
                });
                let _ended = ended.await;
                checkpoint().await;
                noted.note("in the first");
            });
            assert!(ended.await.is_err());
        });
    }
    assert_eq!(log.entries(), ["shielded", "shielded"]);
}

/// S8, N10: a shield in the body does not shield the nursery's children.
pub fn a_shield_in_the_body_does_not_shield_the_children<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        struct SetOnDrop(Event);
        impl Drop for SetOnDrop {
            fn drop(&mut self) {
                self.0.set();
            }
        }
        let begun = rt.now();
        let scope = CancelScope::new();
        let children = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let gone = Event::new();
            let held = SetOnDrop(gone.clone());
            shield(async {
                // Spawned under the shield, too: a child inherits from its nursery.
                n.spawn(async move {
                    let _held = held;
                    forever().await
                });
                settle(&rt).await;
                scope.cancel();
                let ended = timeout(SECOND, gone.wait()).await;
                noted.note(if ended.is_ok() { "the child is gone" } else { "it lives on" });
            })
            .await;
            Ok(())
        });
        let _ended = scope.run(children).await;
        assert_eq!(rt.now(), begun);
    });
    assert_eq!(log.entries(), ["the child is gone"]);
}

/// S10: a cancelled nursery waits for a shielded section of its body, and interrupts right behind it.
pub fn a_nursery_waits_for_a_shield_in_its_body<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let own = n.clone();
            n.spawn(async move {
                own.cancel();
                Ok(())
            });
            shield(sleep(&rt, SECOND / 10)).await;
            noted.note("a");
            sleep(&rt, SECOND).await;
            noted.note("b");
            Ok(())
        });
        assert!(ended.await.is_err());
        assert_eq!(rt.now() - begun, SECOND / 10);
    });
    assert_eq!(log.entries(), ["a"]);
}

/// S10: a cancelled child ends behind its shield, and is waited for.
pub fn a_nursery_waits_for_a_shield_in_a_child<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (theirs, log) = (rt.clone(), noted.clone());
            n.spawn(async move {
                shield(sleep(&theirs, SECOND)).await;
                log.note("a");
                checkpoint().await;
                log.note("b");
                Ok(())
            });
            n.cancel();
            Ok(())
        });
        ended.await.expect("the body had ended");
        assert_eq!(rt.now() - begun, SECOND);
    });
    assert_eq!(log.entries(), ["a"]);
}

/// S12: a shield that foreign code drops before it has ended holds nothing any more.
pub fn a_dropped_shield_holds_nothing<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |_| {
        let scope = CancelScope::new();
        let ended = scope.run(async {
            scope.cancel();
            let held = noted.on_drop("inside");
            let shielded = shield(async move {
                let _held = held;
                forever::<()>().await;
            });
            or(shielded, ready(())).await;
            noted.note("behind");
            checkpoint().await;
            noted.note("went on");
        });
        assert!(ended.await.is_err());
    });
    assert_eq!(log.entries(), ["inside", "behind"]);
}

/// S12: also when it was dropped by another branch, later: the scope ends then.
pub fn a_shield_dropped_later_lets_the_scope_end<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let scope = CancelScope::new();
        let ended = scope.run(async {
            scope.cancel();
            // The sleep is no boundary of its own, and goes on because the shield beside it holds.
            or(shield(forever::<()>()), sleep(&rt, SECOND)).await;
            forever::<()>().await;
        });
        assert!(ended.await.is_err());
        assert_eq!(rt.now() - begun, SECOND);
    });
}

/// R3: two shields side by side: the scope waits for both.
pub fn a_scope_waits_for_two_shields<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let scope = CancelScope::new();
        let ended = scope.run(async {
            scope.cancel();
            let (first, second) = (shield(sleep(&rt, SECOND)), shield(sleep(&rt, SECOND * 2)));
            futures_lite::future::zip(first, second).await;
            forever::<()>().await;
        });
        assert!(ended.await.is_err());
        assert_eq!(rt.now() - begun, SECOND * 2);
    });
}

/// R3: a shield inside a shield holds as long as the outer one.
pub fn shields_nest<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let scope = CancelScope::new();
        let ended = scope.run(async {
            scope.cancel();
            shield(async {
                shield(sleep(&rt, SECOND)).await;
                sleep(&rt, SECOND).await;
                noted.note("the outer shield");
            })
            .await;
            forever::<()>().await;
        });
        assert!(ended.await.is_err());
    });
    assert_eq!(log.entries(), ["the outer shield"]);
}

/// R3: what is under a shield is not cancelled with the scope around it: not a nursery in it, nor its
/// children, whether they were there before or came after.
pub fn a_nursery_under_a_shield_is_not_cancelled<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let scope = CancelScope::new();
        let ended = scope.run(async {
            let shielded = shield(nursery(&rt, async |n: &Nursery<Oops, _>| {
                for (id, long) in [("before", SECOND), ("after", SECOND * 2)] {
                    let (theirs, log) = (rt.clone(), noted.clone());
                    n.spawn(async move {
                        checkpoint().await;
                        sleep(&theirs, long).await;
                        log.note(id);
                        Ok(())
                    });
                    settle(&rt).await;
                    scope.cancel();
                }
                checkpoint().await;
                assert!(!n.is_cancelled());
                sleep(&rt, SECOND * 3).await;
                noted.note("body");
                Ok(())
            }));
            shielded.await.expect("it was not cancelled");
            checkpoint().await;
            noted.note("went on");
        });
        assert!(ended.await.is_err());
    });
    assert_eq!(log.entries(), ["before", "after", "body"]);
}
