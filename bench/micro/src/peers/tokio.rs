//! tokio: join handles, a `JoinSet`, tokio-util's `TaskTracker` with a token.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::timed;
use crate::What;
use crate::gauge::{Gauge, Reading};
use crate::tasks::{Asleep, LONG, blocking, suspend_once, trivial};

/// Runs `measured` in a task, on so many workers; none is the current-thread form.
fn run<F>(threads: Option<usize>, measured: F) -> Option<Reading>
where
    F: Future<Output = Reading> + Send + 'static,
{
    let mut builder = match threads {
        None => Builder::new_current_thread(),
        Some(_) => Builder::new_multi_thread(),
    };
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    let runtime = builder.enable_all().build().expect("the loop starts");
    Some(runtime.block_on(async { tokio::spawn(measured).await.expect("it does not panic") }))
}

pub(super) fn spawn(threads: Option<usize>, what: What, n: usize) -> Option<Reading> {
    match what {
        What::Spawn => run(threads, timed(handles(n, trivial))),
        What::Suspend => run(threads, timed(handles(n, suspend_once))),
        What::Cancel => run(threads, cancelled_handles(n)),
        What::Nursery => None,
        What::Timeout => run(threads, timed(timeouts(n))),
        What::ThreadOne => run(threads, timed(threads_in_turn(n))),
        What::ThreadMany => run(threads, timed(threads_at_once(n))),
    }
}

async fn handles<F>(n: usize, child: fn(usize) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut handles = Vec::with_capacity(n);
    for i in 0..n {
        handles.push(tokio::spawn(child(i)));
    }
    for handle in handles {
        handle.await.expect("it does not panic");
    }
}

async fn cancelled_handles(n: usize) -> Reading {
    let gauge = Gauge::start();
    let asleep = Asleep::new(n);
    let mut handles = Vec::with_capacity(n);
    for _ in 0..n {
        handles.push(tokio::spawn(asleep.report::<_, ()>(sleep(LONG))));
    }
    asleep.all().await;
    let gauge = gauge.restart_clocks();
    for handle in &handles {
        handle.abort();
    }
    for handle in handles {
        assert!(handle.await.is_err_and(|error| error.is_cancelled()));
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
        spawn_blocking(move || blocking(i)).await.expect("it does not panic");
    }
}

async fn threads_at_once(n: usize) {
    let mut handles = Vec::with_capacity(n);
    for i in 0..n {
        handles.push(tokio::spawn(async move { spawn_blocking(move || blocking(i)).await }));
    }
    for handle in handles {
        handle.await.expect("it does not panic").expect("nor does the closure");
    }
}

pub(super) fn join_set(threads: Option<usize>, what: What, n: usize) -> Option<Reading> {
    match what {
        What::Spawn => run(threads, timed(set(n, trivial))),
        What::Suspend => run(threads, timed(set(n, suspend_once))),
        What::Cancel => run(threads, cancelled_set(n)),
        What::Nursery => run(threads, timed(empty_sets(n))),
        What::Timeout | What::ThreadOne | What::ThreadMany => None,
    }
}

async fn set<F>(n: usize, child: fn(usize) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut set = JoinSet::new();
    for i in 0..n {
        set.spawn(child(i));
    }
    while let Some(ended) = set.join_next().await {
        ended.expect("it does not panic");
    }
}

async fn cancelled_set(n: usize) -> Reading {
    let gauge = Gauge::start();
    let asleep = Asleep::new(n);
    let mut set = JoinSet::new();
    for _ in 0..n {
        set.spawn(asleep.report::<_, ()>(sleep(LONG)));
    }
    asleep.all().await;
    let gauge = gauge.restart_clocks();
    set.abort_all();
    while let Some(ended) = set.join_next().await {
        assert!(ended.is_err_and(|error| error.is_cancelled()));
    }
    gauge.stop()
}

async fn empty_sets(n: usize) {
    for _ in 0..n {
        let mut set: JoinSet<()> = JoinSet::new();
        assert!(set.join_next().await.is_none());
    }
}

pub(super) fn tracker(threads: Option<usize>, what: What, n: usize) -> Option<Reading> {
    match what {
        What::Spawn => run(threads, timed(tracked(n, trivial))),
        What::Suspend => run(threads, timed(tracked(n, suspend_once))),
        What::Cancel => run(threads, cancelled_tracker(n)),
        What::Nursery => run(threads, timed(empty_trackers(n))),
        What::Timeout | What::ThreadOne | What::ThreadMany => None,
    }
}

async fn tracked<F>(n: usize, child: fn(usize) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let tracker = TaskTracker::new();
    for i in 0..n {
        tracker.spawn(child(i));
    }
    tracker.close();
    tracker.wait().await;
}

/// A tracker cancels nobody: its users give each task a token.
async fn cancelled_tracker(n: usize) -> Reading {
    let gauge = Gauge::start();
    let asleep = Asleep::new(n);
    let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
    for _ in 0..n {
        let sleep = asleep.report::<_, ()>(sleep(LONG));
        tracker.spawn(token.clone().run_until_cancelled_owned(sleep));
    }
    tracker.close();
    asleep.all().await;
    let gauge = gauge.restart_clocks();
    token.cancel();
    tracker.wait().await;
    gauge.stop()
}

async fn empty_trackers(n: usize) {
    for _ in 0..n {
        let tracker = TaskTracker::new();
        tracker.close();
        tracker.wait().await;
    }
}
