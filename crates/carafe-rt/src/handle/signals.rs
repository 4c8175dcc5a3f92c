//! Signals through the handle, where the backend hears them.

use std::fmt;
use std::io;
use std::task::{Context, Poll};

use carafe_core::rt::{Signal, SignalStream, Signals};

use super::boxed::BoxedSignals;
use super::dispatch::{map_backend, on_backend};
use super::{Capability, Handle, Inner};
use crate::backends::{async_std, sim, smol, tokio};

/// Whether the backend hears signals: all of ours do, in the simulator those that a test sends.
pub(super) fn supported(inner: &Inner) -> bool {
    match inner {
        Inner::Tokio(_) | Inner::Smol(_) | Inner::AsyncStd(_) | Inner::Sim(_) => true,
        Inner::Boxed(rt) => rt.hears_signals(),
    }
}

/// The error of a backend that does not.
pub(super) fn unsupported(backend: &'static str) -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!("the backend {backend} has no {}", Capability::Signals),
    )
}

impl Signals for Handle {
    type Stream = HandleSignals;

    fn signals(&self, wanted: &[Signal]) -> io::Result<HandleSignals> {
        Ok(HandleSignals(map_backend!(&self.0, Inner(rt) => Raw(rt.signals(wanted)?))))
    }
}

/// Signals as they arrive, on whichever loop.
pub struct HandleSignals(Raw);

type SignalsOf<R> = <R as Signals>::Stream;

enum Raw {
    Tokio(SignalsOf<tokio::Runtime>),
    Smol(SignalsOf<smol::Runtime>),
    AsyncStd(SignalsOf<async_std::Runtime>),
    Sim(SignalsOf<sim::Runtime>),
    Boxed(BoxedSignals),
}

impl HandleSignals {
    /// The next signal.
    ///
    /// # Errors
    ///
    /// When the loop cannot hear signals any more.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no signal.
    pub async fn next(&mut self) -> io::Result<Signal> {
        std::future::poll_fn(|cx| self.poll_signal(cx)).await
    }
}

impl SignalStream for HandleSignals {
    fn poll_signal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Signal>> {
        on_backend!(&mut self.0, Raw(signals) => signals.poll_signal(cx))
    }
}

impl fmt::Debug for HandleSignals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandleSignals").finish_non_exhaustive()
    }
}
