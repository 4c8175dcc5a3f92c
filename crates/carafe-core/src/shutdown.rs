//! The phases in which a run comes to its end.
//!
//! ```text
//!   Running ──request──▶ Draining ──begin_cancelling──▶ Cancelling ──the last task ends──▶ Closed
//! ```
//!
//! Draining is a request: [`requested`] resolves in every task, and nothing is cancelled. Cancelling
//! means that somebody's patience is over (a server's graceful deadline, say): what is left is being
//! cancelled, and the entry point's hard stop begins to count. Who drives the phases is the app, or
//! the program's `main`; outside a run these functions do nothing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use event_listener::{Event, EventListener};

use crate::cancel::Cause;
use crate::context;
use crate::rt::Signal;
use crate::run::Run;

// 0, the default, is running.
const DRAINING: u8 = 1;
const CANCELLING: u8 = 2;
const CLOSED: u8 = 3;

/// Where a run stands; it only moves forward.
#[derive(Default)]
pub(crate) struct Phases {
    phase: AtomicU8,
    draining: Event,
}

impl Phases {
    /// Moves forward to `phase`; says whether it was not there yet.
    fn advance(&self, phase: u8) -> bool {
        let is_new = self.phase.fetch_max(phase, Ordering::AcqRel) < phase;
        if is_new {
            self.draining.notify(usize::MAX);
        }
        is_new
    }

    fn is_draining(&self) -> bool {
        self.phase.load(Ordering::Acquire) >= DRAINING
    }

    /// The last task has ended.
    pub(crate) fn close(&self) {
        self.advance(CLOSED);
    }
}

impl Run {
    /// Somebody's patience is over: from now on the hard stop counts.
    pub(crate) fn begin_cancelling(self: &Arc<Self>) {
        if self.phases.advance(CANCELLING) {
            self.arm_hard_stop();
        }
    }
}

/// Asks the run to come to its end: [`requested`] resolves. Nothing is cancelled.
pub fn request() {
    if let Some(run) = context::run() {
        run.phases.advance(DRAINING);
    }
}

/// Whether the run was asked to come to its end.
pub fn is_requested() -> bool {
    context::run().is_some_and(|run| run.phases.is_draining())
}

/// Resolves when the run is asked to come to its end; at once if it was. Never outside a run.
///
/// # Cancel safety
///
/// Nothing is lost by dropping it.
pub fn requested() -> Requested {
    Requested { run: context::run(), listener: None }
}

/// Says that what is left of the run is being cancelled: the entry point's hard stop begins to count.
/// Cancels nothing itself.
pub fn begin_cancelling() {
    if let Some(run) = context::run() {
        run.begin_cancelling();
    }
}

/// Cancels the run: `main` and every task, except where something holds.
pub fn cancel_run() {
    if let Some(run) = context::run() {
        run.begin_cancelling();
        if let Some(root) = run.root() {
            root.cancel(Cause::Shutdown);
        }
    }
}

/// Remembers the signal that ends the run: a hard stop exits with 128 + its number.
pub fn set_signal(signal: Signal) {
    if let Some(run) = context::run() {
        run.set_exit_code(128 + signal.number());
    }
}

/// Ends the process now, printing what is alive, if the entry point has a hard stop; else cancels the
/// run. For a second signal, whose sender does not want to wait.
pub fn stop_now() {
    if let Some(run) = context::run() {
        run.stop_hard("stopped at once, as asked");
    }
    cancel_run();
}

/// The future of [`requested`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Requested {
    run: Option<Arc<Run>>,
    listener: Option<EventListener>,
}

impl Future for Requested {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(run) = self.run.clone() else { return Poll::Pending };
        loop {
            if run.phases.is_draining() {
                return Poll::Ready(());
            }
            // Listen first, then look again: a request in between is not lost.
            match &mut self.listener {
                None => self.listener = Some(run.phases.draining.listen()),
                Some(listener) => match Pin::new(listener).poll(cx) {
                    Poll::Ready(()) => self.listener = None,
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }
}

impl fmt::Debug for Requested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requested").finish_non_exhaustive()
    }
}
