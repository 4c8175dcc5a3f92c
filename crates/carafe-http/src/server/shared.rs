//! What all connections of one server share.

use std::convert::Infallible;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use carafe_core::Nursery;
use carafe_core::rt::Runtime;
use hyper::server::conn::http1;

use super::Report;
use super::drain::Drain;

/// One running server.
pub(super) struct Shared<R: Runtime> {
    pub(super) rt: R,
    /// hyper, configured.
    pub(super) http1: http1::Builder,
    pub(super) drain: Drain,
    /// Where connections live; set before there is one.
    pub(super) connections: OnceLock<Nursery<Infallible, R>>,
    /// Where handlers live on whose client has left, but which hold; set before there is one.
    pub(super) detached: OnceLock<Nursery<Infallible, R>>,
    deadline: OnceLock<Option<Instant>>,
    /// How many connections were accepted.
    pub(super) accepted: AtomicU64,
    /// How many requests were begun.
    pub(super) requests: AtomicU64,
    /// How many connections were cancelled with something in flight.
    pub(super) cancelled: AtomicU64,
}

impl<R: Runtime> Shared<R> {
    pub(super) fn new(rt: R, http1: http1::Builder) -> Self {
        Shared {
            rt,
            http1,
            drain: Drain::default(),
            connections: OnceLock::new(),
            detached: OnceLock::new(),
            deadline: OnceLock::new(),
            accepted: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
        }
    }

    /// Whether the connections are being cancelled: the drain's deadline has passed, or a scope
    /// around the server was cancelled.
    pub(super) fn is_cancelled(&self) -> bool {
        self.connections.get().is_some_and(Nursery::is_cancelled)
    }

    /// The listener is closed: tells the connections, which have until `graceful_timeout` from now.
    pub(super) fn begin_drain(&self, graceful_timeout: Duration) {
        let _ = self.deadline.set(self.rt.now().checked_add(graceful_timeout)); // Its only writer.
        self.drain.begin();
    }

    /// When the drain's patience ends, if it has begun and ever ends.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline.get().copied().flatten()
    }

    /// The deadline has passed: cancels the connections that are left. Detached handlers have been
    /// cancelled by their clients.
    pub(super) fn cancel(&self) {
        if let Some(connections) = self.connections.get() {
            connections.cancel_with("the server's graceful timeout has passed");
        }
        if let Some(live @ 1..) = self.detached.get().map(Nursery::live) {
            tracing::warn!("handlers of {live} clients that have left are not finished");
        }
    }

    pub(super) fn report(&self) -> Report {
        Report {
            connections: self.accepted.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            cancelled: self.cancelled.load(Ordering::Relaxed),
        }
    }
}
