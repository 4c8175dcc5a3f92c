//! Where a handler lives: not in hyper.
//!
//! hyper drops the future of a service when the client leaves, and it would drop a shield with it.
//! So hyper gets a thin [`Proxy`], and the handler runs in a boxed scope behind it:
//!
//! ```text
//!   Running ──the handler ends──────────────────────▶ Answered (also after a panic: 500)
//!      └──hyper drops the proxy──▶ scope cancelled ──┬─ nothing holds ──▶ dropped on the spot
//!                                                    └─ something does ─▶ Detached: the box moves to the
//!                                                                         server's own nursery, and ends there
//! ```

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use carafe_core::rt::Runtime;
use carafe_core::{Cancellable, Closed, cancellable};
use http::{Request, Response, StatusCode};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::app::App;
use super::link::Link;
use super::outgoing::{InFlight, Outgoing};
use crate::caught::{Caught, drop_caught, panic_text};
use crate::error::Chain;
use crate::ws::Accepted;
use crate::{BoxError, ConnectInfo, Incoming};

/// The service that hyper calls: for each request, a slot.
pub(super) struct Slots<R: Runtime, S> {
    service: S,
    link: Arc<Link<R>>,
}

impl<R: Runtime, S> Slots<R, S> {
    pub(super) fn new(service: S, link: Arc<Link<R>>) -> Self {
        Slots { service, link }
    }
}

impl<R: Runtime, S: App> hyper::service::Service<Request<hyper::body::Incoming>> for Slots<R, S> {
    type Response = Response<Outgoing<S::Body>>;
    type Error = Infallible;
    type Future = Proxy<R, S>;

    fn call(&self, request: Request<hyper::body::Incoming>) -> Proxy<R, S> {
        let in_flight = Some(self.link.begin(&request));
        let mut request = request.map(Incoming::new);
        request.extensions_mut().insert::<ConnectInfo>(self.link.info);
        let handler = Handler::Waiting { service: self.service.clone(), request: Some(request) };
        let run = Box::pin(cancellable(Caught::new(handler)));
        Proxy { run: Some(run), in_flight, link: self.link.clone() }
    }
}

/// A handler in its scope.
type Run<S> = Cancellable<Caught<Handler<S>>>;

/// What hyper holds in the place of a handler.
pub(super) struct Proxy<R: Runtime, S: App> {
    /// `None` once it has answered.
    run: Option<Pin<Box<Run<S>>>>,
    /// Goes on with the response.
    in_flight: Option<InFlight>,
    link: Arc<Link<R>>,
}

impl<R: Runtime, S: App> Future for Proxy<R, S> {
    type Output = Result<Response<Outgoing<S::Body>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let run = self.run.as_mut().expect("hyper does not poll a future that has ended");
        let outcome = ready!(run.as_mut().poll(cx));
        self.run = None;
        let mut response = match outcome {
            Ok(Ok(Ok(response))) => response.map(Some),
            Ok(Ok(Err(error))) => {
                let error: BoxError = error.into();
                tracing::error!("{} failed: {}", self.link.request(), Chain(&*error));
                empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Ok(Err(payload)) => {
                tracing::error!("{} {}", self.link.request(), panic_text(&*payload));
                empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
            // Nobody cancels this scope but `drop`.
            Err(_) => empty(StatusCode::SERVICE_UNAVAILABLE),
        };
        if let Some(accepted) = Accepted::take_from(&mut response) {
            self.link.hand_over(accepted);
        }
        self.link.complete(&mut response);
        let in_flight = self.in_flight.take().expect("a request is in flight until it is answered");
        Poll::Ready(Ok(response.map(|body| Outgoing::new(body, in_flight))))
    }
}

/// A response of the server's own, without a body.
fn empty<B>(status: StatusCode) -> Response<Option<B>> {
    let mut response = Response::new(None);
    *response.status_mut() = status;
    response
}

impl<R: Runtime, S: App> Drop for Proxy<R, S> {
    /// The client has left, or the connection was cancelled.
    fn drop(&mut self) {
        let Some(mut run) = self.run.take() else { return };
        run.as_mut().cancel_with("the client has left");
        if !run.is_held() {
            return drop_caught(run);
        }
        // It goes on elsewhere: the end of this connection's task is not to find it.
        run.as_mut().uproot();
        let request = self.link.request();
        let name = request.clone();
        let rest = async move {
            if let Ok(Err(payload)) = run.await {
                tracing::error!("{request} {}", panic_text(&*payload));
            }
            Ok(())
        };
        // Refused when the server has ended: then the loop itself is being dropped.
        if let Some(detached) = self.link.server.detached.get()
            && let Err(Closed(rest)) = detached.named(name).try_spawn(rest)
        {
            drop_caught(rest);
        }
    }
}

pin_project! {
    /// A service's answer to one request, from asking whether it is ready on.
    #[project = HandlerProj]
    enum Handler<S>
    where
        S: Service<Request<Incoming>>,
    {
        Waiting { service: S, request: Option<Request<Incoming>> },
        Answering { #[pin] future: S::Future },
    }
}

impl<S: Service<Request<Incoming>>> Future for Handler<S> {
    type Output = Result<S::Response, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.as_mut().project() {
                HandlerProj::Waiting { service, request } => {
                    ready!(service.poll_ready(cx))?;
                    let request =
                        request.take().expect("`Waiting` has a request until it is called");
                    let future = service.call(request);
                    self.set(Handler::Answering { future });
                }
                HandlerProj::Answering { future } => return future.poll(cx),
            }
        }
    }
}
