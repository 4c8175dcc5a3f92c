//! The loop's own clock: what `rt::Clock` and `rt::Sleep` promise.
//!
//! The one chapter that sleeps in real time where the loop's clock is real; its sleeps are of
//! milliseconds, and concurrent where a case has several.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use carafe_core::rt::{Clock, Meta, Sleep, Spawn};
use futures_lite::future::{poll_once, zip};
use futures_lite::{FutureExt, StreamExt, stream};

use crate::Backend;
use crate::kit::{Counted, Event};

const SHORT: Duration = Duration::from_millis(20);
/// Longer than any case runs: who waits for it waits for ever.
const LONG: Duration = Duration::from_secs(600);

/// `Clock::sleep_until`: never before its deadline (L17).
pub fn a_sleep_is_never_early<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let begun = rt.now() + SHORT;
        // Odd fractions of a millisecond and of a microsecond: a clock that rounds down would show.
        let steps = (0..50_u32).flat_map(|step| [137_000 * step, 137 * step]);
        let deadlines = steps.map(|nanos| begun + Duration::from_nanos(nanos.into()));
        let mut sleeps: Vec<_> = deadlines.map(|at| Box::pin(rt.sleep_until(at))).collect();
        poll_fn(|cx| {
            // All of them at each wake-up, those too whose time has not come.
            sleeps.retain_mut(|sleep| {
                let has_ended = sleep.as_mut().poll(cx).is_ready();
                assert!(!has_ended || rt.now() >= sleep.deadline(), "a sleep was early");
                !has_ended
            });
            if sleeps.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
}

/// `Clock::sleep_until`: at once, if the deadline has passed; also one that is the present.
pub fn a_deadline_in_the_past_ends_at_once<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let past = rt.now();
        rt.sleep_until(past).await;
        if let Some(earlier) = past.checked_sub(SHORT) {
            rt.sleep_until(earlier).await;
        }
    });
}

/// `Clock::now`: it does not run backwards, and a sleep moves it.
pub fn time_moves_on<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let before = rt.now();
        assert!(rt.now() >= before);
        rt.sleep_until(before + SHORT).await;
        assert!(rt.now() >= before + SHORT);
    });
}

/// `Clock::wall_now`: the time of day moves with `now`.
pub fn the_time_of_day_moves_with_the_clock<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let before = rt.wall_now();
        rt.sleep_until(rt.now() + SHORT).await;
        // Someone may set the system's clock meanwhile, so only forwards is promised here.
        let moved = rt.wall_now().duration_since(before).expect("nobody set the clock back");
        assert!(moved >= SHORT / 2, "it moved by {moved:?}");
    });
}

/// `Clock::sleep_until`: a sleep may be created on a thread that the loop does not own.
pub fn a_sleep_may_be_created_off_the_loop<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let theirs = rt.clone();
        let created = thread::spawn(move || theirs.sleep_until(theirs.now() + SHORT)).join();
        let sleep = created.expect("creating a sleep does not panic");
        let deadline = sleep.deadline();
        sleep.await;
        assert!(rt.now() >= deadline);
    });
}

/// `Clock::sleep_until`: a sleep wakes the task that polls it, in whichever task that is.
pub fn a_sleep_may_move_between_tasks<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let mut sleep = Box::pin(rt.sleep_until(rt.now() + SHORT));
        assert!(poll_once(&mut sleep).await.is_none(), "it is not yet time");
        let done = Event::new();
        let its = done.clone();
        rt.spawn_detached(Meta::unnamed(), async move {
            sleep.await;
            its.set();
        });
        done.wait().await;
    });
}

/// `Clock`, on drop: a sleep that is dropped forgets its deadline.
pub fn a_dropped_sleep_wakes_nobody<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let polls = std::sync::Arc::default();
        let mut forgotten = Some(rt.sleep_until(rt.now() + SHORT));
        let mut kept = pin!(rt.sleep_until(rt.now() + SHORT * 2));
        let waiting = poll_fn(|cx| {
            if let Some(sleep) = forgotten.take() {
                assert!(pin!(sleep).poll(cx).is_pending(), "it is not yet time");
            }
            kept.as_mut().poll(cx)
        });
        Counted::new(waiting, &polls).await;
        let polls = polls.load(std::sync::atomic::Ordering::SeqCst);
        assert!(polls <= 2, "polled {polls} times");
    });
}

/// `Sleep::deadline`: it says when it ends.
pub fn a_sleep_knows_its_deadline<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let deadline = rt.now() + LONG;
        assert_eq!(rt.sleep_until(deadline).deadline(), deadline);
    });
}

/// `Sleep::reset`: to later, also after it was polled: it ends at the new deadline.
pub fn a_sleep_reset_to_later_ends_later<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let mut sleep = pin!(rt.sleep_until(rt.now() + SHORT));
        assert!(poll_once(sleep.as_mut()).await.is_none(), "it is not yet time");
        let later = rt.now() + SHORT * 3;
        sleep.as_mut().reset(later);
        assert_eq!(sleep.deadline(), later);
        sleep.await;
        assert!(rt.now() >= later);
    });
}

/// `Sleep::reset`: to earlier, after it was polled: whoever polls it again is woken early.
pub fn a_sleep_reset_to_earlier_ends_earlier<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let begun = rt.now();
        let mut sleep = pin!(rt.sleep_until(begun + LONG));
        assert!(poll_once(sleep.as_mut()).await.is_none(), "it is not yet time");
        sleep.as_mut().reset(begun + SHORT);
        sleep.await;
        assert!(rt.now() >= begun + SHORT);
        assert!(rt.now() < begun + LONG);
    });
}

/// `Sleep::reset`: a sleep that has ended can be used again.
pub fn a_sleep_that_has_ended_can_be_reset<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let mut sleep = pin!(rt.sleep_until(rt.now()));
        sleep.as_mut().await;
        let again = rt.now() + SHORT;
        sleep.as_mut().reset(again);
        sleep.as_mut().await;
        assert!(rt.now() >= again);
    });
}

/// `Sleep::reset`: before the first poll, it is as if created so.
pub fn a_sleep_can_be_reset_before_it_is_polled<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let mut sleep = pin!(rt.sleep_until(rt.now() + LONG));
        let sooner = rt.now() + SHORT;
        sleep.as_mut().reset(sooner);
        sleep.as_mut().await;
        assert!(rt.now() >= sooner);
    });
}

/// `Clock::sleep_until`: sleeps are concurrent, across tasks and within one.
pub fn sleeps_are_concurrent<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let begun = rt.now();
        let deadline = begun + SHORT * 2;
        let sleeps = (0..100).map(|_| rt.sleep_until(deadline)).collect::<Vec<_>>();
        let one_by_one = stream::iter(sleeps).then(|sleep| sleep).for_each(|()| ());
        let done = Event::new();
        let (its, theirs) = (done.clone(), rt.clone());
        rt.spawn_detached(Meta::unnamed(), async move {
            theirs.sleep_until(deadline).await;
            its.set();
        });
        zip(one_by_one, done.wait()).await;
        // 101 sleeps one after the other would take 4 s.
        assert!(rt.now() - begun < SHORT * 50, "that took {:?}", rt.now() - begun);
    });
}

/// `Clock::sleep_until`: a deadline that is far away is one, and does not overflow.
pub fn a_deadline_may_be_a_hundred_years_away<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let century = Duration::from_secs(100 * 366 * 24 * 60 * 60);
        let far = rt.now().checked_add(century).expect("the clock reaches that far");
        let far = async {
            rt.sleep_until(far).await;
            "far"
        };
        let near = async {
            rt.sleep_until(rt.now() + SHORT).await;
            "near"
        };
        assert_eq!(near.or(far).await, "near");
        // Polled again after the near one was over: nothing woke it meanwhile.
        let mut left = pin!(rt.sleep_until(rt.now() + century));
        assert!(poll_once(left.as_mut()).await.is_none());
    });
}
