//! Clean-up that is awaited, scopes whose shield goes up and down, and the small ones beside them.

use std::time::Duration;

use carafe_core::rt::Clock;
use carafe_core::testing::settle;
use carafe_core::{
    CancelScope, Nursery, check_cancelled, checkpoint, effective_deadline, finally, is_cancelled,
    move_on_after, nursery, shield, shield_for, shielded_yield, timeout,
};
use futures_lite::future::{or, ready};

use crate::Backend;
use crate::kit::{Event, Log, OnlyWoken, Oops, catch, errors, forever, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// S11: the clean-up runs once, and is awaited, after a value.
pub fn a_clean_up_follows_a_value<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let value = finally(async { 1 }, async || {
            sleep(&rt, SECOND).await;
            noted.note("clean-up");
        });
        assert_eq!(value.await, 1);
        assert_eq!(rt.now() - begun, SECOND);
    });
    assert_eq!(log.entries(), ["clean-up"]);
}

/// S11: a cancelled scope waits for the clean-up: cancelled at 1 s, clean-up 2 s, it returns at 3 s.
pub fn a_cancelled_scope_waits_for_a_clean_up<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let held = noted.on_drop("body");
        let body = async move {
            let _held = held;
            forever::<()>().await;
        };
        let cleaned = finally(body, async || {
            noted.note("begins");
            sleep(&rt, SECOND * 2).await;
            checkpoint().await;
            noted.note("ends");
        });
        let ended = timeout(SECOND, async {
            cleaned.await;
            noted.note("behind");
        });
        assert!(ended.await.is_err());
        assert_eq!(rt.now() - begun, SECOND * 3);
    });
    assert_eq!(log.entries(), ["body", "begins", "ends"]);
}

/// S11: a panic goes on behind the clean-up.
pub fn a_clean_up_follows_a_panic<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |_| {
        let body = async {
            checkpoint().await;
            panic!("by the case")
        };
        let caught = catch(finally(body, async || {
            checkpoint().await;
            noted.note("clean-up");
        }));
        assert!(caught.await.is_err());
    });
    assert_eq!(log.entries(), ["clean-up"]);
}

/// E7, S11: an error that a clean-up leads to while a nursery is cancelled is reported, too.
pub fn a_child_cleans_up_when_its_nursery_is_cancelled<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let log = noted.clone();
            n.spawn(async move {
                finally(forever(), async || {
                    checkpoint().await;
                    log.note("clean-up");
                })
                .await
            });
            n.spawn(async { Err("1") });
            forever::<Result<(), _>>().await
        });
        assert_eq!(errors(ended.await), ["1"]);
        assert_eq!(noted.entries(), ["clean-up"]);
    });
}

/// X12: the clean-up runs also inside a combinator that polls only woken children.
pub fn a_clean_up_runs_inside_a_combinator<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let scope = CancelScope::new();
        let cleaned = finally(forever(), async || {
            checkpoint().await;
            noted.note("clean-up");
        });
        let ended = scope.run(OnlyWoken::default().with(cleaned).with(forever()));
        let cancel = async {
            settle(&rt).await;
            scope.cancel();
            forever::<()>().await;
        };
        or(async { assert!(ended.await.is_err()) }, cancel).await;
    });
    assert_eq!(log.entries(), ["clean-up"]);
}

/// `finally`: foreign code that drops it drops the body; no clean-up begins.
pub fn a_dropped_body_has_no_clean_up<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |_| {
        let held = noted.on_drop("body");
        let body = async move {
            let _held = held;
            forever::<()>().await;
        };
        or(finally(body, async || noted.note("clean-up")), ready(())).await;
    });
    assert_eq!(log.entries(), ["body"]);
}

/// S3: a shielded scope is not shielded from itself.
pub fn a_shielded_scope_is_not_shielded_from_itself<B: Backend>(backend: B) {
    backend.run(async |_| {
        let scope = CancelScope::new();
        scope.set_shield(true);
        scope.cancel();
        assert!(scope.run(checkpoint()).await.is_err());
    });
}

/// S4: a shield goes up and down; lowered, it delivers what it kept out at the next suspension.
pub fn lowering_a_shield_delivers_the_cancellation<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (theirs, log) = (rt.clone(), noted.clone());
            let shielded = Event::new();
            let up = shielded.clone();
            n.spawn(async move {
                let scope = CancelScope::new();
                let ended = scope.run(async {
                    sleep(&theirs, SECOND).await;
                    scope.set_shield(true);
                    up.set();
                    sleep(&theirs, SECOND).await;
                    log.note("done");
                    scope.set_shield(false);
                    sleep(&theirs, SECOND).await;
                    log.note("x");
                });
                let _ = ended.await;
                checkpoint().await;
                log.note("behind");
                Ok(())
            });
            shielded.wait().await;
            n.cancel();
            Ok(())
        });
        ended.await.expect("the body had ended");
    });
    assert_eq!(log.entries(), ["done"]);
}

/// S4: also lowered from outside, while the task inside waits.
pub fn a_shield_can_be_lowered_from_outside<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let scope = CancelScope::new();
            scope.set_shield(true);
            let handle = scope.clone();
            n.spawn(async move {
                let _ = scope.run(forever::<()>()).await;
                Ok(())
            });
            let theirs = rt.clone();
            n.cancel();
            shield(async move {
                sleep(&theirs, SECOND).await;
                handle.set_shield(false);
            })
            .await;
            Ok(())
        });
        ended.await.expect("the body had ended");
        assert_eq!(rt.now() - begun, SECOND);
    });
}

/// S6: a shield raised while the drop is under way changes nothing: the outer scope catches.
pub fn a_shield_raised_too_late_changes_nothing<B: Backend>(backend: B) {
    struct Raise(CancelScope);
    impl Drop for Raise {
        fn drop(&mut self) {
            self.0.set_shield(true);
        }
    }
    backend.run(async |_| {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let raise = Raise(inner.clone());
        let ended = outer.run(async {
            let inside = async move {
                let _raise = raise;
                forever::<()>().await;
            };
            outer.cancel();
            inner.run(inside).await
        });
        assert!(ended.await.is_err());
    });
}

/// S13: `shield_for` holds until its time is over.
pub fn a_shield_for_a_time_ends_with_it<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let scope = CancelScope::new();
        scope.cancel();
        let ended = scope.run(async {
            shield_for(SECOND, forever::<()>()).await;
            forever::<()>().await;
        });
        assert!(ended.await.is_err());
        assert_eq!(rt.now() - begun, SECOND);
        assert_eq!(shield_for(SECOND, async { 1 }).await, Some(1));
    });
}

/// C25: `check_cancelled` interrupts if the scope is cancelled and does not suspend otherwise;
/// `shielded_yield` suspends and does not check; `checkpoint` does both.
pub fn each_kind_of_checkpoint_does_its_part<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |_| {
        let mut check = Box::pin(check_cancelled());
        assert!(futures_lite::future::poll_once(&mut check).await.is_some());
        let scope = CancelScope::new();
        let ended = scope.run(async {
            scope.cancel();
            assert!(is_cancelled());
            shielded_yield().await;
            shielded_yield().await;
            noted.note("yielded");
            checkpoint().await;
            noted.note("behind");
        });
        assert!(ended.await.is_err());
        let scope = CancelScope::new();
        let ended = scope.run(async {
            scope.cancel();
            check_cancelled().await;
            noted.note("behind");
        });
        assert!(ended.await.is_err());
        assert!(!is_cancelled());
    });
    assert_eq!(log.entries(), ["yielded"]);
}

/// L13: the effective deadline is the earliest of the scopes around, up to a shield; a cancelled scope
/// counts as now.
pub fn the_effective_deadline_is_the_earliest_around<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let seconds = || effective_deadline().map(|at| (at - begun).as_secs());
        assert_eq!(seconds(), None);
        let (outer, inner) = (CancelScope::after(SECOND * 5), CancelScope::after(SECOND * 10));
        let ended = outer.run(async {
            assert_eq!(seconds(), Some(5));
            let ended = inner.run(async {
                assert_eq!(seconds(), Some(5));
                inner.set_deadline(Some(begun + SECOND * 3));
                assert_eq!(seconds(), Some(3));
                inner.set_deadline(Some(begun + SECOND * 10));
                assert_eq!(seconds(), Some(5));
                inner.set_shield(true);
                assert_eq!(seconds(), Some(10));
                inner.set_shield(false);
                assert_eq!(seconds(), Some(5));
                outer.cancel();
                assert_eq!(seconds(), Some(0));
                inner.set_shield(true);
                assert_eq!(seconds(), Some(10));
            });
            ended.await.expect("nothing was awaited");
            assert_eq!(seconds(), Some(0));
        });
        ended.await.expect("nothing was awaited");
        assert_eq!(seconds(), None);
        // Of a scope without a handle, also before anything was awaited in it.
        let inside = move_on_after(SECOND * 2, async { seconds() }).await;
        assert_eq!(inside, Some(Some(2)));
    });
}
