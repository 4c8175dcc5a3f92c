//! How WebSockets end: by the handler, by the peer, by its fault, by its disappearance, by the drain.

use std::time::Duration;

use carafe_core::rt::Runtime;
use carafe_core::shield;
use carafe_http::ws::{self, WebSocket};
use carafe_http::{Incoming, Server};
use futures_lite::future::pending;
use http::Request;

use crate::gate::{Gate, Trace};
use crate::harness::{serving, serving_with, text};
use crate::log::Log;
use crate::ws_talking::{echo, talking};
use crate::wspeer::{BINARY, CLOSE, CONTINUATION, PING, TEXT, WsPeer};

on_every_loop!(
    a_handler_that_ends_closes_with_1000,
    a_handler_that_fails_closes_with_1011,
    a_handler_that_panics_closes_with_1011,
    a_handler_closes_with_its_own_code_behind_what_it_sent,
    a_close_frame_is_answered_and_cancels_the_handler,
    what_was_sent_before_a_close_frame_is_received_first,
    a_peer_that_vanishes_cancels_the_handler,
    a_peer_that_vanishes_while_the_handler_holds_is_outlived_by_it,
    a_message_that_is_too_big_closes_with_1009,
    a_text_that_is_not_utf_8_closes_with_1007,
    a_frame_that_breaks_the_protocol_closes_with_1002,
    sending_to_a_peer_that_is_gone_is_an_error,
    the_drain_closes_with_1001_and_cancels,
    a_socket_of_somebody_else_can_be_closed,
);

on_the_simulator!(
    a_silent_peer_is_gone_after_two_pings,
    a_peer_that_answers_pings_stays,
    a_peer_that_answers_no_close_frame_is_left_after_5_s,
    a_handler_that_receives_nothing_is_cancelled_10_s_after_its_peer_has_gone,
    a_socket_that_outlives_the_drain_is_cancelled_and_named,
);

async fn a_handler_that_ends_closes_with_1000<R: Runtime>(rt: R) {
    let greet = async |socket: WebSocket| {
        socket.send("hello").await.unwrap();
        Ok(())
    };
    talking(&rt, greet, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        assert_eq!(socket.next_text().await, "hello");
        assert_eq!(socket.next_close().await, 1000);
        socket.close(1000).await;
        let (rest, end) = socket.peer.rest().await;
        assert!(rest.is_empty() && end.is_ok());
    })
    .await;
}

async fn a_handler_that_fails_closes_with_1011<R: Runtime>(rt: R) {
    let fail = async |socket: WebSocket| {
        socket.accept().await.unwrap();
        Err(text("on purpose"))
    };
    talking(&rt, fail, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        assert_eq!(socket.next_close().await, 1011);
    })
    .await;
}

async fn a_handler_that_panics_closes_with_1011<R: Runtime>(rt: R) {
    let fail = async |socket: WebSocket| match socket.receive().await.unwrap().as_text() {
        Some("panic") => panic!("on purpose"),
        _ => Ok(()),
    };
    talking(&rt, fail, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        socket.text("panic").await;
        assert_eq!(socket.next_close().await, 1011);
        let mut other = WsPeer::open(&rt, stand.address, "/").await;
        other.text("fine").await;
        assert_eq!(other.next_close().await, 1000);
    })
    .await;
}

async fn a_handler_closes_with_its_own_code_behind_what_it_sent<R: Runtime>(rt: R) {
    let say = async |socket: WebSocket| {
        for n in 0..10 {
            socket.send(format!("{n}")).await.unwrap();
        }
        socket.close(4321, "because").await;
        assert_eq!(socket.send("too late").await.unwrap_err().code(), 4321);
        socket.close(1000, "the first one counts").await;
        Ok(())
    };
    talking(&rt, say, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        for n in 0..10 {
            assert_eq!(socket.next_text().await, format!("{n}"));
        }
        let frame = socket.next().await.unwrap();
        assert_eq!(frame.opcode, CLOSE);
        assert_eq!(frame.payload, [&4321u16.to_be_bytes()[..], b"because"].concat());
    })
    .await;
}

async fn a_close_frame_is_answered_and_cancels_the_handler<R: Runtime>(rt: R) {
    let gone = Gate::new();
    let wait = {
        let gone = gone.clone();
        move |socket: WebSocket| {
            let guard = gone.on_drop();
            async move {
                let _guard = guard;
                socket.accept().await.unwrap();
                pending().await
            }
        }
    };
    talking(&rt, wait, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        socket.close(4000).await;
        assert_eq!(socket.next_close().await, 4000);
        assert!(socket.next().await.is_none(), "the server hangs up");
        gone.wait().await;
    })
    .await;
}

async fn what_was_sent_before_a_close_frame_is_received_first<R: Runtime>(rt: R) {
    let (receive, gone) = (Gate::new(), Gate::new());
    let trace = Trace::new();
    let read = {
        let (receive, gone, trace) = (receive.clone(), gone.clone(), trace.clone());
        move |socket: WebSocket| {
            let (receive, guard, trace) = (receive.clone(), gone.on_drop(), trace.clone());
            async move {
                let _guard = guard;
                socket.accept().await.unwrap();
                receive.wait().await;
                let why = loop {
                    match socket.receive().await {
                        Ok(message) => trace.add(message.as_text().unwrap()),
                        Err(why) => break why,
                    }
                };
                trace.add(format!("{} {}", why.code(), why.reason()));
                pending().await
            }
        }
    };
    talking(&rt, read, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        for n in 0..3 {
            socket.text(&format!("{n}")).await;
        }
        socket.send(CLOSE, [&4001u16.to_be_bytes()[..], b"bye"].concat()).await;
        assert_eq!(socket.next_close().await, 4001);
        receive.open();
        gone.wait().await;
    })
    .await;
    assert_eq!(trace.events(), ["0", "1", "2", "4001 bye"]);
}

async fn a_peer_that_vanishes_cancels_the_handler<R: Runtime>(rt: R) {
    let gone = Gate::new();
    let wait = {
        let gone = gone.clone();
        move |socket: WebSocket| {
            let guard = gone.on_drop();
            async move {
                let _guard = guard;
                socket.send("hello").await.unwrap();
                pending().await
            }
        }
    };
    let report = talking(&rt, wait, async |stand| {
        for n in 1..=5 {
            let mut socket = WsPeer::open(&rt, stand.address, "/").await;
            socket.next_text().await;
            drop(socket);
            gone.wait_for(n).await;
        }
    })
    .await;
    assert_eq!(report.cancelled, 0, "the peers did that, not the server");
}

async fn a_peer_that_vanishes_while_the_handler_holds_is_outlived_by_it<R: Runtime>(rt: R) {
    let (holds, release, gone) = (Gate::new(), Gate::new(), Gate::new());
    let trace = Trace::new();
    let hold = {
        let (holds, release, gone) = (holds.clone(), release.clone(), gone.clone());
        let trace = trace.clone();
        move |socket: WebSocket| {
            let (holds, release, guard) = (holds.clone(), release.clone(), gone.on_drop());
            let trace = trace.clone();
            async move {
                let _guard = guard;
                socket.accept().await.unwrap();
                shield(async {
                    holds.open();
                    while socket.receive().await.is_ok() {}
                    trace.add("the peer is gone");
                    release.wait().await;
                    trace.add("the shield has ended");
                })
                .await;
                pending::<()>().await;
                trace.add("not reached");
                Ok(())
            }
        }
    };
    talking(&rt, hold, async |stand| {
        let _released = release.on_drop();
        let socket = WsPeer::open(&rt, stand.address, "/").await;
        holds.wait().await;
        drop(socket);
        release.open();
        gone.wait().await;
    })
    .await;
    assert_eq!(trace.events(), ["the peer is gone", "the shield has ended"]);
}

async fn a_message_that_is_too_big_closes_with_1009<R: Runtime>(rt: R) {
    let gone = Gate::new();
    let serve = {
        let gone = gone.clone();
        move |request: Request<Incoming>| {
            let guard = gone.on_drop();
            let options = ws::Options::new().max_message_size(1000);
            ws::serve(request, options, async move |socket| {
                let _guard = guard;
                echo(socket).await
            })
        }
    };
    serving(&rt, serve, async |stand| {
        let mut exact = WsPeer::open(&rt, stand.address, "/").await;
        exact.text(&"x".repeat(1000)).await;
        assert_eq!(exact.next_text().await.len(), 1000);
        drop(exact);

        let mut whole = WsPeer::open(&rt, stand.address, "/").await;
        whole.text(&"x".repeat(200_000)).await;
        assert_eq!(whole.next_close().await, 1009);
        drop(whole);

        let mut parts = WsPeer::open(&rt, stand.address, "/").await;
        parts.fragment(false, TEXT, &[b'x'; 600]).await;
        parts.fragment(true, CONTINUATION, &[b'x'; 600]).await;
        assert_eq!(parts.next_close().await, 1009);
        drop(parts);
        gone.wait_for(3).await;
    })
    .await;
}

async fn a_text_that_is_not_utf_8_closes_with_1007<R: Runtime>(rt: R) {
    talking(&rt, echo, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        socket.send(TEXT, [b'a', 0xff, b'b']).await;
        assert_eq!(socket.next_close().await, 1007);
    })
    .await;
}

async fn a_frame_that_breaks_the_protocol_closes_with_1002<R: Runtime>(rt: R) {
    talking(&rt, echo, async |stand| {
        let unmasked = vec![0x81, 0x01, b'x'];
        let reserved_bit = vec![0xc1, 0x80, 0, 0, 0, 0];
        let reserved_opcode = vec![0x83, 0x80, 0, 0, 0, 0];
        let fragmented_ping = vec![0x09, 0x80, 0, 0, 0, 0];
        let stray_continuation = vec![0x80, 0x80, 0, 0, 0, 0];
        for wrong in [unmasked, reserved_bit, reserved_opcode, fragmented_ping, stray_continuation]
        {
            let mut socket = WsPeer::open(&rt, stand.address, "/").await;
            socket.peer.send(&wrong).await;
            assert_eq!(socket.next_close().await, 1002, "{wrong:?}");
            let (rest, end) = socket.peer.rest().await;
            assert!(rest.is_empty() && end.is_ok());
        }
    })
    .await;
}

async fn sending_to_a_peer_that_is_gone_is_an_error<R: Runtime>(rt: R) {
    let failed = Gate::new();
    let flood = {
        let failed = failed.clone();
        move |socket: WebSocket| {
            let failed = failed.clone();
            async move {
                while socket.send(vec![0; 1000]).await.is_ok() {}
                assert!(!socket.is_open());
                failed.open();
                Ok(())
            }
        }
    };
    talking(&rt, flood, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        socket.next().await.unwrap();
        drop(socket);
        failed.wait().await;
    })
    .await;
}

async fn the_drain_closes_with_1001_and_cancels<R: Runtime>(rt: R) {
    let (started, gone) = (Gate::new(), Gate::new());
    let wait = {
        let (started, gone) = (started.clone(), gone.clone());
        move |socket: WebSocket| {
            let (started, guard) = (started.clone(), gone.on_drop());
            async move {
                let _guard = guard;
                socket.send("hello").await.unwrap();
                started.open();
                pending().await
            }
        }
    };
    let report = talking(&rt, wait, async |stand| {
        let mut sockets = Vec::new();
        for _ in 0..10 {
            sockets.push(WsPeer::open(&rt, stand.address, "/").await);
        }
        started.wait_for(10).await;
        stand.drain.open();
        for socket in &mut sockets {
            assert_eq!(socket.next_text().await, "hello");
            assert_eq!(socket.next_close().await, 1001);
            socket.close(1001).await;
        }
        stand.done.wait().await;
        assert_eq!(gone.count(), 10);
    })
    .await;
    assert_eq!(report.cancelled, 0);
}

async fn a_socket_of_somebody_else_can_be_closed<R: Runtime>(rt: R) {
    let victim: std::sync::Arc<std::sync::Mutex<Option<WebSocket>>> = Default::default();
    let (joined, gone) = (Gate::new(), Gate::new());
    let chat = {
        let (victim, joined, gone) = (victim.clone(), joined.clone(), gone.clone());
        move |socket: WebSocket| {
            let (victim, joined, guard) = (victim.clone(), joined.clone(), gone.on_drop());
            async move {
                socket.accept().await.unwrap();
                let first = victim.lock().unwrap().replace(socket);
                match first {
                    Some(first) => first.close(1008, "out").await,
                    None => {
                        let _guard = guard;
                        joined.open();
                        pending::<()>().await;
                    }
                }
                Ok(())
            }
        }
    };
    talking(&rt, chat, async |stand| {
        let mut first = WsPeer::open(&rt, stand.address, "/").await;
        joined.wait().await;
        let mut second = WsPeer::open(&rt, stand.address, "/").await;
        assert_eq!(second.next_close().await, 1000);
        assert_eq!(first.next_close().await, 1008);
        first.close(1008).await;
        gone.wait_for(2).await;
    })
    .await;
}

const INTERVAL: Duration = Duration::from_secs(30);

/// An echo that pings every 30 s.
async fn pinging(request: Request<Incoming>) -> http::Response<String> {
    ws::serve(request, ws::Options::new().ping_interval(INTERVAL), echo).await
}

async fn a_silent_peer_is_gone_after_two_pings<R: Runtime>(rt: R) {
    serving(&rt, pinging, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        socket.text("hello").await;
        socket.next_text().await;
        let start = rt.now();
        assert_eq!(socket.next().await.unwrap().opcode, PING);
        assert_eq!(rt.now() - start, INTERVAL);
        assert!(socket.next().await.is_none());
        assert_eq!(rt.now() - start, 2 * INTERVAL);
    })
    .await;
}

async fn a_peer_that_answers_pings_stays<R: Runtime>(rt: R) {
    serving(&rt, pinging, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        for _ in 0..100 {
            let ping = socket.next().await.unwrap();
            assert_eq!(ping.opcode, PING);
            socket.send(crate::wspeer::PONG, ping.payload).await;
        }
        socket.send(BINARY, "still here").await;
        assert_eq!(socket.next().await.unwrap().payload, b"still here");
    })
    .await;
}

async fn a_peer_that_answers_no_close_frame_is_left_after_5_s<R: Runtime>(rt: R) {
    let greet = async |socket: WebSocket| {
        socket.send("hello").await.unwrap();
        Ok(())
    };
    talking(&rt, greet, async |stand| {
        let start = rt.now();
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        assert_eq!(socket.next_text().await, "hello");
        assert_eq!(socket.next_close().await, 1000);
        assert!(socket.next().await.is_none());
        assert_eq!(rt.now() - start, Duration::from_secs(5));
    })
    .await;
}

async fn a_handler_that_receives_nothing_is_cancelled_10_s_after_its_peer_has_gone<R: Runtime>(
    rt: R,
) {
    let gone = Gate::new();
    let wait = {
        let gone = gone.clone();
        move |socket: WebSocket| {
            let guard = gone.on_drop();
            async move {
                let _guard = guard;
                socket.accept().await.unwrap();
                pending().await
            }
        }
    };
    talking(&rt, wait, async |stand| {
        // Few messages, and more than the queue holds.
        for (n, messages) in [3, 40].into_iter().enumerate() {
            let mut socket = WsPeer::open(&rt, stand.address, "/").await;
            for _ in 0..messages {
                socket.text("nobody receives this").await;
            }
            let start = rt.now();
            drop(socket);
            gone.wait_for(n + 1).await;
            assert_eq!(rt.now() - start, Duration::from_secs(10));
        }
    })
    .await;
}

async fn a_socket_that_outlives_the_drain_is_cancelled_and_named<R: Runtime>(rt: R) {
    let log = Log::capture();
    let (ended, serve) = (Gate::new(), Gate::new());
    let hold = {
        let (rt, ended, serve) = (rt.clone(), ended.clone(), serve.clone());
        move |request: Request<Incoming>| {
            let (rt, ended, serve) = (rt.clone(), ended.clone(), serve.clone());
            ws::serve(request, ws::Options::new(), async move |socket: WebSocket| {
                socket.accept().await.unwrap();
                serve.open();
                shield(rt.sleep_until(rt.now() + Duration::from_secs(60))).await;
                ended.open();
                pending().await
            })
        }
    };
    let start = rt.now();
    let server = Server::new(rt.clone());
    let (_, report) = serving_with(server, &rt, hold, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/ws").await;
        serve.wait().await;
        stand.drain.open();
        assert_eq!(socket.next_close().await, 1001);
        socket.close(1001).await;
        stand.done.wait().await;
    })
    .await;
    assert_eq!(report.cancelled, 1);
    assert_eq!(rt.now() - start, Duration::from_secs(60));
    assert!(log.lines("cancelled in flight")[0].contains("GET /ws from 127."));
}
