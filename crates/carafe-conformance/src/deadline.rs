//! Deadlines: `timeout`, `move_on_after`, a scope's own.

use std::future::ready;
use std::time::Duration;

use carafe_core::rt::Clock;
use carafe_core::testing::settle;
use carafe_core::{
    CancelScope, Cause, Nursery, checkpoint, move_on_after, nursery, shield, timeout,
};

use crate::Backend;
use crate::kit::{Log, Oops, forever, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// L1: a deadline that passes interrupts, at that time and not later; there is no value.
pub fn a_deadline_interrupts<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let ended = move_on_after(SECOND, async {
            let _held = noted.on_drop("dropped");
            sleep(&rt, SECOND * 2).await;
            noted.note("went on");
        });
        assert_eq!(ended.await, None);
        assert_eq!(rt.now() - begun, SECOND);
    });
    assert_eq!(log.entries(), ["dropped"]);
}

/// L1: a future that ends in time gives its value, and no time is lost.
pub fn what_ends_in_time_gives_its_value<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let value = move_on_after(SECOND * 2, async {
            sleep(&rt, SECOND).await;
            7
        });
        assert_eq!(value.await, Some(7));
        assert_eq!(rt.now() - begun, SECOND);
    });
}

/// A day of timeouts passes at once: a deadline that is not needed any more moves no clock.
pub fn a_deadline_that_is_over_moves_no_clock<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        for _ in 0..100 {
            timeout(SECOND * 1000, sleep(&rt, SECOND)).await.expect("it is in time");
        }
        settle(&rt).await;
        assert_eq!(rt.now() - begun, SECOND * 100);
    });
}

/// L3: a deadline that is moved into the past interrupts at the next suspension.
pub fn a_deadline_moved_to_the_past_interrupts<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let scope = CancelScope::new();
        let ended = scope.run(async {
            scope.set_deadline(Some(rt.now()));
            noted.note("still here");
            checkpoint().await;
            noted.note("went on");
        });
        let cancelled = ended.await.expect_err("its deadline has passed");
        assert_eq!(cancelled.cause(), Cause::Deadline);
        assert!(scope.is_cancelled());
    });
    assert_eq!(log.entries(), ["still here"]);
}

/// L4: a deadline that is moved to later takes the earlier one's place.
pub fn a_deadline_moved_to_later_is_the_later_one<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let scope = CancelScope::after(SECOND);
        let ended = scope.run(async {
            sleep(&rt, SECOND / 2).await;
            scope.set_deadline(Some(begun + SECOND * 4));
            sleep(&rt, SECOND * 2).await;
            7
        });
        assert_eq!(ended.await, Ok(7));
    });
}

/// L4: also when it is moved while its task waits; it interrupts at the later time then.
pub fn a_waiting_scope_ends_at_the_deadline_it_was_moved_to<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        for (first, then) in [(2, 5), (5, 2)] {
            let begun = rt.now();
            let scope = CancelScope::after(SECOND * first);
            let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
                let theirs = scope.clone();
                n.spawn(async move {
                    let ended = theirs.run(forever::<()>()).await;
                    if ended.is_err() { Ok(()) } else { Err("it cannot end") }
                });
                sleep(&rt, SECOND).await;
                scope.set_deadline(Some(begun + SECOND * then));
                Ok(())
            });
            ended.await.expect("the scope was cancelled");
            assert_eq!(rt.now() - begun, SECOND * then, "first {first}, then {then}");
        }
    });
}

/// L4: a deadline that is removed does not interrupt.
pub fn a_deadline_that_is_removed_does_not_interrupt<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let scope = CancelScope::after(SECOND);
        let ended = scope.run(async {
            checkpoint().await;
            scope.set_deadline(None);
            sleep(&rt, SECOND * 5).await;
        });
        assert_eq!(ended.await, Ok(()));
        assert_eq!(scope.deadline(), None);
    });
}

/// L5: with no time at all, what is before the first suspension runs.
pub fn no_time_at_all_is_enough_for_the_first_part<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |_| {
        let ended = move_on_after(Duration::ZERO, async {
            noted.note("a");
            checkpoint().await;
            noted.note("b");
        });
        assert_eq!(ended.await, None);
    });
    assert_eq!(log.entries(), ["a"]);
}

/// L5: with no time at all, what needs no suspension ends well.
pub fn no_time_at_all_is_enough_for_what_is_ready<B: Backend>(backend: B) {
    backend.run(async |_| assert_eq!(timeout(Duration::ZERO, ready(7)).await, Ok(7)));
}

/// L7: a time too long for the clock means never.
pub fn a_time_too_long_for_the_clock_is_no_limit<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        assert_eq!(timeout(Duration::MAX, ready(1)).await, Ok(1));
        let ended = timeout(Duration::MAX, async {
            sleep(&rt, SECOND).await;
            2
        });
        assert_eq!(ended.await, Ok(2));
        assert_eq!(CancelScope::after(Duration::MAX).deadline(), None);
    });
}

/// L8: `timeout` says `Elapsed` exactly when its own deadline interrupted it.
pub fn a_timeout_says_that_its_time_has_elapsed<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let ended = timeout(SECOND, sleep(&rt, SECOND * 100)).await;
        assert_eq!(ended.expect_err("its time is over").duration(), SECOND);
        assert_eq!(rt.now() - begun, SECOND);
        assert_eq!(timeout(SECOND * 100, sleep(&rt, Duration::ZERO)).await, Ok(()));
        assert_eq!(rt.now() - begun, SECOND);
    });
}

/// L9: a scope that is cancelled before its deadline says so.
pub fn a_scope_cancelled_before_its_deadline_says_so<B: Backend>(backend: B) {
    backend.run(async |_| {
        let scope = CancelScope::after(SECOND * 1000);
        let ended = scope.run(async {
            scope.cancel();
            checkpoint().await;
        });
        let cancelled = ended.await.expect_err("it was cancelled");
        assert_eq!(cancelled.cause(), Cause::Explicit(None));
    });
}

/// L11: where the outer deadline is earlier, the outer scope catches; the inner one was not
/// cancelled.
pub fn the_earlier_outer_deadline_catches<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let inner = CancelScope::after(SECOND);
        let ended = move_on_after(SECOND / 10, async {
            let _ended = inner.run(sleep(&rt, SECOND * 2)).await;
            noted.note("behind the inner");
        });
        assert_eq!(ended.await, None);
        assert_eq!(rt.now() - begun, SECOND / 10);
        assert!(!inner.is_cancelled());
    });
    assert!(log.entries().is_empty(), "{:?}", log.entries());
}

/// L11: where the inner deadline is earlier, the inner scope catches, and the outer one goes on.
pub fn the_earlier_inner_deadline_catches<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let ended = timeout(SECOND * 10, async {
            let inner = timeout(SECOND, forever::<()>()).await;
            sleep(&rt, SECOND).await;
            inner
        });
        assert!(ended.await.expect("the outer one is in time").is_err());
        assert_eq!(rt.now() - begun, SECOND * 2);
    });
}

/// L12: a cancellation outside passes through a `timeout` without being taken for its own.
pub fn a_cancellation_outside_passes_through_a_timeout<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let scope = CancelScope::new();
            let (theirs, inside, log) = (scope.clone(), rt.clone(), noted.clone());
            n.spawn(async move {
                let ended = theirs.run(async {
                    let _ended = timeout(SECOND, sleep(&inside, SECOND * 2)).await;
                    log.note("behind the timeout");
                });
                log.note(if ended.await.is_err() { "cancelled" } else { "ended" });
                Ok(())
            });
            settle(&rt).await;
            scope.cancel();
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert_eq!(rt.now(), begun);
    });
    assert_eq!(log.entries(), ["cancelled"]);
}

/// L12: under a shield, a `timeout` goes by its own deadline, whatever is cancelled outside.
pub fn a_timeout_under_a_shield_goes_by_its_own_deadline<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let scope = CancelScope::new();
        let ended = scope.run(async {
            scope.cancel();
            let inner = shield(timeout(SECOND / 5, sleep(&rt, SECOND * 2))).await;
            noted.note(if inner.is_err() { "elapsed" } else { "ended" });
            checkpoint().await;
            noted.note("went on");
        });
        assert!(ended.await.is_err());
        assert_eq!(rt.now() - begun, SECOND / 5);
    });
    assert_eq!(log.entries(), ["elapsed"]);
}

/// L15: a deadline outside of a shield is not seen inside; a value that is there wins.
pub fn a_deadline_outside_is_not_seen_under_a_shield<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let inside = timeout(SECOND * 1000, sleep(&rt, SECOND * 900));
        let ended = move_on_after(SECOND * 10, shield(inside));
        assert_eq!(ended.await, Some(Ok(())));
        assert_eq!(rt.now() - begun, SECOND * 900);
    });
}

/// L16: a deadline that passed while something held is noticed at the next suspension.
pub fn a_deadline_that_passed_meanwhile_is_noticed<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let scope = CancelScope::after(SECOND);
        let ended = scope.run(async {
            shield(sleep(&rt, SECOND * 2)).await;
            assert!(scope.is_cancelled());
            noted.note("behind the shield");
            checkpoint().await;
            noted.note("went on");
        });
        assert_eq!(ended.await.expect_err("its deadline has passed").cause(), Cause::Deadline);
    });
    assert_eq!(log.entries(), ["behind the shield"]);
}

/// L19: a timeout around a nursery whose children wait: one `Elapsed`, and all are joined.
pub fn a_timeout_around_a_nursery_joins_all<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let children = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (held, rt) = (noted.on_drop("child"), rt.clone());
            let theirs = rt.clone();
            n.spawn(async move {
                let _held = held;
                sleep(&theirs, SECOND * 2).await;
                Ok(())
            });
            sleep(&rt, SECOND * 2).await;
            Ok(())
        });
        assert!(timeout(SECOND / 10, children).await.is_err());
        noted.note("after");
        assert_eq!(rt.now() - begun, SECOND / 10);
    });
    assert_eq!(log.entries(), ["child", "after"]);
}

/// L21: of two nested deadlines that pass at the same time, the outer one catches.
pub fn of_two_deadlines_at_once_the_outer_catches<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let at = rt.now() + SECOND * 5;
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        outer.set_deadline(Some(at));
        inner.set_deadline(Some(at));
        let ended = outer.run(async {
            let _ended = inner.run(forever::<()>()).await;
            noted.note("between");
        });
        assert_eq!(ended.await.expect_err("its deadline has passed").cause(), Cause::Deadline);
        assert_eq!(rt.now(), at);
    });
    assert!(log.entries().is_empty(), "{:?}", log.entries());
}

/// L23: a scope counts as cancelled as soon as its deadline has passed, and does not go back.
pub fn a_passed_deadline_does_not_come_back<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let scope = CancelScope::after(SECOND);
        assert!(!scope.is_cancelled());
        scope.set_deadline(Some(rt.now()));
        assert!(scope.is_cancelled());
        scope.set_deadline(Some(rt.now() + SECOND * 9));
        assert!(scope.is_cancelled());
    });
}

/// Deadlines of many scopes pass in their order, whatever the order in which they were set.
pub fn many_deadlines_pass_in_order<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            // 37 and 100 have no common divisor: every number below 100 comes once.
            for id in (0..100_u32).map(|at| at * 37 % 100) {
                let log = noted.clone();
                n.spawn(async move {
                    // From a nanosecond to more than a day.
                    let after = Duration::from_nanos(1 << (id / 2)) * (1 + id % 2);
                    let ended = move_on_after(after, forever::<()>()).await;
                    log.note(format!("{id:02}"));
                    if ended.is_none() { Ok(()) } else { Err("it cannot end") }
                });
            }
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    let entries = log.entries();
    // Scopes 2k+1 and 2k+2 have one deadline, so their order is open.
    let order: Vec<u32> = entries.iter().map(|id| id.parse::<u32>().unwrap().div_ceil(2)).collect();
    assert_eq!(entries.len(), 100);
    assert!(order.is_sorted(), "{entries:?}");
}
