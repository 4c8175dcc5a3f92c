//! Requests that become WebSockets, and those that do not.

use carafe_core::rt::Runtime;
use carafe_http::{Incoming, ws};
use futures_lite::future::pending;
use http::{Request, Response, StatusCode};

use crate::gate::Gate;
use crate::harness::{serving, text};
use crate::peer::Peer;
use crate::wspeer::{TEXT, WsPeer, frame, upgrade};

on_every_loop!(
    a_handler_that_ends_without_accepting_answers_403,
    a_handler_that_fails_before_accepting_answers_for_itself,
    a_handler_that_closes_before_accepting_answers_403,
    a_handler_that_panics_before_accepting_answers_500,
    a_request_that_breaks_the_rules_is_refused,
    an_unknown_version_is_told_the_known_one,
    a_plain_connection_lives_on_after_a_refusal,
    the_first_subprotocol_that_both_speak_is_chosen,
    a_message_that_comes_with_the_request_is_not_lost,
    a_client_that_leaves_before_the_answer_cancels_the_handler,
    accepting_waits_for_the_socket,
);

fn options() -> ws::Options {
    ws::Options::new()
}

async fn a_handler_that_ends_without_accepting_answers_403<R: Runtime>(rt: R) {
    let handler = async |request| ws::serve(request, options(), async |_| Ok(())).await;
    serving(&rt, handler, async |stand| {
        let refused = WsPeer::try_open(&rt, stand.address, "/").await.err().unwrap();
        assert_eq!(refused.status, 403);
    })
    .await;
}

async fn a_handler_that_fails_before_accepting_answers_for_itself<R: Runtime>(rt: R) {
    let handler = async |request| {
        let teapot = async |_| {
            let mut response = text("Invalid password");
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            Err(response)
        };
        ws::serve(request, options(), teapot).await
    };
    serving(&rt, handler, async |stand| {
        let refused = WsPeer::try_open(&rt, stand.address, "/").await.err().unwrap();
        assert_eq!((refused.status, &*refused.body), (418, "Invalid password"));
    })
    .await;
}

async fn a_handler_that_closes_before_accepting_answers_403<R: Runtime>(rt: R) {
    let gone = Gate::new();
    let handler = {
        let gone = gone.clone();
        move |request: Request<Incoming>| {
            let guard = gone.on_drop();
            ws::serve(request, options(), async move |socket: ws::WebSocket| {
                let _guard = guard;
                socket.close(1000, "not today").await;
                pending().await
            })
        }
    };
    serving(&rt, handler, async |stand| {
        let refused = WsPeer::try_open(&rt, stand.address, "/").await.err().unwrap();
        assert_eq!(refused.status, 403);
        assert_eq!(gone.count(), 1);
    })
    .await;
}

async fn a_handler_that_panics_before_accepting_answers_500<R: Runtime>(rt: R) {
    let handler =
        async |request| ws::serve(request, options(), async |_| panic!("on purpose")).await;
    serving(&rt, handler, async |stand| {
        let refused = WsPeer::try_open(&rt, stand.address, "/").await.err().unwrap();
        assert_eq!(refused.status, 500);
    })
    .await;
}

async fn echo(request: Request<Incoming>) -> Response<String> {
    let handler = async |socket: ws::WebSocket| {
        while let Ok(message) = socket.receive().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    ws::serve(request, options().protocols(["chat.v2", "chat.v1"]), handler).await
}

async fn a_request_that_breaks_the_rules_is_refused<R: Runtime>(rt: R) {
    serving(&rt, echo, async |stand| {
        let good = upgrade("/", "");
        for (right, wrong) in [
            ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
            ("Sec-WebSocket-Version: 13\r\n", ""),
            ("Upgrade: websocket\r\n", "Upgrade: h2c\r\n"),
            ("Connection: Upgrade\r\n", ""),
            ("GET / HTTP/1.1", "POST / HTTP/1.1"),
            ("GET / HTTP/1.1", "GET / HTTP/1.0"),
        ] {
            let mut peer = Peer::connect(&rt, stand.address).await;
            peer.send(good.replace(right, wrong)).await;
            assert_eq!(peer.reply().await.status, 400, "without {right:?}");
        }
    })
    .await;
}

async fn an_unknown_version_is_told_the_known_one<R: Runtime>(rt: R) {
    serving(&rt, echo, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.send(upgrade("/", "").replace("Version: 13", "Version: 12")).await;
        let reply = peer.reply().await;
        assert_eq!((reply.status, &*reply.headers["sec-websocket-version"]), (426, "13"));
    })
    .await;
}

async fn a_plain_connection_lives_on_after_a_refusal<R: Runtime>(rt: R) {
    serving(&rt, echo, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.get("/").await;
        assert_eq!(peer.reply().await.status, 400);
        peer.send(upgrade("/", "")).await;
        let mut socket = WsPeer::opened(peer).await.unwrap();
        socket.text("hello").await;
        assert_eq!(socket.next_text().await, "hello");
    })
    .await;
}

async fn the_first_subprotocol_that_both_speak_is_chosen<R: Runtime>(rt: R) {
    serving(&rt, echo, async |stand| {
        for (offer, chosen) in [
            ("Sec-WebSocket-Protocol: mqtt, chat.v1, chat.v2\r\n", Some("chat.v1")),
            ("Sec-WebSocket-Protocol: mqtt\r\n", None),
            ("", None),
        ] {
            let mut peer = Peer::connect(&rt, stand.address).await;
            peer.send(upgrade("/", offer)).await;
            let socket = WsPeer::opened(peer).await.unwrap();
            let protocol = socket.headers.get("sec-websocket-protocol");
            assert_eq!(protocol.map(String::as_str), chosen);
        }
    })
    .await;
}

async fn a_message_that_comes_with_the_request_is_not_lost<R: Runtime>(rt: R) {
    serving(&rt, echo, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        let mut bytes = upgrade("/", "").into_bytes();
        bytes.extend(frame(true, TEXT, b"early"));
        peer.send(bytes).await;
        let mut socket = WsPeer::opened(peer).await.unwrap();
        assert_eq!(socket.next_text().await, "early");
    })
    .await;
}

async fn a_client_that_leaves_before_the_answer_cancels_the_handler<R: Runtime>(rt: R) {
    let (started, gone) = (Gate::new(), Gate::new());
    let handler = {
        let (started, gone) = (started.clone(), gone.clone());
        move |request: Request<Incoming>| {
            let (started, guard) = (started.clone(), gone.on_drop());
            ws::serve(request, options(), async move |_| {
                let _guard = guard;
                started.open();
                pending().await
            })
        }
    };
    serving(&rt, handler, async |stand| {
        let mut peer = Peer::connect(&rt, stand.address).await;
        peer.send(upgrade("/", "")).await;
        started.wait().await;
        drop(peer);
        gone.wait().await;
    })
    .await;
}

async fn accepting_waits_for_the_socket<R: Runtime>(rt: R) {
    let handler = async |request| {
        let greeter = async |socket: ws::WebSocket| {
            socket.accept().await.unwrap();
            socket.send("accepted").await.unwrap();
            Ok(())
        };
        ws::serve(request, options(), greeter).await
    };
    serving(&rt, handler, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        assert_eq!(socket.next_text().await, "accepted");
        assert_eq!(socket.next_close().await, 1000);
    })
    .await;
}
