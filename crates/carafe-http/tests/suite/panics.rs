//! Handlers that do not end well, and what is left of everything else.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use carafe_core::nursery_with;
use carafe_core::rt::{ListenOptions, Listener, Runtime};
use carafe_http::{BoxError, Incoming, Server};
use futures_lite::future::{pending, zip};
use http::{Request, Response};
use http_body::{Body, Frame};
use tower_service::Service;

use crate::gate::Gate;
use crate::harness::{anywhere, serving, text};
use crate::peer::Peer;

on_every_loop!(
    a_handler_that_panics_is_a_500_and_its_connection_lives_on,
    the_children_of_a_handler_that_panics_are_gone,
    a_service_that_fails_is_a_500,
    a_body_that_panics_is_cut_short,
);

async fn a_handler_that_panics_is_a_500_and_its_connection_lives_on<R: Runtime>(rt: R) {
    let handler = async |request: Request<Incoming>| match request.uri().path() {
        "/panic" => panic!("on purpose"),
        path => text(path),
    };
    serving(&rt, handler, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        for _ in 0..2 {
            peer.get("/panic").await;
            assert_eq!(peer.reply().await.status, 500);
            peer.get("/fine").await;
            assert_eq!(peer.reply().await.body, "/fine");
        }
        let mut other = Peer::connect(&rt, stand.address).await;
        other.get("/fine").await;
        assert_eq!(other.reply().await.body, "/fine");
    })
    .await;
}

async fn the_children_of_a_handler_that_panics_are_gone<R: Runtime>(rt: R) {
    let child_gone = Gate::new();
    let handler = {
        let (rt, child_gone) = (rt.clone(), child_gone.clone());
        move |_: Request<Incoming>| {
            let (rt, guard) = (rt.clone(), child_gone.on_drop());
            async move {
                let running = Gate::new();
                let inside = nursery_with(&rt, |n| async move {
                    let started = running.clone();
                    n.spawn(async move {
                        let _guard = guard;
                        started.open();
                        pending::<Result<(), Infallible>>().await
                    });
                    running.wait().await;
                    if n.live() == 1 {
                        panic!("on purpose");
                    }
                    Ok(())
                });
                inside.await.unwrap();
                text("not reached")
            }
        }
    };
    serving(&rt, handler, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.get("/").await;
        assert_eq!(peer.reply().await.status, 500);
        assert_eq!(child_gone.count(), 1);
    })
    .await;
}

/// A service that is never ready.
#[derive(Clone)]
struct Unready;

impl Service<Request<Incoming>> for Unready {
    type Response = Response<String>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Response<String>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Err("on purpose".into()))
    }

    fn call(&mut self, _: Request<Incoming>) -> Self::Future {
        unreachable!("it is not ready")
    }
}

async fn a_service_that_fails_is_a_500<R: Runtime>(rt: R) {
    let listener = rt.bind(anywhere(), ListenOptions::default()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = Gate::new();
    let test = async {
        let mut peer = Peer::connect(&rt, address).await;
        peer.get("/").await;
        assert_eq!(peer.reply().await.status, 500);
        drain.open();
    };
    let serve = Server::new(rt.clone()).serve(listener, Unready, drain.wait());
    zip(serve, test).await.0.unwrap();
}

/// A body that has one frame, and then panics.
#[derive(Default)]
struct Broken {
    has_begun: bool,
}

impl Body for Broken {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        assert!(!self.has_begun, "on purpose");
        self.has_begun = true;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"half")))))
    }
}

/// A service whose bodies break.
#[derive(Clone)]
struct Breaking;

impl Service<Request<Incoming>> for Breaking {
    type Response = Response<Broken>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Broken>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Incoming>) -> Self::Future {
        std::future::ready(Ok(Response::new(Broken::default())))
    }
}

async fn a_body_that_panics_is_cut_short<R: Runtime>(rt: R) {
    let listener = rt.bind(anywhere(), ListenOptions::default()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = Gate::new();
    let test = async {
        for _ in 0..2 {
            let mut peer = Peer::connect(&rt, address).await;
            peer.get("/").await;
            assert!(peer.try_reply().await.is_none(), "the body has no end");
        }
        drain.open();
    };
    let serve = Server::new(rt.clone()).serve(listener, Breaking, drain.wait());
    let report = zip(serve, test).await.0.unwrap();
    assert_eq!((report.requests, report.cancelled), (2, 0));
}
