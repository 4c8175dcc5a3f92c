//! One connection: a child of the server's nursery, from the accepted stream to its end.
//!
//! ```text
//!   Http ──101────────────────────────────▶ WebSocket ──▶ Done
//!    │ ├──with bytes left unread───────────▶ Lingering ──▶ Done
//!    │ └──the client or the server hangs up──────────────▶ Done
//! ```
//!
//! - Http: hyper reads requests and writes responses; the handlers are in the slots.
//! - WebSocket: the pump and the handler of one socket.
//! - Lingering: hyper has hung up, and the client is still writing.
//!
//! When the server drains, a connection is polled once more before it is told, so that a request
//! that has arrived is still read and answered.

use std::convert::Infallible;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use carafe_core::Token;
use carafe_core::rt::{ByteStream, Runtime};
use hyper::server::conn::http1::UpgradeableConnection;

use super::app::App;
use super::drain::DrainWatch;
use super::linger::Linger;
use super::link::Link;
use super::slot::Slots;
use crate::error::Chain;
use crate::io::HyperIo;
use crate::ws::{Accepted, Session};

/// The future of one connection.
pub(super) struct Connection<R, I, S>
where
    R: Runtime,
    I: ByteStream,
    S: App,
{
    stage: Stage<R, I, Slots<R, S>>,
    link: Arc<Link<R>>,
    watch: DrainWatch,
    /// Whether `stage` knows that the server drains.
    is_told: bool,
    /// Whether it was counted and logged as cancelled.
    is_reported: bool,
    /// The right to have a stream; given back with the stream.
    permit: Option<Token>,
}

// Every connection is in the big variant first, and most in no other: a box would cost each of them
// an allocation.
#[allow(clippy::large_enum_variant)]
enum Stage<R: Runtime, I, H: hyper::service::HttpService<hyper::body::Incoming>> {
    Http(UpgradeableConnection<HyperIo<I>, H>),
    WebSocket(Box<Session<R, I>>),
    Lingering(Box<Linger<R, I>>),
    Done,
}

impl<R, I, S> Connection<R, I, S>
where
    R: Runtime,
    I: ByteStream,
    S: App,
{
    pub(super) fn new(stream: I, service: S, link: Link<R>, permit: Token) -> Self {
        let link = Arc::new(link);
        let slots = Slots::new(service, link.clone());
        let http = link.server.http1.serve_connection(HyperIo::new(stream), slots).with_upgrades();
        Connection {
            stage: Stage::Http(http),
            link,
            watch: DrainWatch::default(),
            is_told: false,
            is_reported: false,
            permit: Some(permit),
        }
    }

    fn poll_stage(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.stage {
                Stage::Http(http) => {
                    let result = ready!(Pin::new(http).poll(cx));
                    self.after_http(result, cx);
                }
                Stage::WebSocket(session) => {
                    if !self.is_told && self.link.server.drain.has_begun() {
                        self.is_told = true;
                        session.go_away();
                    }
                    let polled = session.poll(cx);
                    if session.is_gone() {
                        self.permit = None;
                    }
                    ready!(polled);
                    self.stage = Stage::Done;
                }
                Stage::Lingering(linger) => {
                    ready!(linger.poll(cx));
                    self.stage = Stage::Done;
                }
                Stage::Done => {
                    self.permit = None;
                    return Poll::Ready(());
                }
            }
        }
    }

    /// Http → what comes next.
    fn after_http(&mut self, result: hyper::Result<()>, cx: &mut Context<'_>) {
        if let Err(error) = &result {
            self.log(error);
        }
        let next = match (self.link.take_over(), result) {
            (Some(accepted), _) => Stage::WebSocket(Box::new(self.session(accepted, cx))),
            (None, Ok(())) => self.linger(false, cx),
            (None, Err(error)) if error.is_parse() => self.linger(true, cx),
            (None, Err(_)) => Stage::Done,
        };
        self.stage = next;
        // The new stage has not been told.
        self.is_told = false;
    }

    /// Takes the stream back from hyper, and lingers if the client may not have ended.
    fn linger(&mut self, is_talking: bool, cx: &mut Context<'_>) -> Stage<R, I, Slots<R, S>> {
        let Stage::Http(http) = mem::replace(&mut self.stage, Stage::Done) else {
            unreachable!("only hyper reads requests")
        };
        // Upgraded by the app itself: then the stream is the app's.
        let Some(parts) = http.into_parts() else { return Stage::Done };
        let mut linger = Linger::new(self.link.server.rt.clone(), parts.io.into_inner());
        if is_talking || !parts.read_buf.is_empty() || linger.is_talked_to(cx) {
            Stage::Lingering(Box::new(linger))
        } else {
            Stage::Done
        }
    }

    /// The pump of an upgrade that hyper has finished with, one way or the other.
    fn session(&self, mut accepted: Accepted, cx: &mut Context<'_>) -> Session<R, I> {
        let stream = match Pin::new(&mut accepted.on_upgrade).poll(cx) {
            Poll::Ready(Ok(upgraded)) => match upgraded.downcast::<HyperIo<I>>() {
                Ok(parts) => Some((parts.io.into_inner(), parts.read_buf)),
                Err(_) => unreachable!("hyper gives back the stream that it was given"),
            },
            // The connection failed between the 101 and the upgrade.
            Poll::Ready(Err(_)) | Poll::Pending => None,
        };
        Session::new(self.link.server.rt.clone(), accepted, stream)
    }

    /// Tells hyper that this response is the last; an idle connection closes.
    fn tell_to_end(&mut self) {
        if let Stage::Http(http) = &mut self.stage {
            self.is_told = true;
            Pin::new(http).graceful_shutdown();
        }
    }

    fn log(&self, error: &hyper::Error) {
        let peer = self.link.info.peer;
        // What hyper answers by itself (400, 414, 431) has not reached any handler's log.
        if error.is_user() {
            tracing::error!("{} was cut short: {}", self.link.request(), Chain(error));
        } else if error.is_parse() {
            tracing::debug!(%peer, "refused a malformed request: {}", Chain(error));
        } else {
            tracing::debug!(%peer, "the connection ended: {}", Chain(error));
        }
    }

    /// Counts and names a connection that is being cancelled.
    fn report(&mut self) {
        let is_busy = match &self.stage {
            Stage::Http(_) => self.link.is_busy(),
            Stage::WebSocket(_) => true,
            Stage::Lingering(_) | Stage::Done => false,
        };
        if is_busy && !self.is_reported {
            self.is_reported = true;
            self.link.server.cancelled.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("cancelled in flight: {}", self.link.request());
        }
    }
}

impl<R, I, S> Future for Connection<R, I, S>
where
    R: Runtime,
    I: ByteStream,
    S: App,
{
    type Output = Result<(), Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let is_draining = this.watch.poll_begun(&this.link.server.drain, cx);
        let mut polled = this.poll_stage(cx);
        if is_draining && polled.is_pending() && !this.is_told {
            this.tell_to_end();
            polled = this.poll_stage(cx);
        }
        // Named now, not when it is dropped: what holds goes on, and the operator is to know who.
        if is_draining && polled.is_pending() && this.link.server.is_cancelled() {
            this.report();
        }
        polled.map(Ok)
    }
}

impl<R, I, S> Drop for Connection<R, I, S>
where
    R: Runtime,
    I: ByteStream,
    S: App,
{
    fn drop(&mut self) {
        self.report();
    }
}
