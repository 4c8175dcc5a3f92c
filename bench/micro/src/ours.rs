//! Carafe, over each backend's own type and over the handle that hides it.

use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use carafe_async_std::AsyncStd;
use carafe_core::rt::{Enter, Runtime};
use carafe_core::{Nursery, NurseryFuture, Runner, nursery_with, timeout, to_thread};
use carafe_rt::{Backend, Handle, run_on};
use carafe_smol::Smol;
use carafe_tokio::Tokio;

use crate::gauge::{Gauge, Reading};
use crate::tasks::{Asleep, LONG, blocking, suspend_once, trivial};
use crate::{Impl, Threads, What};

pub(crate) const IMPLS: &[(&str, Impl)] = &[
    ("tokio-ct/carafe", |what, n, _| typed(Tokio::current_thread(), what, n)),
    ("tokio-mt/carafe", |what, n, Threads(threads)| {
        typed(Tokio::multi_thread().threads(threads), what, n)
    }),
    ("smol/carafe", |what, n, Threads(threads)| {
        typed(Smol::multi_thread().threads(threads), what, n)
    }),
    ("async-std/carafe", |what, n, _| typed(AsyncStd::global(), what, n)),
    ("tokio-ct/handle", |what, n, _| handle(Backend::tokio_current_thread(), what, n)),
    ("tokio-mt/handle", |what, n, Threads(threads)| {
        handle(Backend::tokio().threads(threads), what, n)
    }),
    ("smol/handle", |what, n, Threads(threads)| handle(Backend::smol().threads(threads), what, n)),
    ("async-std/handle", |what, n, _| handle(Backend::async_std(), what, n)),
];

/// Over the backend's own type.
fn typed<En: Enter>(entry: En, what: What, n: usize) -> Option<Reading> {
    let ended = Runner::new(entry).try_run(|rt| in_a_child(rt, what, n));
    Some(ended.expect("the loop starts, and nobody cancels the run"))
}

/// Over the handle, as the facade's users have it.
fn handle(backend: Backend, what: What, n: usize) -> Option<Reading> {
    Some(run_on(backend, async { in_a_child(Handle::current(), what, n).await }))
}

/// Measures in a child: on some loops no worker polls the main future, and what is spawned from
/// there takes another way than what tasks spawn.
async fn in_a_child<R: Runtime>(rt: R, what: What, n: usize) -> Reading {
    let cell = Arc::new(OnceLock::new());
    let result = cell.clone();
    let measured = open(&rt.clone(), |nursery| async move {
        nursery.spawn(async move {
            result.set(measure(rt, what, n).await).expect("it is measured once");
            Ok(())
        });
        Ok(())
    });
    measured.await.expect("children that cannot fail");
    Arc::into_inner(cell).and_then(OnceLock::into_inner).expect("the child has ended")
}

async fn measure<R: Runtime>(rt: R, what: What, n: usize) -> Reading {
    match what {
        What::Spawn => children(&rt, n, trivial).await,
        What::Suspend => children(&rt, n, suspend_once).await,
        What::Cancel => cancel(&rt, n).await,
        What::Nursery => nurseries(&rt, n).await,
        What::Timeout => timeouts(n).await,
        What::ThreadOne => threads_in_turn(&rt, n).await,
        What::ThreadMany => threads_at_once(&rt, n).await,
    }
}

/// A nursery whose children cannot fail.
fn open<T, R, F>(
    rt: &R,
    body: impl FnOnce(Nursery<Infallible, R>) -> F,
) -> NurseryFuture<F, Infallible>
where
    R: Runtime,
    F: Future<Output = Result<T, Infallible>>,
{
    nursery_with(rt, body)
}

async fn children<R, F>(rt: &R, n: usize, child: fn(usize) -> F) -> Reading
where
    R: Runtime,
    F: Future<Output = Result<(), Infallible>> + Send + 'static,
{
    let gauge = Gauge::start();
    let nursery = open(rt, |nursery| async move {
        for i in 0..n {
            nursery.spawn(child(i));
        }
        Ok(())
    });
    nursery.await.expect("children that cannot fail");
    gauge.stop()
}

async fn cancel<R: Runtime>(rt: &R, n: usize) -> Reading {
    let until = rt.now() + LONG;
    let gauge = Gauge::start();
    let nursery = open(rt, |nursery| async move {
        let asleep = Asleep::new(n);
        for _ in 0..n {
            nursery.spawn(asleep.report(nursery.runtime().sleep_until(until)));
        }
        asleep.all().await;
        let gauge = gauge.restart_clocks();
        nursery.cancel();
        Ok(gauge)
    });
    nursery.await.expect("the body has ended").stop()
}

async fn nurseries<R: Runtime>(rt: &R, n: usize) -> Reading {
    let gauge = Gauge::start();
    for _ in 0..n {
        open(rt, |_| async { Ok(()) }).await.expect("nothing that could fail");
    }
    gauge.stop()
}

async fn timeouts(n: usize) -> Reading {
    let gauge = Gauge::start();
    for i in 0..n {
        timeout(Duration::from_secs(1), trivial::<()>(i)).await.expect("it was ready");
    }
    gauge.stop()
}

async fn threads_in_turn<R: Runtime>(rt: &R, n: usize) -> Reading {
    let gauge = Gauge::start();
    for i in 0..n {
        to_thread(rt, move || blocking(i)).await;
    }
    gauge.stop()
}

async fn threads_at_once<R: Runtime>(rt: &R, n: usize) -> Reading {
    let gauge = Gauge::start();
    let nursery = open(rt, |nursery| async move {
        for i in 0..n {
            let rt = nursery.runtime().clone();
            nursery.spawn(async move {
                to_thread(&rt, move || blocking(i)).await;
                Ok(())
            });
        }
        Ok(())
    });
    nursery.await.expect("children that cannot fail");
    gauge.stop()
}
