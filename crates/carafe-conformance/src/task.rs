//! Handles to children.

use std::time::Duration;

use carafe_core::testing::settle;
use carafe_core::{Nursery, NurseryError, Task, TaskEnd, TaskStatus, nursery};

use crate::Backend;
use crate::kit::{Event, Log, Oops, catch, errors, forever, sleep};

/// N14: a handle gives the child's value, inside the nursery and after it.
pub fn a_handle_gives_the_value<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let go = Event::new();
            let gate = go.clone();
            let task = n.spawn_task(async move {
                gate.wait().await;
                Ok(6)
            });
            assert!(task.try_result().is_none());
            assert_eq!(task.status(), TaskStatus::Running);
            go.set();
            let inside = task.await;
            let outside = n.spawn_task(async { Ok(7) });
            Ok((inside, outside))
        });
        let (inside, outside) = ended.await.expect("nothing fails");
        assert_eq!(inside, Ok(6));
        assert_eq!(outside.status(), TaskStatus::Finished);
        assert_eq!(outside.await, Ok(7));
    });
}

/// N15: a failing child's error goes to the nursery, once; its handle only says that it failed.
pub fn a_failure_is_reported_once<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let mut handle: Option<Task<()>> = None;
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            handle = Some(n.spawn_task(async { Err("e") }));
            forever::<Result<(), _>>().await
        });
        assert_eq!(errors(ended.await), ["e"]);
        let handle = handle.expect("the body ran");
        assert_eq!(handle.status(), TaskStatus::Ended(TaskEnd::Failed));
        assert_eq!(handle.await, Err(TaskEnd::Failed));
    });
}

/// N15: inside the nursery, `join` of a child that fails waits for the nursery's cancellation.
pub fn joining_a_child_that_fails_is_interrupted<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let task: Task<()> = n.spawn_task(async { Err("e") });
            let _held = noted.on_drop("body");
            task.join().await;
            noted.note("joined");
            Ok(())
        });
        assert_eq!(errors(ended.await), ["e"]);
    });
    assert_eq!(log.entries(), ["body"]);
}

/// N17: `wait` returns however the child ended.
pub fn waiting_for_a_child_never_fails<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let mut handles = Vec::new();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            handles.push(n.spawn_task(async { Ok(()) }));
            handles.push(n.spawn_task(async { Err("e") }));
            handles.push(n.spawn_task(async { forever().await }));
            forever::<Result<(), _>>().await
        });
        assert_eq!(errors(ended.await), ["e"]);
        for handle in &handles {
            handle.wait().await;
        }
    });
}

/// N18: dropping a handle neither cancels nor detaches its child.
pub fn dropping_a_handle_changes_nothing<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (theirs, log) = (rt.clone(), noted.clone());
            drop(n.spawn_task(async move {
                sleep(&theirs, Duration::from_secs(1)).await;
                log.note("child");
                Ok(())
            }));
            Ok(())
        });
        ended.await.expect("nothing fails");
        noted.note("nursery");
    });
    assert_eq!(log.entries(), ["child", "nursery"]);
}

/// `Task::cancel`: it ends its child alone, which is no failure.
pub fn a_handle_cancels_its_child_alone<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let held = noted.on_drop("cancelled");
            let task: Task<()> = n.spawn_task(async move {
                let _held = held;
                forever().await
            });
            let sibling = n.spawn_task({
                let rt = rt.clone();
                async move {
                    sleep(&rt, Duration::from_secs(1)).await;
                    Ok(2)
                }
            });
            settle(&rt).await;
            task.cancel();
            assert_eq!(task.await, Err(TaskEnd::Cancelled));
            assert_eq!(noted.entries(), ["cancelled"]);
            Ok(sibling.join().await)
        });
        assert_eq!(ended.await.expect("nothing fails"), 2);
    });
}

/// `TaskEnd`: a child that was dropped with its nursery was cancelled, one that panicked panicked.
pub fn a_handle_tells_how_its_child_ended<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let mut handle: Option<Task<()>> = None;
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            handle = Some(n.spawn_task(forever()));
            n.cancel();
            forever::<Result<(), _>>().await
        });
        assert!(matches!(ended.await, Err(NurseryError::Cancelled(_))));
        assert_eq!(handle.take().expect("the body ran").await, Err(TaskEnd::Cancelled));

        let ended = catch(nursery(&rt, async |n: &Nursery<Oops, _>| {
            handle = Some(n.spawn_task(async { panic!("by the case") }));
            forever::<Result<(), _>>().await
        }));
        assert!(ended.await.is_err());
        assert_eq!(handle.take().expect("the body ran").await, Err(TaskEnd::Panicked));
    });
}
