//! async-std: its spawn, its timeout, its threads.

use std::future::Future;
use std::time::Duration;

use async_std::future::timeout;
use async_std::task::{self, block_on, sleep, spawn_blocking};

use super::timed;
use crate::What;
use crate::gauge::{Gauge, Reading};
use crate::tasks::{Asleep, LONG, blocking, suspend_once, trivial};

/// Runs `measured` in a task.
fn run<F>(measured: F) -> Option<Reading>
where
    F: Future<Output = Reading> + Send + 'static,
{
    Some(block_on(task::spawn(measured)))
}

pub(super) fn spawn(what: What, n: usize) -> Option<Reading> {
    match what {
        What::Spawn => run(timed(tasks(n, trivial))),
        What::Suspend => run(timed(tasks(n, suspend_once))),
        What::Cancel => run(cancelled_tasks(n)),
        What::Nursery => None,
        What::Timeout => run(timed(timeouts(n))),
        What::ThreadOne => run(timed(threads_in_turn(n))),
        What::ThreadMany => run(timed(threads_at_once(n))),
    }
}

async fn tasks<F>(n: usize, child: fn(usize) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut tasks = Vec::with_capacity(n);
    for i in 0..n {
        tasks.push(task::spawn(child(i)));
    }
    for task in tasks {
        task.await;
    }
}

async fn cancelled_tasks(n: usize) -> Reading {
    let gauge = Gauge::start();
    let asleep = Asleep::new(n);
    let mut tasks = Vec::with_capacity(n);
    for _ in 0..n {
        tasks.push(task::spawn(asleep.report::<_, ()>(sleep(LONG))));
    }
    asleep.all().await;
    let gauge = gauge.restart_clocks();
    for task in tasks {
        assert!(task.cancel().await.is_none());
    }
    gauge.stop()
}

async fn timeouts(n: usize) {
    for i in 0..n {
        timeout(Duration::from_secs(1), trivial::<()>(i)).await.expect("it was ready");
    }
}

async fn threads_in_turn(n: usize) {
    for i in 0..n {
        spawn_blocking(move || blocking(i)).await;
    }
}

async fn threads_at_once(n: usize) {
    let mut tasks = Vec::with_capacity(n);
    for i in 0..n {
        tasks.push(task::spawn(spawn_blocking(move || blocking(i))));
    }
    for task in tasks {
        task.await;
    }
}
