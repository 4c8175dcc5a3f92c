//! The thread pool: how many threads there are, and which job runs on which.

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Barrier, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

use carafe_core::pool::{PoolOptions, ThreadPool, Turn};

/// Runs `job` and waits for its result, which it hands over with its turn ended.
fn ask<T: Send + 'static>(pool: &ThreadPool, job: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = mpsc::channel();
    let job = move || {
        let turn = Turn::take();
        let result = job();
        turn.end();
        tell.send(result).unwrap();
    };
    pool.submit(Box::new(job)).unwrap();
    told.recv().unwrap()
}

fn here() -> ThreadId {
    thread::current().id()
}

#[test]
fn sequential_jobs_run_on_one_thread() {
    let pool = ThreadPool::new();
    let first = ask(&pool, here);
    for _ in 0..1000 {
        assert_eq!(ask(&pool, here), first);
    }
    assert_eq!(pool.threads(), 1);
}

/// What makes the above certain: the next job comes while the first one still hands its result over.
#[test]
fn a_job_that_has_ended_its_turn_leaves_its_thread_to_the_next() {
    let pool = ThreadPool::new();
    let (tell, told) = mpsc::channel();
    let (inner, tell_next) = (pool.clone(), tell.clone());
    let job = move || {
        Turn::take().end();
        inner.submit(Box::new(move || tell_next.send(here()).unwrap())).unwrap();
        tell.send(here()).unwrap();
    };
    pool.submit(Box::new(job)).unwrap();
    assert_eq!(told.recv().unwrap(), told.recv().unwrap());
    assert_eq!(pool.threads(), 1);
}

#[test]
fn threads_have_names() {
    let pool = ThreadPool::new();
    let name = ask(&pool, || thread::current().name().map(str::to_owned));
    assert_eq!(name.as_deref(), Some("carafe-blocking-1"));
}

#[test]
fn jobs_that_wait_for_each_other_meet() {
    let pool = ThreadPool::new();
    let (met, all_met) = mpsc::channel();
    let meeting = Arc::new(Barrier::new(20));
    for _ in 0..20 {
        let (meeting, met) = (meeting.clone(), met.clone());
        let job = move || {
            meeting.wait();
            met.send(()).unwrap();
        };
        pool.submit(Box::new(job)).unwrap();
    }
    assert_eq!(all_met.iter().take(20).count(), 20);
    assert_eq!(pool.threads(), 20);
}

#[test]
fn a_job_that_panics_leaves_its_thread_alive() {
    let pool = ThreadPool::new();
    let first = ask(&pool, here);
    let (tell, told) = mpsc::channel();
    let panicking = move || {
        Turn::take().end();
        tell.send(here()).unwrap();
        panic!("a job of somebody else's")
    };
    pool.submit(Box::new(panicking)).unwrap();
    assert_eq!(told.recv(), Ok(first));
    assert_eq!(ask(&pool, here), first);
}

/// The turn of the outer job is its own: an inner one that ended it would let a job wait for it.
#[test]
fn a_job_inside_a_job_cannot_end_its_turn() {
    let pool = ThreadPool::new();
    let (release, wait) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let outer = move || {
        let turn = Turn::take();
        Turn::take().end();
        tell.send(here()).unwrap();
        wait.recv().unwrap();
        turn.end();
    };
    pool.submit(Box::new(outer)).unwrap();
    let busy = told.recv().unwrap();
    assert_ne!(ask(&pool, here), busy, "it has a thread although the outer one runs");
    release.send(()).unwrap();
}

/// Tells when the thread that holds it ends.
struct End(#[expect(dead_code, reason = "its drop tells")] mpsc::Sender<()>);

thread_local! {
    static END: RefCell<Option<End>> = const { RefCell::new(None) };
}

/// Lets the pool's thread tell of its end.
fn watch(pool: &ThreadPool) -> mpsc::Receiver<()> {
    let (end, ended) = mpsc::channel();
    ask(pool, move || END.set(Some(End(end))));
    ended
}

#[test]
fn an_idle_thread_ends() {
    let pool = ThreadPool::with_options(PoolOptions::default().keep_alive(Duration::ZERO));
    let ended = watch(&pool);
    assert_eq!(ended.recv(), Err(mpsc::RecvError));
    assert_eq!(pool.threads(), 0);
    assert_eq!(ask(&pool, || 7), 7, "the next job starts another one");
}

#[test]
fn a_dropped_pool_ends_its_threads() {
    let pool = ThreadPool::new();
    let ended = watch(&pool);
    drop(pool.clone());
    assert_eq!(ended.try_recv(), Err(mpsc::TryRecvError::Empty));
    drop(pool);
    assert_eq!(ended.recv(), Err(mpsc::RecvError));
}

#[test]
fn an_accepted_job_runs_although_the_pool_is_dropped() {
    let pool = ThreadPool::new();
    let (tell, told) = mpsc::channel();
    pool.submit(Box::new(move || tell.send(7).unwrap())).unwrap();
    drop(pool);
    assert_eq!(told.recv(), Ok(7));
}

/// More than any address space has, so that no thread can be started.
#[cfg(target_pointer_width = "64")]
#[test]
fn without_any_thread_a_job_is_refused_and_dropped() {
    let pool = ThreadPool::with_options(PoolOptions::default().stack_size(1 << 60));
    let (held, dropped) = mpsc::channel::<()>();
    let refused: io::Result<()> = pool.submit(Box::new(move || drop(held)));
    assert!(refused.is_err());
    assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    assert_eq!(pool.threads(), 0);
}
