//! Errors of children and bodies: all of them are reported, cancellation is none.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};

use carafe_core::testing::settle;
use carafe_core::{
    Failure, Nursery, NurseryError, NurseryOptions, checkpoint, nursery, nursery_with, shield,
};

use crate::Backend;
use crate::kit::{Event, Log, Oops, errors, forever};

/// E2: a child's error comes out of the nursery, though the body has a value.
pub fn an_error_of_a_child_comes_out<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            n.spawn(async { Err("e") });
            Ok(7)
        });
        assert_eq!(errors(ended.await), ["e"]);
    });
}

/// E3: a child's error interrupts a body that waits; what the body holds is dropped.
pub fn an_error_of_a_child_interrupts_the_body<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let _held = noted.on_drop("body");
            n.spawn(async {
                checkpoint().await;
                Err("e")
            });
            forever::<Result<(), _>>().await
        });
        assert_eq!(errors(ended.await), ["e"]);
    });
    assert_eq!(log.entries(), ["body"]);
}

/// E4: a child's error cancels its siblings, and the nursery waits for them.
pub fn an_error_of_a_child_cancels_its_siblings<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let held = noted.on_drop("looper");
            n.spawn(async move {
                let _held = held;
                loop {
                    checkpoint().await;
                }
            });
            n.spawn(async { Err("crash") });
            Ok(())
        });
        assert_eq!(errors(ended.await), ["crash"]);
        noted.note("after");
    });
    assert_eq!(log.entries(), ["looper", "after"]);
}

/// E5: the body's error cancels the children, and comes out.
pub fn an_error_of_the_body_cancels_the_children<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let held = noted.on_drop("child");
            n.spawn(async move {
                let _held = held;
                forever().await
            });
            Err::<(), _>("body")
        });
        assert_eq!(errors(ended.await), ["body"]);
        noted.note("after");
    });
    assert_eq!(log.entries(), ["child", "after"]);
}

/// E6: an error of the body and one of a child are both reported.
pub fn errors_of_body_and_child_are_both_reported<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            n.spawn(async { Err("child") });
            Err::<(), _>("body")
        });
        let mut both = errors(ended.await);
        both.sort_unstable();
        assert_eq!(both, ["body", "child"]);
    });
}

/// E7: an error of a clean-up during cancellation is reported too; errors come in order.
pub fn an_error_during_clean_up_is_reported<B: Backend>(backend: B) {
    // The third child's end lets the second's shield end, so the order is this and no other.
    struct SetOnDrop(Event);
    impl Drop for SetOnDrop {
        fn drop(&mut self) {
            self.0.set();
        }
    }
    backend.with_virtual_time().run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let cancelled = Event::new();
            let (fail, cleaning) = (Event::new(), cancelled.clone());
            let failing = fail.clone();
            n.spawn(async move {
                failing.wait().await;
                Err("1")
            });
            n.spawn(async move {
                shield(cleaning.wait()).await;
                Err("2")
            });
            let held = SetOnDrop(cancelled);
            n.spawn(async move {
                let _held = held;
                forever().await
            });
            settle(&rt).await;
            fail.set();
            Ok(())
        });
        assert_eq!(errors(ended.await), ["1", "2"]);
    });
}

/// E8: cancellation is never an entry among the errors.
pub fn cancellation_is_no_error<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for _ in 0..3 {
                n.spawn(forever());
            }
            n.spawn(async {
                checkpoint().await;
                Err("e")
            });
            forever::<Result<(), _>>().await
        });
        assert_eq!(errors(ended.await), ["e"]);
    });
}

/// R5: errors beat cancellation: a nursery that is cancelled and has an error reports the error.
pub fn errors_beat_cancellation<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let own = n.clone();
            n.spawn(async move {
                own.cancel();
                Err("e")
            });
            forever::<Result<(), _>>().await
        });
        assert_eq!(errors(ended.await), ["e"]);
    });
}

/// E10: nested nurseries nest their reports: one entry outside, whose sources lead to the one inside.
pub fn reports_nest<B: Backend>(backend: B) {
    #[derive(Debug)]
    struct Salt;
    impl fmt::Display for Salt {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("salt")
        }
    }
    impl Error for Salt {}

    #[derive(Debug)]
    struct Kitchen(NurseryError<Salt>);
    impl fmt::Display for Kitchen {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("kitchen")
        }
    }
    impl Error for Kitchen {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    backend.run(async |rt| {
        let theirs = rt.clone();
        let ended = nursery(&rt, async |outer: &Nursery<Kitchen, _>| {
            outer.spawn(async move {
                let inner = nursery_with(&theirs, |n: Nursery<Salt, _>| async move {
                    n.spawn(async { Err(Salt) });
                    n.spawn(async { Err(Salt) });
                    Ok(())
                });
                inner.await.map_err(Kitchen)
            });
            Ok(())
        });
        let Err(NurseryError::Failed(report)) = ended.await else { panic!("the kitchen failed") };
        assert_eq!(report.len(), 1);
        let mut cause: &dyn Error = report.first();
        let mut chain = vec![cause.to_string()];
        while let Some(source) = cause.source() {
            chain.push(source.to_string());
            cause = source;
        }
        assert!(cause.downcast_ref::<Salt>().is_some(), "{chain:?}");
    });
}

/// E11: the type of the error does not depend on how many have failed; it says how many there are.
pub fn one_failure_is_reported_like_many<B: Backend>(backend: B) {
    backend.run(async |rt| {
        for count in [1, 3] {
            let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
                for _ in 0..count {
                    n.spawn(async { Err("e") });
                }
                Ok(())
            });
            let Err(NurseryError::Failed(report)) = ended.await else { panic!("children failed") };
            assert_eq!(report.len(), count);
            assert_eq!(*report.first(), "e");
            let more =
                if count == 1 { String::from("e") } else { format!("e (+{} more)", count - 1) };
            assert_eq!(report.to_string(), more);
            assert_eq!(report.into_iter().count(), count);
        }
    });
}

/// Supervised: a child's error goes to the hook, with who it was; siblings and body go on.
pub fn a_supervised_error_goes_to_the_hook<B: Backend>(backend: B) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hearing = heard.clone();
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let supervised = NurseryOptions::<Oops>::new().supervised(move |child, failure| {
            let Failure::Error(error) = failure else { panic!("it was an error") };
            hearing
                .lock()
                .expect("nothing panics under this lock")
                .push((child.to_string(), error));
        });
        let ended = supervised.open(&rt, |n| {
            let rt = rt.clone();
            async move {
                let go = Event::new();
                let going = go.clone();
                n.named("the sibling").spawn(async move {
                    going.wait().await;
                    noted.note("sibling");
                    Ok(())
                });
                n.named("the failing").spawn(async { Err("e") });
                settle(&rt).await;
                assert!(!n.is_cancelled());
                go.set();
                Ok(7)
            }
        });
        assert_eq!(ended.await.expect("the body has not failed"), 7);
    });
    assert_eq!(log.entries(), ["sibling"]);
    let heard = heard.lock().expect("nothing panics under this lock");
    assert_eq!(heard.len(), 1);
    assert!(heard[0].0.contains("the failing"), "{heard:?}");
    assert_eq!(heard[0].1, "e");
}

/// Supervised: the body's own error still comes out, and cancels the children.
pub fn an_error_of_a_supervising_body_comes_out<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let supervised = NurseryOptions::<Oops>::new().supervised(|_, _| {});
        let ended = supervised.open(&rt, |n| {
            let held = noted.on_drop("child");
            n.spawn(async move {
                let _held = held;
                forever().await
            });
            async { Err::<(), _>("body") }
        });
        assert_eq!(errors(ended.await), ["body"]);
    });
    assert_eq!(log.entries(), ["child"]);
}
