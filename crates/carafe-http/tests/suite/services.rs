//! Whom the server serves, and where it runs.

use std::convert::Infallible;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use carafe_core::rt::{ListenOptions, Listener, Runtime};
use carafe_core::{CancelScope, live_tree, nursery_with};
use carafe_http::{Incoming, Server};
use futures_lite::future::{pending, zip};
use http::{Request, Response};

use crate::gate::Gate;
use crate::harness::{Handler, anywhere};
use crate::peer::Peer;

on_every_loop!(
    an_axum_router_is_served,
    a_server_is_a_task_like_any_other,
    cancelling_a_server_cancels_everything_in_it,
);

async fn an_axum_router_is_served<R: Runtime>(rt: R) {
    let listener = rt.bind(anywhere(), ListenOptions::default()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let hello = async |Path(name): Path<String>, body: String| format!("Hello, {name}! {body}");
    let router = Router::new().route("/hello/{name}", get(hello).post(hello));
    let drain = Gate::new();
    let serve = Server::new(rt.clone()).serve(listener, router, drain.wait());
    let test = async {
        let mut peer = Peer::connect(&rt, address).await;
        peer.get("/hello/axum").await;
        assert_eq!(peer.reply().await.body, "Hello, axum! ");
        let body = "Content-Length: 7\r\n\r\nBonjour";
        peer.send(format!("POST /hello/you HTTP/1.1\r\nHost: test\r\n{body}")).await;
        assert_eq!(peer.reply().await.body, "Hello, you! Bonjour");
        peer.get("/nowhere").await;
        assert_eq!(peer.reply().await.status, 404);
        drain.open();
    };
    zip(serve, test).await.0.unwrap();
}

async fn stuck(_: Request<Incoming>) -> Response<String> {
    pending().await
}

async fn a_server_is_a_task_like_any_other<R: Runtime>(rt: R) {
    let listener = rt.bind(anywhere(), ListenOptions::default()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = Gate::new();
    let served = nursery_with(&rt, |n| {
        let (rt, drain) = (rt.clone(), drain.clone());
        async move {
            let (server, drained) = (Server::new(rt.clone()), drain.clone());
            n.named("server").spawn(async move {
                let handler = async |_| Response::new(String::from("served"));
                server.serve(listener, Handler(handler), drained.wait()).await.unwrap();
                Ok::<(), Infallible>(())
            });
            let mut peer = Peer::connect(&rt, address).await;
            peer.get("/").await;
            assert_eq!(peer.reply().await.body, "served");
            drain.open();
            Ok(())
        }
    });
    served.await.unwrap();
}

async fn cancelling_a_server_cancels_everything_in_it<R: Runtime>(rt: R) {
    futures_lite::future::yield_now().await;
    let before = live_tree().unwrap();
    let listener = rt.bind(anywhere(), ListenOptions::default()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (started, gone) = (Gate::new(), Gate::new());
    let handler = {
        let (started, gone) = (started.clone(), gone.clone());
        move |request| {
            let guard = gone.on_drop();
            started.open();
            async move {
                let _guard = guard;
                stuck(request).await
            }
        }
    };
    let scope = CancelScope::new();
    let serve = scope.run(Server::new(rt.clone()).serve(listener, Handler(handler), pending()));
    let test = async {
        let mut peer = Peer::connect(&rt, address).await;
        peer.get("/").await;
        started.wait().await;
        scope.cancel();
        assert!(peer.try_reply().await.is_none());
    };
    let (served, ()) = zip(serve, test).await;
    assert!(served.is_err(), "it was cancelled");
    assert_eq!(gone.count(), 1);
    assert_eq!(live_tree().unwrap(), before);
}
