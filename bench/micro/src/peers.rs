//! The loops' own functions.

mod async_std;
mod smol;
mod tokio;

use std::future::Future;

use crate::gauge::{Gauge, Reading};
use crate::{Impl, Threads};

pub(crate) const IMPLS: &[(&str, Impl)] = &[
    ("tokio-ct/spawn", |what, n, _| tokio::spawn(None, what, n)),
    ("tokio-ct/join-set", |what, n, _| tokio::join_set(None, what, n)),
    ("tokio-ct/tracker", |what, n, _| tokio::tracker(None, what, n)),
    ("tokio-mt/spawn", |what, n, Threads(threads)| tokio::spawn(Some(threads), what, n)),
    ("tokio-mt/join-set", |what, n, Threads(threads)| tokio::join_set(Some(threads), what, n)),
    ("tokio-mt/tracker", |what, n, Threads(threads)| tokio::tracker(Some(threads), what, n)),
    ("smol/executor", |what, n, Threads(threads)| smol::executor(threads, what, n)),
    ("async-std/spawn", |what, n, _| async_std::spawn(what, n)),
];

/// Measures `work` from end to end.
async fn timed<F: Future<Output = ()>>(work: F) -> Reading {
    let gauge = Gauge::start();
    work.await;
    gauge.stop()
}
