//! Clients that leave, and what becomes of their handlers.

use std::convert::Infallible;

use carafe_core::rt::Runtime;
use carafe_core::{nursery_with, shield};
use carafe_http::{Incoming, Server};
use futures_lite::future::pending;
use http::{Request, Response};

use crate::gate::{Gate, Trace};
use crate::harness::{serving, serving_with, text};
use crate::peer::Peer;

on_every_loop!(
    a_client_that_leaves_cancels_its_handler,
    a_shield_is_finished_after_the_client_has_left,
    a_nursery_of_a_handler_ends_when_the_client_leaves,
    a_detached_handler_that_panics_disturbs_nobody,
);

async fn a_client_that_leaves_cancels_its_handler<R: Runtime>(rt: R) {
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
    let (_, report) = serving(&rt, handler, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.get("/").await;
        started.wait().await;
        drop(peer);
        gone.wait().await;
    })
    .await;
    assert_eq!(report.cancelled, 0, "the client did that, not the server");
}

async fn a_shield_is_finished_after_the_client_has_left<R: Runtime>(rt: R) {
    let (started, release, gone) = (Gate::new(), Gate::new(), Gate::new());
    let trace = Trace::new();
    let handler = {
        let (started, release, gone) = (started.clone(), release.clone(), gone.clone());
        let trace = trace.clone();
        move |request: Request<Incoming>| {
            let (started, release, gone) = (started.clone(), release.clone(), gone.clone());
            let trace = trace.clone();
            async move {
                if request.uri().path() == "/other" {
                    return text("other");
                }
                let _guard = gone.on_drop();
                shield(async {
                    started.open();
                    release.wait().await;
                    trace.add("the shield has ended");
                })
                .await;
                pending::<()>().await;
                trace.add("not reached");
                text("")
            }
        }
    };
    // One connection at a time: the second is served when the first has ended.
    let server = Server::new(rt.clone()).max_connections(1);
    serving_with(server, &rt, handler, async |stand| {
        let _released = release.on_drop();
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.get("/").await;
        started.wait().await;
        drop(peer);
        let mut other = Peer::connect(&rt, stand.address).await;
        other.get("/other").await;
        assert_eq!(other.reply().await.body, "other");
        assert_eq!(gone.count(), 0, "the handler is alive, its connection is not");
        release.open();
        gone.wait().await;
    })
    .await;
    assert_eq!(trace.events(), ["the shield has ended"]);
}

async fn a_nursery_of_a_handler_ends_when_the_client_leaves<R: Runtime>(rt: R) {
    let (started, gone) = (Gate::new(), Gate::new());
    let handler = {
        let (rt, started, gone) = (rt.clone(), started.clone(), gone.clone());
        move |_: Request<Incoming>| {
            let (rt, started, gone) = (rt.clone(), started.clone(), gone.clone());
            async move {
                let children = nursery_with(&rt, |n| async move {
                    for _ in 0..3 {
                        let (started, guard) = (started.clone(), gone.on_drop());
                        n.spawn(async move {
                            let _guard = guard;
                            started.open();
                            pending::<Result<(), Infallible>>().await
                        });
                    }
                    Ok(())
                });
                children.await.unwrap();
                text("not reached")
            }
        }
    };
    let (_, report) = serving(&rt, handler, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.get("/").await;
        started.wait_for(3).await;
        drop(peer);
        gone.wait_for(3).await;
    })
    .await;
    assert_eq!(report.cancelled, 0);
}

async fn a_detached_handler_that_panics_disturbs_nobody<R: Runtime>(rt: R) {
    let (started, release, gone) = (Gate::new(), Gate::new(), Gate::new());
    let handler = {
        let (started, release, gone) = (started.clone(), release.clone(), gone.clone());
        move |request: Request<Incoming>| {
            let (started, release, gone) = (started.clone(), release.clone(), gone.clone());
            async move {
                if request.uri().path() == "/other" {
                    return text("other");
                }
                shield(async {
                    let _guard = gone.on_drop();
                    started.open();
                    release.wait().await;
                    panic!("on purpose");
                })
                .await
            }
        }
    };
    let server = Server::new(rt.clone()).max_connections(1);
    serving_with(server, &rt, handler, async |stand| {
        let _released = release.on_drop();
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.get("/").await;
        started.wait().await;
        drop(peer);
        let mut other = Peer::connect(&rt, stand.address).await;
        for _ in 0..2 {
            other.get("/other").await;
            assert_eq!(other.reply().await.body, "other");
            release.open();
            gone.wait().await;
        }
    })
    .await;
}
