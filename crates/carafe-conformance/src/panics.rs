//! Panics of children, bodies and destructors: they are waited for like errors, then unwind in the
//! parent.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::{Arc, Mutex};

use carafe_core::testing::settle;
use carafe_core::{
    CancelScope, Failure, Nursery, NurseryOptions, Runner, checkpoint, nursery, nursery_with,
};

use crate::Backend;
use crate::kit::{Event, Log, Oops, catch, forever};

/// E12: a child's panic cancels its siblings; when they are gone it unwinds in the parent, with its
/// own payload.
pub fn a_panic_of_a_child_unwinds_in_the_parent<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = catch(nursery(&rt, async |n: &Nursery<Oops, _>| {
            let held = noted.on_drop("sibling");
            n.spawn(async move {
                let _held = held;
                forever().await
            });
            n.spawn(async {
                checkpoint().await;
                panic_any(17_u8)
            });
            Ok(())
        }));
        let payload = ended.await.expect_err("the panic unwinds here");
        assert_eq!(payload.downcast_ref::<u8>(), Some(&17));
        noted.note("after");
    });
    assert_eq!(log.entries(), ["sibling", "after"]);
}

/// R7: the body's panic is waited with, too: the children are gone when it goes on unwinding.
pub fn a_panic_of_the_body_waits_for_the_children<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = catch(nursery(&rt, async |n: &Nursery<Oops, _>| {
            let held = noted.on_drop("child");
            n.spawn(async move {
                let _held = held;
                forever().await
            });
            checkpoint().await;
            if n.live() > 0 {
                panic_any(17_u8);
            }
            Ok(())
        }));
        let payload = ended.await.expect_err("the panic unwinds here");
        assert_eq!(payload.downcast_ref::<u8>(), Some(&17));
        noted.note("after");
    });
    assert_eq!(log.entries(), ["child", "after"]);
}

/// R7: of several panics, the first one's payload unwinds.
pub fn the_first_of_several_panics_unwinds<B: Backend>(backend: B) {
    // The second panics in a destructor, which runs because the first has panicked.
    struct PanicOnDrop;
    impl Drop for PanicOnDrop {
        fn drop(&mut self) {
            panic_any("second");
        }
    }
    backend.with_virtual_time().run(async |rt| {
        let ended = catch(nursery(&rt, async |n: &Nursery<Oops, _>| {
            n.spawn(async {
                let _guard = PanicOnDrop;
                forever().await
            });
            settle(&rt).await;
            n.spawn(async { panic_any("first") });
            Ok(())
        }));
        let payload = ended.await.expect_err("the panic unwinds here");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"first"));
    });
}

/// E14: where there are a panic and errors, the panic unwinds, and the errors go to the run's hook.
pub fn errors_beside_a_panic_go_to_the_hook<B: Backend>(backend: B) {
    let (hook, heard) = orphans();
    let ended = Runner::new(backend.with_virtual_time()).on_orphan(hook).try_run(async |rt| {
        let ended = catch(nursery(&rt, async |n: &Nursery<Oops, _>| {
            let failed = Event::new();
            let failing = failed.clone();
            // A shield, because the error cancels the one that is to panic.
            n.spawn(async move {
                carafe_core::shield(failed.wait()).await;
                panic_any(17_u8)
            });
            settle(&rt).await;
            n.spawn(async move {
                failing.set();
                Err("e")
            });
            Ok(())
        }));
        ended.await.expect_err("the panic unwinds here")
    });
    let payload = ended.expect("main has a value");
    assert_eq!(payload.downcast_ref::<u8>(), Some(&17));
    assert_eq!(*heard.lock().expect("nothing panics under this lock"), ["e"]);
}

/// E15: a panic in a child's destructor, while it is cancelled, is that child's panic; siblings are
/// joined, errors go to the run's hook.
pub fn a_panic_in_a_destructor_is_the_childs<B: Backend>(backend: B) {
    struct PanicOnDrop;
    impl Drop for PanicOnDrop {
        fn drop(&mut self) {
            panic_any(17_u8);
        }
    }
    let (hook, heard) = orphans();
    let log = Log::new();
    let noted = log.clone();
    let runner = Runner::new(backend.with_virtual_time()).on_orphan(hook);
    let ended = runner.try_run(async move |rt| {
        let ended = catch(nursery(&rt, async |n: &Nursery<Oops, _>| {
            let held = noted.on_drop("sibling");
            n.spawn(async move {
                let _held = held;
                forever().await
            });
            n.spawn(async {
                let _guard = PanicOnDrop;
                forever().await
            });
            settle(&rt).await;
            n.spawn(async { Err("e") });
            Ok(())
        }));
        let payload = ended.await.expect_err("the panic unwinds here");
        noted.note("after");
        payload
    });
    let payload = ended.expect("main has a value");
    assert_eq!(payload.downcast_ref::<u8>(), Some(&17));
    assert_eq!(log.entries(), ["sibling", "after"]);
    assert_eq!(*heard.lock().expect("nothing panics under this lock"), ["e"]);
}

/// R7: a panic in a nested nursery unwinds through its host into the outer one.
pub fn a_panic_unwinds_through_nested_nurseries<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        backend.run(async move |rt| {
            let outer = nursery_with(&rt, |outer: Nursery<Oops, _>| async move {
                let held = noted.on_drop("sibling");
                outer.spawn(async move {
                    let _held = held;
                    forever().await
                });
                let rt = outer.runtime().clone();
                outer.spawn(async move {
                    let inner = nursery_with(&rt, |inner: Nursery<Oops, _>| async move {
                        inner.spawn(async { panic_any(17_u8) });
                        forever::<Result<(), _>>().await
                    });
                    inner.await.map_err(|_| "not reached")
                });
                Ok(())
            });
            outer.await.map_err(|_| "not reached")
        })
    }));
    let payload = ended.expect_err("the panic came out of the run");
    assert_eq!(payload.downcast_ref::<u8>(), Some(&17));
    assert_eq!(log.entries(), ["sibling"]);
}

/// R7: supervised, a child's panic goes to the hook; siblings and body go on.
pub fn a_supervised_panic_goes_to_the_hook<B: Backend>(backend: B) {
    let log = Log::new();
    let (noted, hearing) = (log.clone(), log.clone());
    backend.with_virtual_time().run(async move |rt| {
        let supervised = NurseryOptions::<Oops>::new().supervised(move |child, failure| {
            let Failure::Panic(payload) = failure else { panic!("it was a panic") };
            assert!(child.to_string().contains("the panicking"), "{child}");
            assert_eq!(payload.downcast_ref::<u8>(), Some(&17));
            hearing.note("heard");
        });
        let ended = supervised.open(&rt, |n| {
            let rt = rt.clone();
            async move {
                let go = Event::new();
                let going = go.clone();
                n.spawn(async move {
                    going.wait().await;
                    noted.note("sibling");
                    Ok(())
                });
                n.named("the panicking").spawn(async { panic_any(17_u8) });
                settle(&rt).await;
                assert!(!n.is_cancelled());
                go.set();
                Ok(7)
            }
        });
        assert_eq!(ended.await.expect("the body has not failed"), 7);
    });
    assert_eq!(log.entries(), ["heard", "sibling"]);
}

/// V7: a panic inside a scope leaves the scopes around it as they were.
pub fn a_panic_in_a_scope_leaves_the_scopes_around_intact<B: Backend>(backend: B) {
    backend.run(async |_| {
        let outer = CancelScope::new();
        let ended = outer.run(async {
            let inner = CancelScope::new();
            let panicked = catch(inner.run(async {
                checkpoint().await;
                panic_any(17_u8)
            }));
            assert!(matches!(panicked.await, Err(payload) if payload.is::<u8>()));
            // What is current now is the outer scope, and not what is left of the inner one.
            inner.cancel();
            checkpoint().await;
            outer.cancel();
            forever::<()>().await;
        });
        assert!(ended.await.is_err());
        checkpoint().await;
    });
}

type Heard = Arc<Mutex<Vec<Oops>>>;

/// A hook for a run's orphaned errors, and what it has heard.
fn orphans() -> (impl Fn(Box<dyn Any + Send>) + Send + Sync, Heard) {
    let heard = Heard::default();
    let hearing = heard.clone();
    let hook = move |error: Box<dyn Any + Send>| {
        let error = *error.downcast::<Oops>().expect("the children have this error type");
        hearing.lock().expect("nothing panics under this lock").push(error);
    };
    (hook, heard)
}
