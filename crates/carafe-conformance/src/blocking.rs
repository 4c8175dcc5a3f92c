//! Closures on threads: what `rt::Blocking` promises.

use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;

use carafe_core::rt::{Blocking, Meta, Spawn};

use crate::Backend;
use crate::kit::Event;

/// `Blocking::spawn_blocking`: the job runs on another thread than the one that polls.
pub fn a_job_runs_on_another_thread<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (send, received) = mpsc::channel();
        let done = Event::new();
        let its = done.clone();
        let job = move || {
            send.send(thread::current().id()).expect("the case listens");
            its.set();
        };
        rt.spawn_blocking(Box::new(job)).expect("a thread can be had");
        done.wait().await;
        assert_ne!(received.recv().expect("the job has sent"), thread::current().id());
    });
}

/// `Blocking::spawn_blocking`: tasks go on while a job blocks.
pub fn a_job_that_blocks_does_not_block_the_loop<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (let_go, is_let_go) = mpsc::channel::<()>();
        let (is_blocking, done) = (Event::new(), Event::new());
        let (blocking, its) = (is_blocking.clone(), done.clone());
        let job = move || {
            blocking.set();
            is_let_go.recv().expect("the task lets go");
            its.set();
        };
        rt.spawn_blocking(Box::new(job)).expect("a thread can be had");
        is_blocking.wait().await;
        rt.spawn_detached(Meta::unnamed(), async move {
            let_go.send(()).expect("the job waits");
        });
        done.wait().await;
    });
}

/// `Blocking::spawn_blocking`: jobs that wait for each other all make progress (H26).
pub fn jobs_that_wait_for_each_other_make_progress<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let meet = Arc::new(Barrier::new(3));
        let done: Vec<Event> = (0..3).map(|_| Event::new()).collect();
        for its in done.clone() {
            let meet = meet.clone();
            let job = move || {
                meet.wait();
                its.set();
            };
            rt.spawn_blocking(Box::new(job)).expect("a thread can be had");
        }
        for its in done {
            its.wait().await;
        }
    });
}

/// `Blocking::spawn_blocking`: a job may be submitted from a thread that the loop does not own.
pub fn a_foreign_thread_may_submit_a_job<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let done = Event::new();
        let (its, theirs) = (done.clone(), rt.clone());
        let job = Box::new(move || its.set());
        let submitted = thread::spawn(move || theirs.spawn_blocking(job)).join();
        submitted.expect("submitting does not panic").expect("a thread can be had");
        done.wait().await;
    });
}

/// `Blocking::spawn_blocking`: a job may submit another, and wait for it.
pub fn a_job_may_submit_a_job<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let done = Event::new();
        let (its, inner) = (done.clone(), rt.clone());
        let job = move || {
            let (send, received) = mpsc::channel();
            let second = Box::new(move || send.send(()).expect("the first job listens"));
            inner.spawn_blocking(second).expect("a thread can be had");
            received.recv().expect("the second job has run");
            its.set();
        };
        rt.spawn_blocking(Box::new(job)).expect("a thread can be had");
        done.wait().await;
    });
}

/// `Blocking::spawn_blocking`: a job may spawn a task, in the backend's context.
pub fn a_job_may_spawn_a_task<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let done = Event::new();
        let (its, inner) = (done.clone(), rt.clone());
        let job = move || inner.spawn_detached(Meta::unnamed(), async move { its.set() });
        rt.spawn_blocking(Box::new(job)).expect("a thread can be had");
        done.wait().await;
    });
}

/// `Blocking`, on drop: a job that was accepted runs, also when the loop has ended meanwhile.
pub fn an_accepted_job_runs_though_the_loop_has_ended<B: Backend>(backend: B) {
    let (send, received) = mpsc::channel();
    backend.enter(async |rt| {
        for id in 0..4 {
            let send = send.clone();
            let job = Box::new(move || send.send(id).expect("the case listens"));
            rt.spawn_blocking(job).expect("a thread can be had");
        }
    });
    drop(send);
    let mut ran: Vec<i32> = received.iter().collect();
    ran.sort_unstable();
    assert_eq!(ran, [0, 1, 2, 3]);
}

/// `Blocking::spawn_blocking`: several hundred jobs all run, one thread each or not.
pub fn hundreds_of_jobs_all_run<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let done: Vec<Event> = (0..300).map(|_| Event::new()).collect();
        for its in done.clone() {
            rt.spawn_blocking(Box::new(move || its.set())).expect("a thread can be had");
        }
        for its in done {
            its.wait().await;
        }
    });
}
