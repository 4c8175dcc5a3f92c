//! What only smol's loop does, or does in a way of its own.

use std::collections::HashSet;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use carafe_core::rt::{Enter, Meta, Spawn};
use carafe_smol::Smol;

/// smol's own executor never drops a task; and tasks hold their runtime, which must not keep them.
#[test]
fn a_loop_that_ends_drops_its_tasks() {
    for recipe in [Smol::multi_thread().threads(3), Smol::current_thread()] {
        let (held, dropped) = mpsc::channel::<()>();
        let smol = recipe.block_on(async |smol| {
            let inside = smol.clone();
            smol.spawn_detached(Meta::unnamed(), async move {
                let _held = (held, inside);
                pending().await
            });
            smol
        });
        assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Disconnected));

        let (held, dropped) = mpsc::channel::<()>();
        smol.expect("it started").spawn_detached(Meta::unnamed(), async move { drop(held) });
        assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Disconnected), "spawned too late");
    }
}

#[test]
fn a_main_that_panics_leaves_no_task_either() {
    let (held, dropped) = mpsc::channel::<()>();
    let entered = catch_unwind(AssertUnwindSafe(|| {
        Smol::multi_thread().threads(2).block_on(async |smol| {
            smol.spawn_detached(Meta::unnamed(), async move {
                let _held = held;
                pending().await
            });
            panic!("main")
        })
    }));
    assert!(entered.map(drop).is_err());
    assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Disconnected));
}

/// Three tasks that wait for each other need three threads, and the entering one is among them.
#[test]
fn all_threads_run_tasks_also_the_entering_one() {
    let meet = Arc::new(Barrier::new(3));
    let (tell, told) = mpsc::channel();
    let entered = Smol::multi_thread().threads(3).block_on(async |smol| {
        let (all_done, done) = (Arc::new(event_listener::Event::new()), mpsc::channel());
        let listener = all_done.listen();
        for _ in 0..3 {
            let (meet, tell) = (meet.clone(), tell.clone());
            let (all_done, one_done) = (all_done.clone(), done.0.clone());
            smol.spawn_detached(Meta::unnamed(), async move {
                meet.wait();
                tell.send(thread::current().name().map(str::to_owned)).expect("the test waits");
                one_done.send(()).expect("main waits");
                all_done.notify(1);
            });
        }
        listener.await;
        done.1.iter().take(3).count()
    });
    assert_eq!(entered.expect("it started"), 3);
    let names: HashSet<_> = told.try_iter().flatten().collect();
    assert!(names.contains("carafe-smol-1") && names.contains("carafe-smol-2"), "{names:?}");
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn two_loops_do_not_meet() {
    let (mut loops, mut ended) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let (tell, told) = mpsc::channel();
        let (end, its_end) = mpsc::channel::<()>();
        let entered = thread::spawn(move || {
            Smol::current_thread().block_on(async |smol| {
                tell.send(smol).expect("the test waits");
                its_end.recv().ok();
            })
        });
        loops.push(told.recv().expect("it started"));
        ended.push((entered, end));
    }
    let (held, dropped) = mpsc::channel::<()>();
    loops[0].spawn_detached(Meta::unnamed(), async move {
        let _held = held;
        pending().await
    });
    let mut ended = ended.into_iter();
    let mut end = || {
        let (entered, end) = ended.next().expect("there are two");
        drop(end);
        entered.join().expect("it did not panic").expect("it started");
    };
    assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Empty));
    end();
    assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    end();
}
