use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use pin_project_lite::pin_project;

pin_project! {
    /// A sleep on tokio's timers. It knows its runtime, so it may be polled anywhere.
    #[derive(Debug)]
    pub struct Sleep {
        #[pin]
        inner: tokio::time::Sleep,
    }
}

impl Sleep {
    /// To be called with the runtime current.
    pub(crate) fn until(deadline: Instant) -> Self {
        Sleep { inner: tokio::time::sleep_until(deadline.into()) }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().inner.poll(cx)
    }
}

impl carafe_core::rt::Sleep for Sleep {
    fn deadline(&self) -> Instant {
        self.inner.deadline().into_std()
    }

    fn reset(self: Pin<&mut Self>, deadline: Instant) {
        self.project().inner.reset(deadline.into());
    }
}
