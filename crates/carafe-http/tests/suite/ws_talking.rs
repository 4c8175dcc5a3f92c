//! Messages over WebSockets.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carafe_core::rt::Runtime;
use carafe_core::{move_on_after, nursery_with};
use carafe_http::ws::{self, Message, TrySendError, WebSocket};
use carafe_http::{Incoming, Report};
use futures_lite::future::pending;
use http::{Request, Response};

use crate::gate::{Gate, Trace};
use crate::harness::{Stand, serving};
use crate::wspeer::{BINARY, CONTINUATION, Frame, PING, PONG, TEXT, WsPeer};

on_every_loop!(
    messages_are_echoed_whole_and_in_order,
    a_fragmented_message_is_put_together,
    a_ping_is_answered_while_the_handler_is_busy,
    a_ping_may_come_between_fragments,
    clones_are_one_socket_and_a_broadcast_reaches_all,
    a_handlers_children_receive_and_send,
    a_peer_that_does_not_read_fills_its_queue,
    a_peer_whose_messages_nobody_receives_is_not_read_for_ever,
    a_big_message_goes_both_ways,
);

on_the_simulator!(
    pings_of_a_peer_that_reads_nothing_do_not_fill_the_memory,
    a_receive_that_is_dropped_loses_nothing,
    a_send_that_is_dropped_sends_nothing,
);

/// Runs `test` against a server whose sockets are held by `handler`.
pub(crate) async fn talking<R, H, F>(rt: &R, handler: H, test: impl AsyncFnOnce(Stand)) -> Report
where
    R: Runtime,
    H: Fn(WebSocket) -> F + Clone + Send + 'static,
    F: Future<Output = Result<(), Response<String>>> + Send + 'static,
{
    let serve =
        move |request: Request<Incoming>| ws::serve(request, ws::Options::new(), handler.clone());
    serving(rt, serve, test).await.1
}

pub(crate) async fn echo(socket: WebSocket) -> Result<(), Response<String>> {
    while let Ok(message) = socket.receive().await {
        if socket.send(message).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn messages_are_echoed_whole_and_in_order<R: Runtime>(rt: R) {
    talking(&rt, echo, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        for n in 0..100 {
            socket.text(&format!("message {n}")).await;
        }
        for n in 0..100 {
            assert_eq!(socket.next_text().await, format!("message {n}"));
        }
        socket.send(BINARY, [0, 1, 254, 255]).await;
        let bytes = Frame { opcode: BINARY, payload: vec![0, 1, 254, 255] };
        assert_eq!(socket.next().await, Some(bytes));
    })
    .await;
}

async fn a_fragmented_message_is_put_together<R: Runtime>(rt: R) {
    talking(&rt, echo, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        // The fragments split a character.
        let text = "gr\u{fc}n".as_bytes();
        socket.fragment(false, TEXT, &text[..3]).await;
        socket.fragment(false, CONTINUATION, &text[3..4]).await;
        socket.fragment(true, CONTINUATION, &text[4..]).await;
        assert_eq!(socket.next_text().await, "gr\u{fc}n");
    })
    .await;
}

async fn a_ping_is_answered_while_the_handler_is_busy<R: Runtime>(rt: R) {
    let busy = async |socket: WebSocket| {
        socket.accept().await.unwrap();
        pending().await
    };
    talking(&rt, busy, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        socket.text("nobody receives this").await;
        socket.send(PING, "are you there?").await;
        let pong = Frame { opcode: PONG, payload: b"are you there?".to_vec() };
        assert_eq!(socket.next().await, Some(pong));
    })
    .await;
}

async fn a_ping_may_come_between_fragments<R: Runtime>(rt: R) {
    talking(&rt, echo, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        socket.fragment(false, TEXT, b"one ").await;
        socket.send(PING, "").await;
        socket.fragment(true, CONTINUATION, b"two").await;
        assert_eq!(socket.next().await, Some(Frame { opcode: PONG, payload: vec![] }));
        assert_eq!(socket.next_text().await, "one two");
    })
    .await;
}

async fn clones_are_one_socket_and_a_broadcast_reaches_all<R: Runtime>(rt: R) {
    let everybody: Arc<Mutex<HashSet<WebSocket>>> = Arc::default();
    let joined = Gate::new();
    let chat = {
        let (everybody, joined) = (everybody.clone(), joined.clone());
        move |socket: WebSocket| {
            let (everybody, joined) = (everybody.clone(), joined.clone());
            async move {
                socket.accept().await.unwrap();
                assert!(everybody.lock().unwrap().insert(socket.clone()));
                assert!(!everybody.lock().unwrap().insert(socket.clone()));
                joined.open();
                while let Ok(message) = socket.receive().await {
                    let peers: Vec<_> = everybody.lock().unwrap().iter().cloned().collect();
                    for peer in peers {
                        peer.send(message.clone()).await.unwrap();
                    }
                }
                Ok(())
            }
        }
    };
    talking(&rt, chat, async |stand| {
        let mut sockets = Vec::new();
        for _ in 0..10 {
            sockets.push(WsPeer::open(&rt, stand.address, "/").await);
        }
        joined.wait_for(10).await;
        for n in 0..5 {
            sockets[3].text(&format!("hello {n}")).await;
        }
        for socket in &mut sockets {
            for n in 0..5 {
                assert_eq!(socket.next_text().await, format!("hello {n}"));
            }
        }
    })
    .await;
    assert_eq!(everybody.lock().unwrap().len(), 10);
}

async fn a_handlers_children_receive_and_send<R: Runtime>(rt: R) {
    let gone = Gate::new();
    let handler = {
        let (rt, gone) = (rt.clone(), gone.clone());
        move |socket: WebSocket| {
            let (rt, gone) = (rt.clone(), gone.clone());
            async move {
                // The first use of the socket is in a child.
                let children = nursery_with(&rt, |n| async move {
                    for side in ["left", "right"] {
                        let (socket, guard) = (socket.clone(), gone.on_drop());
                        n.spawn(async move {
                            let _guard = guard;
                            while let Ok(message) = socket.receive().await {
                                let answer = format!("{side}: {}", message.as_text().unwrap());
                                if socket.send(answer).await.is_err() {
                                    break;
                                }
                            }
                            Ok::<(), Infallible>(())
                        });
                    }
                    Ok(())
                });
                children.await.unwrap();
                Ok(())
            }
        }
    };
    talking(&rt, handler, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        for n in 0..20 {
            socket.text(&format!("{n}")).await;
        }
        let mut answered = HashSet::new();
        for _ in 0..20 {
            let answer = socket.next_text().await;
            answered.insert(answer.split(": ").nth(1).unwrap().to_owned());
        }
        assert_eq!(answered.len(), 20);
        drop(socket);
        gone.wait_for(2).await;
    })
    .await;
}

async fn a_peer_that_does_not_read_fills_its_queue<R: Runtime>(rt: R) {
    let (full, sent) = (Gate::new(), Gate::new());
    let flood = {
        let (full, sent) = (full.clone(), sent.clone());
        move |socket: WebSocket| {
            let (full, sent) = (full.clone(), sent.clone());
            async move {
                socket.accept().await.unwrap();
                let message = Message::from("x".repeat(16 * 1024));
                let mut count = 0;
                loop {
                    match socket.try_send(message.clone()) {
                        Ok(()) => count += 1,
                        // Full also while the pump has not had its turn: only what stays full is.
                        Err(TrySendError::Full(back)) => {
                            assert_eq!(back, message);
                            if count > 200 {
                                break;
                            }
                            full.open();
                            socket.send(back).await.unwrap();
                            count += 1;
                        }
                        Err(TrySendError::Disconnected(_)) => panic!("the peer is there"),
                    }
                }
                sent.open();
                socket.close(1000, format!("{count}")).await;
                pending().await
            }
        }
    };
    talking(&rt, flood, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        full.wait().await;
        let mut frames = 0;
        let count = loop {
            let frame = socket.next().await.unwrap();
            match frame.opcode {
                TEXT => frames += 1,
                _ => break String::from_utf8(frame.payload[2..].to_vec()).unwrap(),
            }
        };
        assert_eq!(format!("{frames}"), count);
        assert_eq!(sent.count(), 1);
    })
    .await;
}

async fn a_peer_whose_messages_nobody_receives_is_not_read_for_ever<R: Runtime>(rt: R) {
    let receive = Gate::new();
    let trace = Trace::new();
    let late = {
        let (receive, trace) = (receive.clone(), trace.clone());
        move |socket: WebSocket| {
            let (receive, trace) = (receive.clone(), trace.clone());
            async move {
                socket.accept().await.unwrap();
                receive.wait().await;
                for n in 0..60 {
                    let message = socket.receive().await.unwrap();
                    assert!(message.as_text().unwrap().starts_with(&format!("{n} ")));
                }
                trace.add("all received");
                Ok(())
            }
        }
    };
    talking(&rt, late, async |stand| {
        let _received = receive.on_drop();
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        let mut sent = 0;
        // 60 messages of 64 KiB do not fit into the queue, the system's buffers and the read-ahead.
        let all = async {
            for n in 0..60 {
                socket.text(&format!("{n} {}", "x".repeat(64 * 1024))).await;
                sent += 1;
            }
        };
        let blocked = async {
            // Whoever can still write does so in these rounds.
            for _ in 0..1000 {
                futures_lite::future::yield_now().await;
            }
            receive.open();
        };
        futures_lite::future::zip(all, blocked).await;
        assert_eq!(sent, 60);
        assert_eq!(socket.next_close().await, 1000);
    })
    .await;
    assert_eq!(trace.events(), ["all received"]);
}

async fn a_big_message_goes_both_ways<R: Runtime>(rt: R) {
    talking(&rt, echo, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        let text = "0123456789abcdef".repeat(128 * 1024);
        socket.text(&text).await;
        assert!(socket.next_text().await == text, "2 MiB came back as they were");
    })
    .await;
}

async fn pings_of_a_peer_that_reads_nothing_do_not_fill_the_memory<R: Runtime>(rt: R) {
    talking(&rt, echo, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        let mut sent = 0;
        let flood = async {
            loop {
                socket.send(PING, [0; 125]).await;
                sent += 131;
            }
        };
        let () = move_on_after(Duration::from_secs(1), flood).await.unwrap_or_default();
        // The pipe holds 64 KiB each way; the rest is the server's.
        assert!(sent < 256 * 1024, "{sent} bytes were taken from a peer that takes none");
    })
    .await;
}

async fn a_receive_that_is_dropped_loses_nothing<R: Runtime>(rt: R) {
    let impatient = async |socket: WebSocket| {
        for n in 0..10 {
            let message = loop {
                let patience = Duration::from_millis(3);
                if let Some(message) = move_on_after(patience, socket.receive()).await {
                    break message.unwrap();
                }
            };
            assert_eq!(message, &*format!("{n}"));
        }
        Ok(())
    };
    talking(&rt, impatient, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        for n in 0..10 {
            rt.sleep_until(rt.now() + Duration::from_millis(n)).await;
            socket.text(&format!("{n}")).await;
        }
        assert_eq!(socket.next_close().await, 1000);
    })
    .await;
}

async fn a_send_that_is_dropped_sends_nothing<R: Runtime>(rt: R) {
    let impatient = async |socket: WebSocket| {
        socket.accept().await.unwrap();
        let mut sent = 0;
        loop {
            let send = socket.send(vec![0; 10_000]);
            match move_on_after(Duration::from_millis(3), send).await {
                Some(result) => result.unwrap(),
                None => break,
            }
            sent += 1;
        }
        socket.close(1000, format!("{sent}")).await;
        Ok(())
    };
    talking(&rt, impatient, async |stand| {
        let mut socket = WsPeer::open(&rt, stand.address, "/").await;
        rt.sleep_until(rt.now() + Duration::from_secs(1)).await;
        let mut received = 0;
        let sent = loop {
            let frame = socket.next().await.unwrap();
            match frame.opcode {
                BINARY => received += 1,
                _ => break String::from_utf8(frame.payload[2..].to_vec()).unwrap(),
            }
        };
        assert_eq!(format!("{received}"), sent);
    })
    .await;
}
