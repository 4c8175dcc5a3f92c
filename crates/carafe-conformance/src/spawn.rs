//! Starting tasks: what `rt::Spawn` promises.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;

use carafe_core::rt::{Meta, Spawn};
use futures_lite::future::yield_now;

use crate::Backend;
use crate::kit::{Event, Log, forever};

/// `Spawn::spawn_detached`: a task makes progress while its spawner waits for something else.
pub fn a_detached_task_makes_progress<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let done = Event::new();
        let its = done.clone();
        rt.spawn_detached(Meta::here("t"), async move { its.set() });
        done.wait().await;
    });
}

/// `Spawn::spawn_detached`: a task is polled to its end, however often it suspends.
pub fn a_task_is_polled_to_its_end<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (done, rounds) = (Event::new(), Arc::new(AtomicUsize::new(0)));
        let (its, counted) = (done.clone(), rounds.clone());
        rt.spawn_detached(Meta::unnamed(), async move {
            for _ in 0..100 {
                yield_now().await;
                counted.fetch_add(1, Ordering::SeqCst);
            }
            its.set();
        });
        done.wait().await;
        assert_eq!(rounds.load(Ordering::SeqCst), 100);
    });
}

/// `Spawn::spawn_detached`: tasks make progress together; none has to end for another to go on.
pub fn tasks_make_progress_together<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let steps: Vec<Event> = (0..6).map(|_| Event::new()).collect();
        for parity in 0..2 {
            let steps = steps.clone();
            rt.spawn_detached(Meta::unnamed(), async move {
                for (step, event) in steps.iter().enumerate() {
                    if step % 2 == parity {
                        event.set();
                    } else {
                        event.wait().await;
                    }
                }
            });
        }
        steps[5].wait().await;
    });
}

/// `Spawn::spawn_detached`: a task may be spawned from a thread that the loop does not own.
pub fn a_foreign_thread_may_spawn<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let done = Event::new();
        let (its, spawner) = (done.clone(), rt.clone());
        let thread = thread::spawn(move || {
            spawner.spawn_detached(Meta::unnamed(), async move { its.set() });
        });
        thread.join().expect("spawning does not panic");
        done.wait().await;
    });
}

/// `Spawn::spawn_detached`: a task may spawn another.
pub fn a_task_may_spawn<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let done = Event::new();
        let (its, inner) = (done.clone(), rt.clone());
        rt.spawn_detached(Meta::unnamed(), async move {
            inner.spawn_detached(Meta::unnamed(), async move { its.set() });
        });
        done.wait().await;
    });
}

/// `Spawn::spawn_detached`: a task that is woken from a thread that the loop does not own goes on.
pub fn a_foreign_thread_may_wake<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (send, wakers) = mpsc::channel::<Waker>();
        let (is_waiting, done) = (Event::new(), Event::new());
        let (waiting, its) = (is_waiting.clone(), done.clone());
        rt.spawn_detached(Meta::unnamed(), async move {
            let mut is_first = true;
            poll_fn(|cx| {
                if std::mem::take(&mut is_first) {
                    send.send(cx.waker().clone()).expect("the case listens");
                    waiting.set();
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
            its.set();
        });
        is_waiting.wait().await;
        let waker = wakers.recv().expect("the task has sent its waker");
        thread::spawn(move || waker.wake()).join().expect("waking does not panic");
        done.wait().await;
    });
}

/// `Spawn::spawn_detached`: a task that wakes itself while it is polled is polled again.
pub fn a_task_may_wake_itself<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let done = Event::new();
        let its = done.clone();
        rt.spawn_detached(Meta::unnamed(), async move {
            let mut left = 3;
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                left -= 1;
                if left == 0 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            its.set();
        });
        done.wait().await;
    });
}

/// `Spawn::spawn_detached`: a waker that outlives its task is harmless.
pub fn a_late_waker_is_harmless<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (send, wakers) = mpsc::channel::<Waker>();
        let done = Event::new();
        let its = done.clone();
        rt.spawn_detached(Meta::unnamed(), async move {
            poll_fn(|cx| {
                send.send(cx.waker().clone()).expect("the case listens");
                Poll::Ready(())
            })
            .await;
            its.set();
        });
        done.wait().await;
        let waker = wakers.recv().expect("the task has sent its waker");
        waker.wake_by_ref();
        yield_now().await;
        waker.wake();
    });
}

/// `Spawn::spawn_detached`: many tasks are many tasks.
pub fn a_thousand_tasks_all_end<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (done, ended) = (Event::new(), Arc::new(AtomicUsize::new(0)));
        for _ in 0..1000 {
            let (done, ended) = (done.clone(), ended.clone());
            rt.spawn_detached(Meta::unnamed(), async move {
                yield_now().await;
                if ended.fetch_add(1, Ordering::SeqCst) == 999 {
                    done.set();
                }
            });
        }
        done.wait().await;
    });
}

/// `Spawn`, on panics: the worker that polled a task that unwinds lives on, every one of them.
pub fn a_panic_leaves_the_worker_alive<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        for _ in 0..16 {
            let unwinding = Event::new();
            let its = unwinding.clone();
            rt.spawn_detached(Meta::unnamed(), async move {
                its.set();
                panic!("a task of the suite's unwinds, as it should");
            });
            unwinding.wait().await;
        }
        let done = Event::new();
        let its = done.clone();
        rt.spawn_detached(Meta::unnamed(), async move {
            yield_now().await;
            its.set();
        });
        done.wait().await;
    });
}

/// `Spawn`, on drop: a task drops what it holds when it ends, not later.
pub fn a_task_that_ends_is_dropped<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        // The event is set by a destructor of the task's.
        struct SetOnDrop(Event);
        impl Drop for SetOnDrop {
            fn drop(&mut self) {
                self.0.set();
            }
        }
        let dropped = Event::new();
        let held = SetOnDrop(dropped.clone());
        rt.spawn_detached(Meta::unnamed(), async move {
            let _held = held;
            yield_now().await;
        });
        dropped.wait().await;
    });
}

/// `Spawn`, on drop: a loop that ends drops its tasks, before `block_on` returns.
pub fn a_loop_that_ends_drops_its_tasks<B: Backend>(backend: B) {
    let log = Log::new();
    let held = log.on_drop("task");
    backend.enter(async move |rt| {
        let is_running = Event::new();
        // With the loop's own value: a task must not keep alive what is to drop it.
        let (running, own) = (is_running.clone(), rt.clone());
        rt.spawn_detached(Meta::unnamed(), async move {
            let _held = (held, own);
            running.set();
            forever::<()>().await;
        });
        is_running.wait().await;
    });
    assert_eq!(log.entries(), ["task"]);
}

/// `Spawn`, on drop: spawning on a loop that has ended drops the task unpolled, and does not panic.
pub fn a_task_for_a_loop_that_has_ended_is_dropped<B: Backend>(backend: B) {
    let log = Log::new();
    let rt = backend.enter(async |rt| rt);
    let held = log.on_drop("dropped");
    let polled = log.clone();
    rt.spawn_detached(Meta::unnamed(), async move {
        polled.note("polled");
        let _held = held;
    });
    drop(rt);
    assert_eq!(log.entries(), ["dropped"]);
}

/// `Spawn`: the wake-ups of the main future are the loop's own, also from a task on another thread.
pub fn a_task_may_wake_the_main_future<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        for _ in 0..50 {
            let event = Event::new();
            let its = event.clone();
            rt.spawn_detached(Meta::unnamed(), async move { its.set() });
            let mut waiting = pin!(event.wait());
            waiting.as_mut().await;
        }
    });
}
