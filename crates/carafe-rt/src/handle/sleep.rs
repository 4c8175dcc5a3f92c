//! The handle's sleep: the loop's own, without a box around it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use carafe_core::rt::{Clock, Sleep};
use pin_project_lite::pin_project;

use super::Inner;
use super::boxed::BoxedSleep;
use crate::backends::{async_std, sim, smol, tokio};

type SleepOf<R> = <R as Clock>::Sleep;

pin_project! {
    /// A future that ends at a deadline: [`sleep`](crate::sleep), on whichever loop.
    #[must_use = "futures do nothing unless polled"]
    pub struct HandleSleep {
        #[pin]
        raw: Raw,
    }
}

pin_project! {
    #[project = RawProjection]
    enum Raw {
        Tokio { #[pin] sleep: SleepOf<tokio::Runtime> },
        Smol { #[pin] sleep: SleepOf<smol::Runtime> },
        AsyncStd { #[pin] sleep: SleepOf<async_std::Runtime> },
        Sim { #[pin] sleep: SleepOf<sim::Runtime> },
        Boxed { #[pin] sleep: BoxedSleep },
    }
}

impl HandleSleep {
    #[allow(unreachable_code)] // an absent backend's arm
    pub(super) fn new(inner: &Inner, deadline: Instant) -> Self {
        let raw = match inner {
            Inner::Tokio(rt) => Raw::Tokio { sleep: rt.sleep_until(deadline) },
            Inner::Smol(rt) => Raw::Smol { sleep: rt.sleep_until(deadline) },
            Inner::AsyncStd(rt) => Raw::AsyncStd { sleep: rt.sleep_until(deadline) },
            Inner::Sim(rt) => Raw::Sim { sleep: rt.sleep_until(deadline) },
            Inner::Boxed(rt) => Raw::Boxed { sleep: rt.sleep_until(deadline) },
        };
        HandleSleep { raw }
    }
}

/// Evaluates an expression with the loop's own sleep, pinned.
macro_rules! on_sleep {
    ($raw:expr, $sleep:ident => $body:expr) => {
        match $raw.project() {
            RawProjection::Tokio { sleep: $sleep } => $body,
            RawProjection::Smol { sleep: $sleep } => $body,
            RawProjection::AsyncStd { sleep: $sleep } => $body,
            RawProjection::Sim { sleep: $sleep } => $body,
            RawProjection::Boxed { sleep: $sleep } => $body,
        }
    };
}

impl Future for HandleSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        on_sleep!(self.project().raw, sleep => sleep.poll(cx))
    }
}

impl Sleep for HandleSleep {
    fn deadline(&self) -> Instant {
        match &self.raw {
            Raw::Tokio { sleep } => sleep.deadline(),
            Raw::Smol { sleep } => sleep.deadline(),
            Raw::AsyncStd { sleep } => sleep.deadline(),
            Raw::Sim { sleep } => sleep.deadline(),
            Raw::Boxed { sleep } => sleep.deadline(),
        }
    }

    fn reset(self: Pin<&mut Self>, deadline: Instant) {
        on_sleep!(self.project().raw, sleep => sleep.reset(deadline));
    }
}

impl fmt::Debug for HandleSleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandleSleep").field("deadline", &self.deadline()).finish()
    }
}
