//! smol: an `async_executor::Executor`, the reactor of async-io, the pool of `blocking`.

use std::future::Future;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_executor::Executor;
use async_io::Timer;
use event_listener::Event;
use futures_lite::FutureExt;

use super::timed;
use crate::What;
use crate::gauge::{Gauge, Reading};
use crate::tasks::{Asleep, LONG, blocking, suspend_once, trivial};

type Shared = Arc<Executor<'static>>;

/// Runs what `measured` gives in a task, on so many threads, this one included.
fn run<F>(threads: usize, measured: impl FnOnce(Shared) -> F) -> Option<Reading>
where
    F: Future<Output = Reading> + Send + 'static,
{
    let executor = Shared::default();
    let stop = Event::new();
    let reading = thread::scope(|scope| {
        for _ in 1..threads {
            let (executor, stopped) = (executor.clone(), stop.listen());
            scope.spawn(move || async_io::block_on(executor.run(stopped)));
        }
        let task = executor.spawn(measured(executor.clone()));
        let reading = async_io::block_on(executor.run(task));
        stop.notify(usize::MAX);
        reading
    });
    Some(reading)
}

pub(super) fn executor(threads: usize, what: What, n: usize) -> Option<Reading> {
    match what {
        What::Spawn => run(threads, |ex| timed(tasks(ex, n, trivial))),
        What::Suspend => run(threads, |ex| timed(tasks(ex, n, suspend_once))),
        What::Cancel => run(threads, |ex| cancelled_tasks(ex, n)),
        What::Nursery => None,
        What::Timeout => run(threads, |_| timed(timeouts(n))),
        What::ThreadOne => run(threads, |_| timed(threads_in_turn(n))),
        What::ThreadMany => run(threads, |ex| timed(threads_at_once(ex, n))),
    }
}

async fn tasks<F>(executor: Shared, n: usize, child: fn(usize) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut tasks = Vec::with_capacity(n);
    for i in 0..n {
        tasks.push(executor.spawn(child(i)));
    }
    for task in tasks {
        task.await;
    }
}

async fn cancelled_tasks(executor: Shared, n: usize) -> Reading {
    let gauge = Gauge::start();
    let asleep = Asleep::new(n);
    let mut tasks = Vec::with_capacity(n);
    for _ in 0..n {
        tasks.push(executor.spawn(asleep.report::<_, ()>(Timer::after(LONG))));
    }
    asleep.all().await;
    let gauge = gauge.restart_clocks();
    for task in tasks {
        assert!(task.cancel().await.is_none());
    }
    gauge.stop()
}

/// smol has no timeout: its users race a timer.
async fn timeouts(n: usize) {
    for i in 0..n {
        let timer = async {
            Timer::after(Duration::from_secs(1)).await;
        };
        trivial::<()>(i).or(timer).await;
    }
}

async fn threads_in_turn(n: usize) {
    for i in 0..n {
        ::blocking::unblock(move || blocking(i)).await;
    }
}

async fn threads_at_once(executor: Shared, n: usize) {
    let mut tasks = Vec::with_capacity(n);
    for i in 0..n {
        tasks.push(executor.spawn(::blocking::unblock(move || blocking(i))));
    }
    for task in tasks {
        task.await;
    }
}
