//! A run, from entering the loop to its last task.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::time::Duration;

use carafe_core::rt::{Meta, Spawn};
use carafe_core::{
    Nursery, NurseryOptions, RunError, Runner, ambient, is_inside_run, live_tree, nursery,
    nursery_with, spawn_in_run, to_thread,
};

use crate::Backend;
use crate::kit::{Event, Log, Oops, forever, sleep, text};
use carafe_core::testing::settle;

const SECOND: Duration = Duration::from_secs(1);

/// N1: a run returns the output of its main future, unwrapped.
pub fn a_run_returns_the_output_of_main<B: Backend>(backend: B) {
    let again = backend.clone();
    assert_eq!(backend.run(async |_| 8), 8);
    assert_eq!(again.run(async |_| Err::<(), _>(17)), Err(17));
}

/// N2: a run inside a run, on one thread, is refused; the one outside is unharmed.
pub fn a_run_inside_a_run_is_refused<B: Backend>(backend: B) {
    let inner = backend.clone();
    let outcome = backend.run(async move |_| {
        let inside = Runner::new(inner).try_run(async |_| ());
        carafe_core::checkpoint().await;
        inside
    });
    assert!(matches!(outcome, Err(RunError::FromInside)), "{outcome:?}");
}

/// Decision 21: a closure on a thread may start a run of its own.
pub fn a_closure_on_a_thread_may_start_a_run<B: Backend>(backend: B) {
    let inner = backend.clone();
    let eight = backend.run(async move |rt| to_thread(&rt, move || inner.run(async |_| 8)).await);
    assert_eq!(eight, 8);
}

/// `Runner::try_run`: a panic of main comes out of the run, with its payload, when its tasks are gone.
pub fn a_panic_of_main_comes_out_when_its_tasks_are_gone<B: Backend>(backend: B) {
    let log = Log::new();
    let held = log.on_drop("task");
    let ended = catch_unwind(AssertUnwindSafe(|| {
        backend.run(async move |rt| {
            let is_running = Event::new();
            let running = is_running.clone();
            let task = async move {
                let _held = held;
                running.set();
                forever().await
            };
            assert!(spawn_in_run(&rt, task).is_ok());
            is_running.wait().await;
            panic_any(17_u8);
        })
    }));
    let payload = ended.expect_err("the panic came out");
    assert_eq!(payload.downcast_ref::<u8>(), Some(&17));
    assert_eq!(log.entries(), ["task"]);
}

/// Decision 18: a run ends when the tasks that were spawned into it have ended.
pub fn a_run_waits_for_the_tasks_spawned_into_it<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let theirs = rt.clone();
        let task = async move {
            sleep(&theirs, SECOND).await;
            noted.note("task");
        };
        assert!(spawn_in_run(&rt, task).is_ok());
    });
    assert_eq!(log.entries(), ["task"]);
}

/// Decision 18: the run's own nursery supervises: a task's panic disturbs nobody.
pub fn a_panic_in_a_task_of_the_run_disturbs_nobody<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        assert!(spawn_in_run(&rt, async { panic!("a task of the suite's, as it should") }).is_ok());
        let theirs = rt.clone();
        let other = async move {
            sleep(&theirs, SECOND).await;
            noted.note("other");
        };
        assert!(spawn_in_run(&rt, other).is_ok());
        settle(&rt).await;
    });
    assert_eq!(log.entries(), ["other"]);
}

/// `spawn_in_run`: outside a run it gives the future back.
pub fn spawning_into_no_run_gives_the_future_back<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let Err(refused) = spawn_in_run(&rt, async {}) else { panic!("there is no run") };
        refused.0.await;
    });
}

/// `nursery`, on panics: outside a run it panics, and says what to do.
pub fn a_nursery_outside_a_run_panics<B: Backend>(backend: B) {
    let ended = catch_unwind(AssertUnwindSafe(|| {
        backend.enter(async |rt| {
            let _ended = nursery(&rt, async |_: &Nursery<Oops, _>| Ok(())).await;
        })
    }));
    let payload = ended.expect_err("there is no run");
    assert!(text(&*payload).contains("run"), "{}", text(&*payload));
}

/// Decision 2: what the entry point made ambient is ambient in main, in children that the concrete
/// runtime spawned, and in closures on threads; and nowhere else.
pub fn what_is_ambient_is_so_in_every_task<B: Backend>(backend: B) {
    fn word() -> Option<&'static str> {
        ambient()?.downcast_ref::<&'static str>().copied()
    }
    assert!(ambient().is_none());
    let runner = Runner::new(backend).ambient(|_| Arc::new("of this run"));
    let seen = runner.try_run(async |rt| {
        let in_main = word();
        let child = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (send, received) = std::sync::mpsc::channel();
            n.spawn(async move {
                // Before and after a suspension: the task may have moved to another thread.
                send.send(word()).expect("the case listens");
                carafe_core::checkpoint().await;
                send.send(word()).expect("the case listens");
                Ok(())
            });
            Ok(received)
        });
        let in_child: Vec<_> = child.await.expect("nothing fails").iter().collect();
        let in_thread = to_thread(&rt, word).await;
        (in_main, in_child, in_thread)
    });
    let ours = Some("of this run");
    assert_eq!(seen.expect("the run ends well"), (ours, vec![ours, ours], ours));
    assert!(ambient().is_none());
}

/// `is_inside_run`: true in main, in children, in closures on threads; false in the loop's own tasks.
pub fn a_task_knows_whether_it_is_in_a_run<B: Backend>(backend: B) {
    assert!(!is_inside_run());
    backend.run(async |rt| {
        assert!(is_inside_run());
        assert!(to_thread(&rt, is_inside_run).await);
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            n.spawn(async { if is_inside_run() { Ok(()) } else { Err("a child is inside") } });
            Ok(())
        });
        ended.await.expect("nothing fails");
        let (done, foreign) = (Event::new(), Log::new());
        let (its, noted) = (done.clone(), foreign.clone());
        rt.spawn_detached(Meta::unnamed(), async move {
            noted.note(is_inside_run());
            its.set();
        });
        done.wait().await;
        assert_eq!(foreign.entries(), ["false"]);
    });
    assert!(!is_inside_run());
}

/// N11: the live tree shows the open nurseries, outer first, and their children; afterwards none.
pub fn the_live_tree_shows_who_is_alive<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let outer = NurseryOptions::<Oops>::new().name("outer").open(&rt, |n| {
            let rt = rt.clone();
            async move {
                n.named("the waiter").spawn(forever());
                let inner = NurseryOptions::<Oops>::new().name("inner");
                let tree = inner.open(&rt, |_| async {
                    settle(&rt).await;
                    Ok(live_tree().expect("this is a run"))
                });
                let tree = tree.await;
                n.cancel();
                tree.map_err(|_| "the inner nursery failed")
            }
        });
        let tree = outer.await.expect("the body had ended");
        let at = |what: &str| tree.find(what).unwrap_or_else(|| panic!("no {what} in:\n{tree}"));
        assert!(at("outer") < at("inner"), "{tree}");
        assert!(at("outer") < at("the waiter"), "{tree}");
        assert!(tree.contains(file!()), "{tree}");
        let after = live_tree().expect("this is a run");
        assert!(!after.contains("outer") && !after.contains("the waiter"), "{after}");
    });
}

/// `live_tree`: outside a run there is none.
pub fn there_is_no_live_tree_outside_a_run<B: Backend>(backend: B) {
    backend.enter(async |_| assert!(live_tree().is_none()));
}

/// Decision 4: a nursery's future is `Send` if its body is, so a task may open one, and a task of
/// that again.
pub fn nurseries_nest_through_tasks<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery_with(&rt, |outer: Nursery<Oops, _>| async move {
            let rt = outer.runtime().clone();
            outer.spawn(async move {
                let inner = nursery_with(&rt, |inner: Nursery<Oops, _>| async move {
                    let leaf = noted.clone();
                    inner.spawn(async move {
                        leaf.note("leaf");
                        Ok(())
                    });
                    Ok(noted)
                });
                inner.await.map_err(|_| "the inner nursery failed")?.note("after the inner");
                Ok(())
            });
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!(log.entries(), ["leaf", "after the inner"]);
}
