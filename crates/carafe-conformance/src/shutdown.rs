//! The end of a run: asked for, then cancelled.

use std::time::Duration;

use carafe_core::rt::Clock;
use carafe_core::testing::settle;
use carafe_core::{
    Cause, Nursery, RunError, Runner, checkpoint, nursery, shield, shutdown, spawn_in_run,
    to_thread,
};

use crate::Backend;
use crate::kit::{Event, Log, Oops, forever, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// R9: a request resolves in every task, and cancels nothing.
pub fn a_request_is_heard_in_every_task<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for _ in 0..3 {
                let (log, theirs) = (noted.clone(), rt.clone());
                n.spawn(async move {
                    shutdown::requested().await;
                    sleep(&theirs, SECOND).await;
                    log.note("goodbye");
                    Ok(())
                });
            }
            settle(&rt).await;
            assert!(!shutdown::is_requested());
            assert!(noted.entries().is_empty());
            shutdown::request();
            assert!(shutdown::is_requested());
            Ok(())
        });
        ended.await.expect("nothing fails");
        // It stays so for those who ask late.
        shutdown::requested().await;
    });
    assert_eq!(log.entries(), ["goodbye"; 3]);
}

/// R9: a closure on a thread may ask for the end.
pub fn a_closure_may_ask_for_the_end<B: Backend>(backend: B) {
    backend.run(async |rt| {
        to_thread(&rt, shutdown::request).await;
        shutdown::requested().await;
    });
}

/// R9: one run's request is not another's.
pub fn a_request_is_for_one_run_only<B: Backend>(backend: B) {
    let next = backend.clone();
    backend.run(async |_| shutdown::request());
    next.run(async |_| assert!(!shutdown::is_requested()));
}

/// `shutdown`: outside a run nobody is asked anything.
pub fn outside_a_run_nothing_is_requested<B: Backend>(backend: B) {
    backend.enter(async |_| {
        shutdown::request();
        assert!(!shutdown::is_requested());
        shutdown::cancel_run();
    });
}

/// R9: cancelling the run interrupts main and every task; the run says why it has no value.
pub fn cancelling_the_run_interrupts_everything<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    let runner = Runner::new(backend.with_virtual_time());
    let ended = runner.try_run(async move |rt| {
        let held = noted.on_drop("task");
        let task = async move {
            let _held = held;
            forever().await
        };
        assert!(spawn_in_run(&rt, task).is_ok());
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let held = noted.on_drop("child");
            n.spawn(async move {
                let _held = held;
                forever().await
            });
            settle(&rt).await;
            shutdown::cancel_run();
            forever::<Result<(), _>>().await
        });
        let _ended = ended.await;
        noted.note("went on");
    });
    assert!(matches!(ended, Err(RunError::Cancelled(Cause::Shutdown))), "{ended:?}");
    let mut entries = log.entries();
    entries.sort();
    assert_eq!(entries, ["child", "task"]);
}

/// R9: cancelling tells those who wait for a request, too.
pub fn cancelling_the_run_is_a_request<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    let ended = Runner::new(backend).try_run(async move |_| {
        shutdown::cancel_run();
        shield(async {
            shutdown::requested().await;
            noted.note("heard");
        })
        .await;
        checkpoint().await;
        noted.note("went on");
    });
    assert!(matches!(ended, Err(RunError::Cancelled(Cause::Shutdown))), "{ended:?}");
    assert_eq!(log.entries(), ["heard"]);
}

/// R1: main keeps a value that it has when the run is cancelled.
pub fn main_keeps_its_value_when_the_run_is_cancelled<B: Backend>(backend: B) {
    let value = backend.run(async |_| {
        shutdown::cancel_run();
        7
    });
    assert_eq!(value, 7);
}

/// R3: a cancelled run waits for what holds in it, in main and in tasks.
pub fn a_cancelled_run_waits_for_what_holds<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    let ended = Runner::new(backend.with_virtual_time()).try_run(async move |rt| {
        let (theirs, task) = (rt.clone(), noted.clone());
        let held = async move {
            shield(sleep(&theirs, SECOND)).await;
            task.note("task");
            forever().await
        };
        assert!(spawn_in_run(&rt, held).is_ok());
        settle(&rt).await;
        let begun = rt.now();
        shutdown::cancel_run();
        shield(sleep(&rt, SECOND * 2)).await;
        noted.note(format!("main, after {:?}", rt.now() - begun));
        forever::<()>().await;
    });
    assert!(matches!(ended, Err(RunError::Cancelled(_))), "{ended:?}");
    assert_eq!(log.entries(), ["task", "main, after 2s"]);
}

/// `begin_cancelling`: it is a request, and cancels nothing itself.
pub fn beginning_to_cancel_cancels_nothing_itself<B: Backend>(backend: B) {
    backend.run(async |_| {
        shutdown::begin_cancelling();
        shutdown::requested().await;
        checkpoint().await;
    });
}

/// Decision 6: a run in which main has ended waits for its tasks without cancelling them.
pub fn the_end_of_main_cancels_nobody<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let (theirs, done) = (rt.clone(), Event::new());
        let task = async move {
            sleep(&theirs, SECOND).await;
            checkpoint().await;
            done.set();
            noted.note("task");
        };
        assert!(spawn_in_run(&rt, task).is_ok());
    });
    assert_eq!(log.entries(), ["task"]);
}
