//! Children that say when they are ready.

use std::time::Duration;

use carafe_core::rt::{Clock, Runtime};
use carafe_core::{
    CancelScope, Nursery, NurseryError, StartError, Started, checkpoint, move_on_after, nursery,
};

use crate::Backend;
use crate::kit::{Log, Oops, errors, forever, sleep};

const SECOND: Duration = Duration::from_secs(1);

async fn sleep_then_start<R: Runtime>(
    rt: R,
    seconds: u32,
    started: Started<u32>,
) -> Result<(), Oops> {
    sleep(&rt, SECOND * seconds).await;
    started.started(seconds);
    sleep(&rt, SECOND * seconds).await;
    Ok(())
}

/// T1: `start` gives the value that the child started with; the child goes on in the nursery.
pub fn start_gives_the_value_and_the_child_goes_on<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let theirs = rt.clone();
            let value = n.start(|started| sleep_then_start(theirs, 3, started)).await;
            assert_eq!(value.expect("it started"), 3);
            assert_eq!(rt.now() - begun, SECOND * 3);
            assert_eq!(n.live(), 1);
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert_eq!(rt.now() - begun, SECOND * 6);
    });
}

/// T2: the same function runs without being started.
pub fn a_function_that_can_be_started_runs_alone<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        sleep_then_start(rt.clone(), 3, Started::ignored()).await.expect("nothing fails");
        assert_eq!(rt.now() - begun, SECOND * 6);
    });
}

/// T5: a child that ends, or drops its `Started`, without having started: the starter hears of it, the
/// nursery does not.
pub fn a_child_that_does_not_start_is_the_starters_alone<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let ended = n.start(|started: Started<()>| async move {
                drop(started);
                Ok(())
            });
            assert!(matches!(ended.await, Err(StartError::NotStarted)));
            let lives_on = n.start(|started: Started<()>| async move {
                drop(started);
                forever().await
            });
            assert!(matches!(lives_on.await, Err(StartError::NotStarted)));
            assert_eq!(n.live(), 0);
            Ok(1)
        });
        assert_eq!(ended.await.expect("nothing fails"), 1);
    });
}

/// T6: cancelling a start cancels the child that has not started, and waits for it.
pub fn cancelling_a_start_cancels_its_child<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let held = noted.on_drop("child");
            let start = n.start(|started: Started<()>| async move {
                let _started = started;
                let _held = held;
                forever().await
            });
            assert!(move_on_after(SECOND, start).await.is_none());
            assert_eq!(rt.now() - begun, SECOND);
            assert_eq!(noted.entries(), ["child"]);
            assert_eq!(n.live(), 0);
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
}

/// T7: a child that says it has started when its start is cancelled already does not move: its error
/// is the starter's.
pub fn a_child_of_a_cancelled_start_does_not_move<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let scope = CancelScope::new();
            scope.cancel();
            let start = n.start(|started| async move {
                started.started(());
                Err("whoops")
            });
            match scope.run(start).await {
                Ok(Err(StartError::Failed(errors))) => assert_eq!(errors.into_first(), "whoops"),
                other => panic!("{other:?}"),
            }
            Ok(())
        });
        ended.await.expect("the nursery does not hear of it");
    });
}

/// T9: a start in a nursery that has ended fails at once; the child is not polled.
pub fn a_start_in_a_closed_nursery_fails_at_once<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let ended =
            nursery(&rt, async |n: &Nursery<Oops, _>| Ok(n.clone())).await.expect("it is empty");
        let theirs = rt.clone();
        let refused = ended.start(|started| sleep_then_start(theirs, 7, started)).await;
        assert!(matches!(refused, Err(StartError::Closed)));
        assert_eq!(rt.now(), begun);
    });
}

/// T10: a pending start keeps the nursery open though it has no children.
pub fn a_pending_start_keeps_the_nursery_open<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let outer = nursery(&rt, async |outer: &Nursery<Oops, _>| {
            let inner = nursery(&rt, async |inner: &Nursery<Oops, _>| {
                for (delay, seconds) in [(0, 2), (1, 3)] {
                    let (rt, inner) = (rt.clone(), inner.clone());
                    outer.spawn(async move {
                        sleep(&rt, SECOND * delay).await;
                        let theirs = rt.clone();
                        let start =
                            inner.start(|started| sleep_then_start(theirs, seconds, started));
                        start.await.map(drop).map_err(|_| "did not start")
                    });
                }
                // Until the first start is under way.
                sleep(&rt, SECOND / 2).await;
                Ok(())
            });
            inner.await.expect("nothing fails");
            assert_eq!(rt.now() - begun, SECOND * 7);
            Ok(())
        });
        outer.await.expect("nothing fails");
    });
}

/// T11: also when the pending child fails, and never arrives: only the starter sees the error.
pub fn a_pending_start_that_fails_closes_the_nursery_quietly<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let outer = nursery(&rt, async |outer: &Nursery<Oops, _>| {
            let inner = nursery(&rt, async |inner: &Nursery<Oops, _>| {
                let (rt2, inner) = (rt.clone(), inner.clone());
                outer.spawn(async move {
                    let theirs = rt2.clone();
                    let start = inner.start(|started: Started<()>| async move {
                        let _started = started;
                        sleep(&theirs, SECOND * 7).await;
                        Err("never arrives")
                    });
                    match start.await {
                        Err(StartError::Failed(errors)) => Err(errors.into_first()),
                        other => panic!("{other:?}"),
                    }
                });
                checkpoint().await;
                sleep(&rt, SECOND).await;
                Ok(())
            });
            inner.await.expect("the nursery does not hear of it");
            assert_eq!(rt.now() - begun, SECOND * 7);
            Ok(())
        });
        assert_eq!(errors(outer.await), ["never arrives"]);
    });
}

/// T13: an error after the child has started is the nursery's, also in the very same poll.
pub fn an_error_after_started_is_the_nurserys<B: Backend>(backend: B) {
    backend.run(async |rt| {
        for pauses in [0, 1] {
            let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
                let start = n.start(|started| async move {
                    started.started(2);
                    for _ in 0..pauses {
                        checkpoint().await;
                    }
                    Err("foo")
                });
                assert_eq!(start.await.expect("it started"), 2);
                forever::<Result<(), _>>().await
            });
            assert_eq!(errors(ended.await), ["foo"]);
        }
    });
}

/// T14: a start that is cancelled does not cancel the nursery.
pub fn a_cancelled_start_leaves_the_nursery_alone<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let scope = CancelScope::new();
            scope.cancel();
            let theirs = noted.clone();
            let start = n.start(|started: Started<()>| async move {
                let _started = started;
                theirs.note("polled");
                forever().await
            });
            assert!(scope.run(start).await.is_err());
            assert!(!n.is_cancelled());
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!(log.entries(), ["polled"]);
}

/// T19: a start in a cancelled nursery runs the child to its first suspension, and no further.
pub fn a_start_in_a_cancelled_nursery_runs_to_the_first_suspension<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            n.cancel();
            let (theirs, log) = (rt.clone(), noted.clone());
            let start = n.start(|started| async move {
                log.note("a");
                sleep(&theirs, SECOND).await;
                log.note("b");
                started.started(());
                Ok(())
            });
            let _ = start.await;
            noted.note("behind");
            Ok(())
        });
        assert!(matches!(ended.await, Err(NurseryError::Cancelled(_))));
    });
    assert_eq!(log.entries(), ["a"]);
}

/// A child that has started lives in its nursery: cancelling that ends it, cancelling the start's
/// scope does not.
pub fn a_started_child_is_cancelled_with_its_nursery<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let scope = CancelScope::new();
            let held = noted.on_drop("child");
            let start = n.start(|started| async move {
                let _held = held;
                started.started(());
                forever().await
            });
            scope.run(start).await.expect("not cancelled").expect("it started");
            scope.cancel();
            checkpoint().await;
            assert!(noted.entries().is_empty());
            assert_eq!(n.live(), 1);
            n.cancel();
            Ok(())
        });
        ended.await.expect("the body had ended");
        assert_eq!(noted.entries(), ["child"]);
    });
}
