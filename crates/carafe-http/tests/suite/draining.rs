//! The end of a server: what is accepted is answered, and nothing is left.

use std::time::Duration;

use carafe_core::rt::Runtime;
use carafe_core::{live_tree, shield};
use carafe_http::{Incoming, Server};
use futures_lite::future::pending;
use http::{Request, Response};

use crate::gate::Gate;
use crate::harness::{serving, serving_with, text};
use crate::log::Log;
use crate::peer::Peer;

on_every_loop!(
    requests_in_flight_are_answered_and_nobody_listens,
    idle_connections_close,
    the_last_answer_is_not_lost_to_what_was_pipelined_behind_it,
    what_takes_too_long_is_cancelled,
    a_handler_that_holds_is_waited_for,
    a_server_leaves_nothing_behind,
);

on_the_simulator!(
    a_hundred_requests_of_200_ms_are_answered_in_200_ms,
    the_deadline_is_kept_and_what_is_cancelled_is_named,
    a_request_that_arrives_with_the_drain_is_answered,
    a_connection_that_waits_to_be_accepted_is_served,
    a_head_that_never_ends_is_cut_off,
    a_detached_handler_has_until_the_deadline,
);

const IN_FLIGHT: usize = 20;

async fn requests_in_flight_are_answered_and_nobody_listens<R: Runtime>(rt: R) {
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
    let (_, report) = serving(&rt, handler, async |stand| {
        let _released = release.on_drop();
        let mut peers = Vec::new();
        for _ in 0..IN_FLIGHT {
            let mut peer = Peer::connect(&rt, stand.address).await;
            peer.get("/").await;
            peers.push(peer);
        }
        started.wait_for(IN_FLIGHT).await;
        stand.drain.open();
        stand.refuses(&rt).await;
        release.open();
        for peer in &mut peers {
            let reply = peer.reply().await;
            assert_eq!((reply.status, &*reply.body), (200, "answered"));
            assert_eq!(reply.headers["connection"], "close");
            assert!(peer.rest().await.0.is_empty());
        }
        stand.done.wait().await;
    })
    .await;
    assert_eq!((report.requests, report.cancelled), (IN_FLIGHT as u64, 0));
}

async fn hello(_: Request<Incoming>) -> Response<String> {
    text("hello")
}

async fn idle_connections_close<R: Runtime>(rt: R) {
    serving(&rt, hello, async |stand| {
        let mut used = Peer::connect(&rt, stand.address).await;
        used.get("/").await;
        used.reply().await;
        let mut unused = Peer::connect(&rt, stand.address).await;
        stand.drain.open();
        for peer in [&mut used, &mut unused] {
            assert!(peer.rest().await.0.is_empty());
        }
        stand.done.wait().await;
    })
    .await;
}

async fn the_last_answer_is_not_lost_to_what_was_pipelined_behind_it<R: Runtime>(rt: R) {
    let (started, release) = (Gate::new(), Gate::new());
    let handler = {
        let (started, release) = (started.clone(), release.clone());
        move |_: Request<Incoming>| {
            let (started, release) = (started.clone(), release.clone());
            async move {
                started.open();
                release.wait().await;
                text("x".repeat(100_000))
            }
        }
    };
    serving(&rt, handler, async |stand| {
        let _released = release.on_drop();
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.get("/first").await;
        started.wait().await;
        stand.drain.open();
        stand.refuses(&rt).await;
        // More than hyper reads ahead.
        peer.send("GET /more HTTP/1.1\r\nHost: test\r\n\r\n".repeat(1000)).await;
        release.open();
        assert_eq!(peer.reply().await.body.len(), 100_000);
        let (rest, end) = peer.rest().await;
        assert!(rest.is_empty() && end.is_ok(), "no reset: {end:?}");
    })
    .await;
}

async fn what_takes_too_long_is_cancelled<R: Runtime>(rt: R) {
    let (started, gone) = (Gate::new(), Gate::new());
    let handler = {
        let (started, gone) = (started.clone(), gone.clone());
        move |_: Request<Incoming>| {
            let (started, guard) = (started.clone(), gone.on_drop());
            async move {
                let _guard = guard;
                started.open();
                pending::<Response<String>>().await
            }
        }
    };
    let server = Server::new(rt.clone()).graceful_timeout(Duration::from_millis(10));
    let (_, report) = serving_with(server, &rt, handler, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.get("/").await;
        started.wait().await;
        stand.drain.open();
        assert!(peer.try_reply().await.is_none());
        stand.done.wait().await;
        assert_eq!(gone.count(), 1);
    })
    .await;
    assert_eq!((report.requests, report.cancelled), (1, 1));
}

async fn a_handler_that_holds_is_waited_for<R: Runtime>(rt: R) {
    let (started, release, ended) = (Gate::new(), Gate::new(), Gate::new());
    let handler = {
        let (started, release, ended) = (started.clone(), release.clone(), ended.clone());
        move |_: Request<Incoming>| {
            let (started, release, ended) = (started.clone(), release.clone(), ended.clone());
            async move {
                shield(async {
                    started.open();
                    release.wait().await;
                    ended.open();
                })
                .await;
                text("")
            }
        }
    };
    let server = Server::new(rt.clone()).graceful_timeout(Duration::ZERO);
    serving_with(server, &rt, handler, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        let _released = release.on_drop();
        peer.get("/").await;
        started.wait().await;
        stand.drain.open();
        stand.refuses(&rt).await;
        assert_eq!(stand.done.count(), 0);
        release.open();
        stand.done.wait().await;
        assert_eq!(ended.count(), 1);
    })
    .await;
}

async fn a_server_leaves_nothing_behind<R: Runtime>(rt: R) {
    futures_lite::future::yield_now().await;
    let before = live_tree().unwrap();
    serving(&rt, hello, async |stand| {
        for _ in 0..5 {
            let mut peer = Peer::connect(&rt, stand.address).await;
            peer.get("/").await;
            peer.reply().await;
        }
    })
    .await;
    assert_eq!(live_tree().unwrap(), before);
}

async fn a_hundred_requests_of_200_ms_are_answered_in_200_ms<R: Runtime>(rt: R) {
    let started = Gate::new();
    let handler = {
        let (rt, started) = (rt.clone(), started.clone());
        move |_: Request<Incoming>| {
            let (rt, started) = (rt.clone(), started.clone());
            async move {
                started.open();
                rt.sleep_until(rt.now() + Duration::from_millis(200)).await;
                text("")
            }
        }
    };
    let start = rt.now();
    let (_, report) = serving(&rt, handler, async |stand| {
        let mut peers = Vec::new();
        for _ in 0..100 {
            let mut peer = Peer::connect(&rt, stand.address).await;
            peer.get("/").await;
            peers.push(peer);
        }
        started.wait_for(100).await;
        stand.drain.open();
        for peer in &mut peers {
            assert_eq!(peer.reply().await.status, 200);
        }
    })
    .await;
    assert_eq!((report.requests, report.cancelled), (100, 0));
    assert_eq!(rt.now() - start, Duration::from_millis(200));
}

async fn the_deadline_is_kept_and_what_is_cancelled_is_named<R: Runtime>(rt: R) {
    let log = Log::capture();
    let stuck = async |_: Request<Incoming>| pending::<Response<String>>().await;
    let start = rt.now();
    let (_, report) = serving(&rt, stuck, async |stand| {
        let mut idle = Peer::connect(&rt, stand.address).await;
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.get("/stuck?token=secret").await;
        rt.sleep_until(rt.now() + Duration::from_secs(1)).await;
        stand.drain.open();
        assert!(idle.rest().await.0.is_empty());
        assert!(peer.try_reply().await.is_none());
    })
    .await;
    assert_eq!(report.cancelled, 1);
    assert_eq!(rt.now() - start, Duration::from_secs(11));
    let lines = log.lines("cancelled in flight");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("WARN") && lines[0].contains("GET /stuck from 127."), "{lines:?}");
}

async fn a_request_that_arrives_with_the_drain_is_answered<R: Runtime>(rt: R) {
    serving(&rt, hello, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.get("/").await;
        peer.reply().await;
        peer.get("/").await;
        stand.drain.open();
        assert_eq!(peer.reply().await.body, "hello");
        assert!(peer.rest().await.0.is_empty(), "it was the last");
    })
    .await;
}

async fn a_connection_that_waits_to_be_accepted_is_served<R: Runtime>(rt: R) {
    let (_, report) = serving(&rt, hello, async |stand| {
        let mut peers = Vec::new();
        for _ in 0..10 {
            let mut peer = Peer::connect(&rt, stand.address).await;
            peer.get("/").await;
            peers.push(peer);
        }
        stand.drain.open();
        for peer in &mut peers {
            assert_eq!(peer.reply().await.body, "hello");
        }
    })
    .await;
    assert_eq!(report.connections, 10);
}

async fn a_head_that_never_ends_is_cut_off<R: Runtime>(rt: R) {
    let start = rt.now();
    let (_, report) = serving(&rt, hello, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.send("GET / HTTP/1.1\r\nHo").await;
        rt.sleep_until(rt.now() + Duration::from_secs(1)).await;
        stand.drain.open();
        let _ = peer.rest().await;
    })
    .await;
    assert_eq!(rt.now() - start, Duration::from_secs(11));
    assert_eq!(report.cancelled, 0, "no request was in flight");
}

async fn a_detached_handler_has_until_the_deadline<R: Runtime>(rt: R) {
    let log = Log::capture();
    let (started, ended) = (Gate::new(), Gate::new());
    let handler = {
        let (rt, started, ended) = (rt.clone(), started.clone(), ended.clone());
        move |_: Request<Incoming>| {
            let (rt, started, ended) = (rt.clone(), started.clone(), ended.clone());
            async move {
                shield(async {
                    started.open();
                    rt.sleep_until(rt.now() + Duration::from_secs(60)).await;
                    ended.open();
                })
                .await;
                text("")
            }
        }
    };
    let start = rt.now();
    serving(&rt, handler, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.get("/").await;
        started.wait().await;
    })
    .await;
    assert_eq!(ended.count(), 1, "a shield is for as long as it takes");
    assert_eq!(rt.now() - start, Duration::from_secs(60));
    assert_eq!(log.lines("have left are not finished").len(), 1);
}
