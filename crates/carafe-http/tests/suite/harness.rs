//! A server around a test, and services for it.

use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use carafe_core::rt::{ListenOptions, Listener, Runtime};
use carafe_http::{Incoming, Report, Server};
use futures_lite::future::zip;
use http::{Request, Response};
use tower_service::Service;

use crate::gate::Gate;

/// Any port of this machine.
pub(crate) fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Runs `test` against a server of `handler` with the default limits; see [`serving_with`].
pub(crate) async fn serving<R, H, F, T>(
    rt: &R,
    handler: H,
    test: impl AsyncFnOnce(Stand) -> T,
) -> (T, Report)
where
    R: Runtime,
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<String>> + Send + 'static,
{
    serving_with(Server::new(rt.clone()), rt, handler, test).await
}

/// Runs `test` against a server of `handler`, which drains when the test has ended, at the latest.
/// Returns when both have ended.
pub(crate) async fn serving_with<R, H, F, T>(
    server: Server<R>,
    rt: &R,
    handler: H,
    test: impl AsyncFnOnce(Stand) -> T,
) -> (T, Report)
where
    R: Runtime,
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<String>> + Send + 'static,
{
    let listener = rt.bind(anywhere(), ListenOptions::default()).await.unwrap();
    let stand =
        Stand { address: listener.local_addr().unwrap(), drain: Gate::new(), done: Gate::new() };
    let Stand { drain, done, .. } = stand.clone();
    let serve = async {
        let report = server.serve(listener, Handler(handler), drain.wait()).await;
        done.open();
        report.unwrap()
    };
    let test = async {
        let value = test(stand).await;
        drain.open();
        value
    };
    let (report, value) = zip(serve, test).await;
    (value, report)
}

/// A server under test.
#[derive(Clone)]
pub(crate) struct Stand {
    pub(crate) address: SocketAddr,
    /// Opened: the server drains.
    pub(crate) drain: Gate,
    /// The server has ended.
    pub(crate) done: Gate,
}

impl Stand {
    /// Waits until nobody listens any more.
    pub(crate) async fn refuses<R: Runtime>(&self, rt: &R) {
        while rt.connect(self.address, Default::default()).await.is_ok() {
            futures_lite::future::yield_now().await;
        }
    }
}

/// A function as a service.
#[derive(Clone)]
pub(crate) struct Handler<H>(pub H);

impl<H, F> Service<Request<Incoming>> for Handler<H>
where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<String>> + Send + 'static,
{
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let response = (self.0)(request);
        Box::pin(async move { Ok(response.await) })
    }
}

/// A response with this text.
pub(crate) fn text(text: impl Into<String>) -> Response<String> {
    Response::new(text.into())
}
