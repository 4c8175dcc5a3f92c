//! Values that belong to a task and those it spawns.

use carafe_core::{Nursery, checkpoint, nursery, task_local, to_thread};
use futures_lite::future::zip;

use crate::Backend;
use crate::kit::{Event, Log, Oops, catch};

task_local! {
    static A: u32;
    static B: &'static str;
    #[own]
    static MINE: u32;
}

fn a() -> Option<u32> {
    A.get().map(|value| *value)
}

/// V1: a child sees what was bound when it was spawned, and nothing that is bound later.
pub fn a_child_sees_what_was_bound_at_its_spawn<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let go = Event::new();
            for value in [1, 2] {
                let (log, go) = (noted.clone(), go.clone());
                let spawn = async {
                    n.spawn(async move {
                        go.wait().await;
                        log.note(format!("{value} {:?}", a()));
                        Ok(())
                    });
                };
                A.scope(value, spawn).await;
            }
            go.set();
            Ok(())
        });
        A.scope(9, ended).await.expect("nothing fails");
    });
    let mut entries = log.entries();
    entries.sort();
    assert_eq!(entries, ["1 Some(1)", "2 Some(2)"]);
}

/// V2: a child's binding reaches neither its parent nor its siblings, and nothing leaks out of a run.
pub fn a_binding_does_not_leak<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let bound = Event::new();
            let told = bound.clone();
            n.spawn(A.scope(2, async move {
                told.set();
                checkpoint().await;
                assert_eq!(a(), Some(2));
                Ok(())
            }));
            bound.wait().await;
            assert_eq!(a(), Some(1));
            n.spawn(async {
                assert_eq!(a(), Some(1));
                Ok(())
            });
            Ok(())
        });
        A.scope(1, ended).await.expect("nothing fails");
        assert_eq!(a(), None);
    });
    assert_eq!(a(), None);
}

/// V3: locals come from the spawner, cancellation from the nursery.
pub fn locals_come_from_the_spawner<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let outer = nursery(&rt, async |outer: &Nursery<Oops, _>| {
            let inner = nursery(&rt, async |inner: &Nursery<Oops, _>| {
                let (outer, log) = (outer.clone(), noted.clone());
                inner.spawn(A.scope(7, async move {
                    let held = log.on_drop("cancelled");
                    outer.spawn(async move {
                        let _held = held;
                        log.note(format!("{:?}", a()));
                        std::future::pending().await
                    });
                    Ok(())
                }));
                Ok(())
            });
            inner.await.expect("it does not wait for a child of the outer one");
            while noted.entries().is_empty() {
                checkpoint().await;
            }
            outer.cancel();
            Ok(())
        });
        outer.await.expect("the body had ended");
    });
    assert_eq!(log.entries(), ["Some(7)", "cancelled"]);
}

/// V7: bindings survive a migration between threads, and are put back when an inner poll panics.
pub fn bindings_survive_migration_and_panics<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for value in 0..8 {
                n.spawn(A.scope(value, async move {
                    for _ in 0..100 {
                        checkpoint().await;
                        assert_eq!(a(), Some(value));
                    }
                    let panics = A.scope(99, async {
                        checkpoint().await;
                        panic!("by the case")
                    });
                    let panics: Result<(), _> = catch(panics).await;
                    assert!(panics.is_err());
                    assert_eq!(a(), Some(value));
                    Ok(())
                }));
            }
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
}

/// Two futures of one task each see their own binding.
pub fn futures_side_by_side_see_their_own<B: Backend>(backend: B) {
    backend.run(async |_| {
        let look = |value| {
            A.scope(value, async move {
                checkpoint().await;
                (a(), B.get().map(|value| *value))
            })
        };
        let both = B.scope("b", zip(look(1), look(2))).await;
        assert_eq!(both, ((Some(1), Some("b")), (Some(2), Some("b"))));
    });
}

/// H9: bindings can be read on a thread; what is bound there does not flow back.
pub fn a_thread_sees_the_bindings_of_its_caller<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let seen = A.scope(
            1,
            to_thread(&rt, || {
                let before = a();
                (before, A.sync_scope(2, a), a())
            }),
        );
        assert_eq!(seen.await, (Some(1), Some(2), Some(1)));
        assert_eq!(to_thread(&rt, a).await, None);
    });
}

/// A key declared `#[own]` stays with its task; the others are inherited past it.
pub fn a_key_of_ones_own_is_not_inherited<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            assert_eq!(MINE.get().as_deref(), Some(&5));
            let task = n.spawn_task(async { Ok((a(), MINE.get(), B.get().map(|value| *value))) });
            assert_eq!(task.join().await, (Some(1), None, Some("b")));
            Ok(())
        });
        A.scope(1, MINE.scope(5, B.scope("b", ended))).await.expect("nothing fails");
    });
}
