//! Requests and responses that are as they should be, and requests that are not.

use std::time::Duration;

use carafe_core::rt::Runtime;
use carafe_http::{ConnectInfo, Incoming, Server};
use http::{Request, Response};
use http_body_util::BodyExt;

use crate::gate::Gate;
use crate::harness::{serving, serving_with, text};
use crate::peer::Peer;

on_every_loop!(
    two_requests_share_a_connection,
    pipelined_requests_are_answered_in_order,
    a_malformed_request_is_a_400,
    a_request_tells_both_ends_of_its_connection,
    a_body_is_read_as_it_comes,
    a_malformed_body_is_told_from_one_that_was_cut_short,
    an_answer_does_not_need_the_body_to_be_read,
    a_client_that_has_ended_its_half_is_answered_if_that_is_wanted,
);

on_the_simulator!(the_date_is_the_runtimes);

async fn echo_path(request: Request<Incoming>) -> Response<String> {
    text(request.uri().path())
}

async fn two_requests_share_a_connection<R: Runtime>(rt: R) {
    let (_, report) = serving(&rt, echo_path, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        for path in ["/first", "/second"] {
            peer.get(path).await;
            let reply = peer.reply().await;
            assert_eq!((reply.status, &*reply.body), (200, path));
            assert!(reply.headers["date"].ends_with(" GMT"), "{reply:?}");
        }
    })
    .await;
    assert_eq!((report.connections, report.requests, report.cancelled), (1, 2, 0));
}

async fn pipelined_requests_are_answered_in_order<R: Runtime>(rt: R) {
    serving(&rt, echo_path, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        let requests: String =
            (0..5).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: test\r\n\r\n")).collect();
        peer.send(requests).await;
        for n in 0..5 {
            assert_eq!(peer.reply().await.body, format!("/{n}"));
        }
    })
    .await;
}

async fn a_malformed_request_is_a_400<R: Runtime>(rt: R) {
    let (_, report) = serving(&rt, echo_path, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.send("GET / HTTP/1.1\r\nno colon\r\n\r\n").await;
        assert_eq!(peer.reply().await.status, 400);
        assert!(peer.rest().await.0.is_empty(), "the connection ends");
    })
    .await;
    assert_eq!((report.connections, report.requests), (1, 0));
}

async fn a_request_tells_both_ends_of_its_connection<R: Runtime>(rt: R) {
    let ends = async |request: Request<Incoming>| {
        let info = request.extensions().get::<ConnectInfo>().unwrap();
        text(format!("{} {}", info.peer.ip(), info.local))
    };
    serving(&rt, ends, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.get("/").await;
        assert_eq!(peer.reply().await.body, format!("127.0.0.1 {}", stand.address));
    })
    .await;
}

async fn a_body_is_read_as_it_comes<R: Runtime>(rt: R) {
    let first_read = Gate::new();
    let first = first_read.clone();
    let upper = move |request: Request<Incoming>| {
        let first = first.clone();
        async move {
            let mut body = request.into_body();
            let mut all = String::new();
            while let Some(frame) = body.frame().await {
                all += std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap();
                first.open();
            }
            text(all.to_uppercase())
        }
    };
    serving(&rt, upper, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.send(
            "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n",
        )
        .await;
        first_read.wait().await;
        peer.send("3\r\ntwo\r\n0\r\n\r\n").await;
        assert_eq!(peer.reply().await.body, "ONETWO");
    })
    .await;
}

async fn a_malformed_body_is_told_from_one_that_was_cut_short<R: Runtime>(rt: R) {
    let seen = Gate::new();
    let judge = {
        let seen = seen.clone();
        move |request: Request<Incoming>| {
            let seen = seen.clone();
            async move {
                let is_cut = request.uri().path() == "/cut";
                let error = request.into_body().collect().await.expect_err("no whole body");
                assert_eq!((error.is_disconnected(), error.is_malformed()), (is_cut, !is_cut));
                seen.open();
                text("")
            }
        }
    };
    serving(&rt, judge, async |stand| {
        let head = "HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut malformed = Peer::connect(&rt, stand.address).await;
        malformed.send(format!("POST /malformed {head}what\r\n")).await;
        seen.wait().await;
        let mut cut = Peer::connect(&rt, stand.address).await;
        cut.send(format!("POST /cut {head}3\r\nab")).await;
        cut.shutdown().await;
        seen.wait_for(2).await;
    })
    .await;
}

async fn an_answer_does_not_need_the_body_to_be_read<R: Runtime>(rt: R) {
    serving(&rt, echo_path, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.send("POST /early HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n0123").await;
        assert_eq!(peer.reply().await.body, "/early");
    })
    .await;
}

async fn a_client_that_has_ended_its_half_is_answered_if_that_is_wanted<R: Runtime>(rt: R) {
    let (started, release) = (Gate::new(), Gate::new());
    let handler = {
        let (started, release) = (started.clone(), release.clone());
        move |_: Request<Incoming>| {
            let (started, release) = (started.clone(), release.clone());
            async move {
                started.open();
                release.wait().await;
                text("answered")
            }
        }
    };
    let server = Server::new(rt.clone()).half_close(true);
    serving_with(server, &rt, handler, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.get("/").await;
        peer.shutdown().await;
        started.wait().await;
        release.open();
        assert_eq!(peer.reply().await.body, "answered");
    })
    .await;
}

async fn the_date_is_the_runtimes<R: Runtime>(rt: R) {
    serving(&rt, echo_path, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        for _ in 0..2 {
            peer.get("/").await;
            let date = httpdate::fmt_http_date(rt.wall_now());
            assert_eq!(peer.reply().await.headers["date"], date);
            rt.sleep_until(rt.now() + Duration::from_secs(86_400)).await;
        }
    })
    .await;
}
