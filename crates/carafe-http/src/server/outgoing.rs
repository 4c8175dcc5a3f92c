//! The body of a response on its way to hyper.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::BoxError;
use crate::caught::panic_text;

pin_project! {
    /// The body of a response on its way to hyper.
    ///
    /// A producer that panics ends its own response, cut short, and nothing else: hyper is told of
    /// an error.
    #[derive(Debug)]
    pub(super) struct Outgoing<B> {
        // `None` where the server answers by itself: such answers have no body.
        #[pin]
        body: Option<B>,
        in_flight: InFlight,
    }
}

impl<B> Outgoing<B> {
    /// The body of the response to the request that is `in_flight`.
    pub(super) fn new(body: Option<B>, in_flight: InFlight) -> Self {
        Outgoing { body, in_flight }
    }
}

impl<B> Body for Outgoing<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let mut this = self.project();
        let Some(body) = this.body.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        match catch_unwind(AssertUnwindSafe(|| body.poll_frame(cx))) {
            Ok(frame) => Poll::Ready(ready!(frame).map(|frame| frame.map_err(Into::into))),
            Err(payload) => {
                this.body.set(None);
                Poll::Ready(Some(Err(panic_text(&*payload).into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

/// Counts the requests of one connection that are not answered to the end.
#[derive(Debug, Default)]
pub(super) struct InFlightCount(Arc<AtomicU32>);

impl InFlightCount {
    pub(super) fn begin(&self) -> InFlight {
        self.0.fetch_add(1, Ordering::Relaxed);
        InFlight(self.0.clone())
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// One request that is not answered to the end; goes from the slot to the response's body.
#[derive(Debug)]
pub(super) struct InFlight(Arc<AtomicU32>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
