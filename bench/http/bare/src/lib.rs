//! carafe-http alone, with a tower service that answers: what the engine costs without the framework.

use std::convert::Infallible;
use std::future::{Ready, pending, ready};
use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;
use carafe_core::Runner;
use carafe_core::rt::{Enter, ListenOptions, Runtime};
use carafe_http::{Incoming, Server};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;
use tower_service::Service;

/// Serves until the process is killed.
///
/// # Errors
///
/// When the port cannot be had, or the listener breaks.
///
/// # Panics
///
/// When the loop does not start.
pub fn serve(entry: impl Enter) -> io::Result<()> {
    Runner::new(entry).try_run(listen).expect("the loop starts, and nobody cancels the run")
}

async fn listen<R: Runtime>(rt: R) -> io::Result<()> {
    let listener = rt.bind(setup::address(), ListenOptions::default()).await?;
    Server::new(rt).serve(listener, Hello, pending()).await?;
    Ok(())
}

/// Answers every request alike.
#[derive(Clone)]
struct Hello;

impl Service<Request<Incoming>> for Hello {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<Incoming>) -> Self::Future {
        let mut response = Response::new(Full::new(Bytes::from_static(setup::HELLO.as_bytes())));
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, text);
        ready(Ok(response))
    }
}
