//! Listeners that fail.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use carafe_core::rt::{ListenOptions, Listener, Runtime};
use carafe_http::{Incoming, Server};
use futures_lite::future::{pending, zip};
use http::{Request, Response};

use crate::gate::Gate;
use crate::harness::{Handler, anywhere, text};
use crate::log::Log;
use crate::peer::Peer;

on_every_loop!(
    accepting_goes_on_when_there_are_descriptors_again,
    a_connection_that_is_gone_again_is_skipped,
    a_broken_listener_ends_the_server_and_what_was_accepted_is_answered,
);

on_the_simulator!(each_pause_is_longer_and_the_episode_is_logged_once);

/// A listener that fails in these ways before it accepts, and in the last way after one connection.
struct Failing<L> {
    listener: L,
    before: VecDeque<io::Error>,
    after_one: Option<io::Error>,
    has_accepted: bool,
}

impl<L: Listener> Failing<L> {
    fn new(listener: L, before: impl IntoIterator<Item = io::Error>) -> Self {
        let before = before.into_iter().collect();
        Failing { listener, before, after_one: None, has_accepted: false }
    }
}

impl<L: Listener> Listener for Failing<L> {
    type Stream = L::Stream;

    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Self::Stream, SocketAddr)>> {
        if let Some(error) = self.before.pop_front() {
            return Poll::Ready(Err(error));
        }
        if self.has_accepted
            && let Some(error) = self.after_one.take()
        {
            return Poll::Ready(Err(error));
        }
        let accepted = self.listener.poll_accept(cx);
        self.has_accepted |= accepted.is_ready();
        accepted
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// `EMFILE`: the process has no descriptor left.
fn no_descriptors() -> io::Error {
    io::Error::from_raw_os_error(24)
}

async fn hello(_: Request<Incoming>) -> Response<String> {
    text("hello")
}

/// Serves one request over a listener that fails in these ways first.
async fn served_after<R: Runtime>(rt: &R, errors: impl IntoIterator<Item = io::Error>) {
    let listener = rt.bind(anywhere(), ListenOptions::default()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = Gate::new();
    let serve =
        Server::new(rt.clone()).serve(Failing::new(listener, errors), Handler(hello), drain.wait());
    let test = async {
        let mut peer = Peer::connect(rt, address).await;
        peer.get("/").await;
        assert_eq!(peer.reply().await.body, "hello");
        drain.open();
    };
    zip(serve, test).await.0.unwrap();
}

async fn accepting_goes_on_when_there_are_descriptors_again<R: Runtime>(rt: R) {
    served_after(&rt, (0..2).map(|_| no_descriptors())).await;
}

async fn each_pause_is_longer_and_the_episode_is_logged_once<R: Runtime>(rt: R) {
    let log = Log::capture();
    let start = rt.now();
    served_after(&rt, (0..8).map(|_| no_descriptors())).await;
    let pauses = [5, 10, 20, 40, 80, 160, 200, 200];
    assert_eq!(rt.now() - start, Duration::from_millis(pauses.iter().sum()));
    assert_eq!(log.lines("cannot accept").len(), 1);
}

async fn a_connection_that_is_gone_again_is_skipped<R: Runtime>(rt: R) {
    let aborted = || io::Error::from(io::ErrorKind::ConnectionAborted);
    served_after(&rt, (0..100).map(|_| aborted())).await;
}

async fn a_broken_listener_ends_the_server_and_what_was_accepted_is_answered<R: Runtime>(rt: R) {
    let listener = rt.bind(anywhere(), ListenOptions::default()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut listener = Failing::new(listener, []);
    listener.after_one = Some(io::ErrorKind::InvalidInput.into());
    let serve = Server::new(rt.clone()).serve(listener, Handler(hello), pending());
    let test = async {
        let mut peer = Peer::connect(&rt, address).await;
        peer.get("/").await;
        peer.try_reply().await
    };
    let (result, _) = zip(serve, test).await;
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}
