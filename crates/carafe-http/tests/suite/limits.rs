//! What a client may not have too much of.

use std::time::Duration;

use carafe_core::rt::Runtime;
use carafe_http::{Incoming, Server};
use http::{Request, Response};

use crate::gate::{Gate, Trace};
use crate::harness::{serving, serving_with, text};
use crate::peer::Peer;

on_the_simulator!(a_client_that_goes_on_after_a_4xx_is_hung_up_on);

on_every_loop!(
    headers_beyond_the_limit_are_a_431,
    headers_within_the_limit_are_read,
    a_connection_beyond_the_limit_waits,
);

async fn hello(_: Request<Incoming>) -> Response<String> {
    text("hello")
}

async fn headers_beyond_the_limit_are_a_431<R: Runtime>(rt: R) {
    let (_, report) = serving(&rt, hello, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        let big = "x".repeat(200 * 1024);
        let head = format!("GET / HTTP/1.1\r\nHost: test\r\nX-Big: {big}\r\n\r\n");
        peer.try_send(head).await.expect("a client can write what it wants to before it reads");
        assert_eq!(peer.reply().await.status, 431);
        let (rest, end) = peer.rest().await;
        assert!(rest.is_empty() && end.is_ok(), "no reset: {end:?}");
    })
    .await;
    assert_eq!(report.requests, 0);
}

async fn a_client_that_goes_on_after_a_4xx_is_hung_up_on<R: Runtime>(rt: R) {
    serving(&rt, hello, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        let start = rt.now();
        peer.send("what\r\n\r\n").await;
        assert_eq!(peer.reply().await.status, 400);
        let _ = peer.rest().await;
        assert_eq!(rt.now(), start, "the answer is complete at once");
        stand.drain.open();
        stand.done.wait().await;
        assert_eq!(rt.now() - start, Duration::from_secs(2));
        drop(peer);
    })
    .await;
}

async fn headers_within_the_limit_are_read<R: Runtime>(rt: R) {
    serving(&rt, hello, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        let big = "x".repeat(60 * 1024);
        peer.send(format!("GET / HTTP/1.1\r\nHost: test\r\nX-Big: {big}\r\n\r\n")).await;
        assert_eq!(peer.reply().await.status, 200);
    })
    .await;
}

async fn a_connection_beyond_the_limit_waits<R: Runtime>(rt: R) {
    let (started, release) = (Gate::new(), Gate::new());
    let trace = Trace::new();
    let handler = {
        let (started, release, trace) = (started.clone(), release.clone(), trace.clone());
        move |request: Request<Incoming>| {
            let (started, release, trace) = (started.clone(), release.clone(), trace.clone());
            async move {
                trace.add(request.uri().path());
                started.open();
                release.wait().await;
                text("")
            }
        }
    };
    let server = Server::new(rt.clone()).max_connections(2);
    let (_, report) = serving_with(server, &rt, handler, async |stand| {
        let _released = release.on_drop();
        let mut peers = Vec::new();
        for n in 0..2 {
            let mut peer = Peer::connect(&rt, stand.address).await;
            peer.get(&format!("/{n}")).await;
            peers.push(peer);
        }
        started.wait_for(2).await;
        let mut third = Peer::connect(&rt, stand.address).await;
        third.get("/third").await;
        release.open();
        for peer in &mut peers {
            assert_eq!(peer.reply().await.status, 200);
        }
        trace.add("a client leaves");
        peers.pop();
        assert_eq!(third.reply().await.status, 200);
    })
    .await;
    let events = trace.events();
    assert_eq!(events[2..], ["a client leaves", "/third"]);
    assert_eq!(report.connections, 3);
}
