//! WebSocket routes, over sockets.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use carafe_rt::{Handle, nursery};
use carafe_web::{
    App, Config, Error, Path, PathArgs, Peers, Query, Result, State, WebSocket, abort,
};
use futures_lite::future::zip;
use serde::Deserialize;

use crate::gate::Gate;
use crate::kit::serving;
use crate::peer::Peer;
use crate::wspeer::{CLOSE, WsPeer, upgrade};

/// The answer to an upgrade that is refused.
async fn refusal(address: SocketAddr, path: &str) -> (u16, String) {
    match WsPeer::try_open(&Handle::current(), address, path).await {
        Ok(_) => panic!("{path} was accepted"),
        Err(reply) => (reply.status, reply.body),
    }
}

#[derive(Deserialize)]
struct Greeting {
    word: String,
}

#[carafe_rt::test(crate = carafe_rt)]
async fn a_handler_takes_the_socket_beside_other_arguments() {
    async fn echo(
        Path(name): Path<String>,
        ws: WebSocket,
        Query(q): Query<Greeting>,
        State(n): State<u8>,
    ) -> Result {
        ws.send(format!("{} {name} {n}", q.word)).await?;
        loop {
            let message = ws.receive().await?;
            ws.send(message).await?;
        }
    }
    let app = App::new("echo").state(7_u8).websocket("/echo/<name>", echo);
    let (_, ended) = serving(app, Config::new(), async |address| {
        let rt = Handle::current();
        let mut peer = WsPeer::open(&rt, address, "/echo/ann?word=hello").await;
        assert_eq!(peer.next_text().await, "hello ann 7");
        peer.text("é").await;
        assert_eq!(peer.next_text().await, "é");
        peer.close(1000).await;
        assert_eq!(peer.next_close().await, 1000);
        // A query that does not fit answers before the handler is called.
        assert_eq!(refusal(address, "/echo/ann").await.0, 400);
    })
    .await;
    ended.unwrap();
}

#[carafe_rt::test(crate = carafe_rt)]
async fn b083_what_is_said_before_accepting_is_a_plain_response() {
    async fn password(_: WebSocket) -> (&'static str, u16) {
        ("Invalid password", 403)
    }
    async fn denied(_: WebSocket) -> Result {
        Err(abort(401))
    }
    async fn broken(_: WebSocket) -> Result {
        Err(Error::from(std::io::Error::other("broken")))
    }
    async fn panics(_: WebSocket) {
        panic!("a handler's own");
    }
    async fn says_nothing(_: WebSocket) {}
    async fn closes(ws: WebSocket) {
        ws.close(1000, "").await;
    }
    async fn page() -> &'static str {
        "page"
    }
    let app = App::new("refusals")
        .websocket("/password", password)
        .websocket("/denied", denied)
        .websocket("/broken", broken)
        .websocket("/panics", panics)
        .websocket("/nothing", says_nothing)
        .websocket("/closes", closes)
        .get("/page", page);
    let (_, ended) = serving(app, Config::new(), async |address| {
        for (path, status) in [
            ("/password", 403),
            ("/denied", 401),
            ("/broken", 500),
            ("/panics", 500),
            ("/nothing", 403),
            ("/closes", 403),
            ("/nowhere", 404),
            ("/page", 400),
        ] {
            assert_eq!(refusal(address, path).await.0, status, "{path}");
        }
        assert_eq!(refusal(address, "/password").await.1, "Invalid password");
    })
    .await;
    ended.unwrap();
}

#[carafe_rt::test(crate = carafe_rt)]
async fn a_rule_may_serve_pages_and_another_websockets() {
    async fn socket(_: WebSocket) {}
    async fn named(_: WebSocket, _: PathArgs) {}
    async fn page(args: PathArgs) -> String {
        format!("{args:?}")
    }
    let app =
        App::new("both").websocket("/ws", socket).websocket("/<both>", named).get("/<both>", page);
    let (_, ended) = serving(app, Config::new(), async |address| {
        let rt = Handle::current();
        let mut peer = Peer::connect(&rt, address).await;
        peer.get("/both").await;
        assert_eq!(peer.reply().await.status, 200);
        // The general rule takes the page.
        peer.get("/ws").await;
        assert_eq!(peer.reply().await.status, 200);
    })
    .await;
    ended.unwrap();
}

#[carafe_rt::test(crate = carafe_rt)]
async fn b083_a_bad_request_for_a_websocket_is_told_what_is_wrong() {
    async fn socket(_: WebSocket) {}
    let app = App::new("only").websocket("/ws", socket);
    let (_, ended) = serving(app, Config::new(), async |address| {
        let rt = Handle::current();
        let mut peer = Peer::connect(&rt, address).await;
        peer.get("/ws").await;
        assert_eq!(peer.reply().await.status, 400);
        // Another version is told which one would do.
        let version = upgrade("/ws", "").replace("Version: 13", "Version: 8");
        peer.send(version).await;
        let reply = peer.reply().await;
        assert_eq!((reply.status, reply.headers["sec-websocket-version"].as_str()), (426, "13"));
    })
    .await;
    ended.unwrap();
}

/// How a handler that has accepted ends is told by the close code.
#[carafe_rt::test(crate = carafe_rt)]
async fn the_close_code_tells_how_the_handler_ended() {
    async fn fine(ws: WebSocket) -> Result {
        ws.accept().await?;
        Ok(())
    }
    async fn fails(ws: WebSocket) -> Result {
        ws.accept().await?;
        Err(abort(500).because("no"))
    }
    async fn panics(ws: WebSocket) -> Result {
        ws.accept().await?;
        panic!("a handler's own");
    }
    async fn says(ws: WebSocket) -> Result {
        ws.close(4000, "enough").await;
        ws.accept().await?;
        Ok(())
    }
    async fn leaves(ws: WebSocket) -> Result {
        ws.accept().await?;
        ws.close(4000, "enough").await;
        Ok(())
    }
    let app = App::new("codes")
        .websocket("/fine", fine)
        .websocket("/fails", fails)
        .websocket("/panics", panics)
        .websocket("/says", says)
        .websocket("/leaves", leaves);
    let (_, ended) = serving(app, Config::new(), async |address| {
        let rt = Handle::current();
        for (path, code) in
            [("/fine", 1000), ("/fails", 1011), ("/panics", 1011), ("/leaves", 4000)]
        {
            let mut peer = WsPeer::open(&rt, address, path).await;
            assert_eq!(peer.next_close().await, code, "{path}");
            peer.close(code).await;
        }
        assert_eq!(refusal(address, "/says").await.0, 403);
    })
    .await;
    ended.unwrap();
}

/// The chat of Quart-Trio's README, as an app may write it.
async fn chat(State(peers): State<Arc<Peers>>, State(gone): State<Gate>, ws: WebSocket) -> Result {
    ws.accept().await?;
    let _gone = gone.on_drop();
    let _member = peers.join(&ws);
    let all = peers.clone();
    nursery(async |n| {
        n.spawn(async move {
            loop {
                let message = ws.receive().await?;
                all.send_all(message).await;
            }
        });
        Ok::<_, carafe_web::ws::Disconnected>(())
    })
    .await?;
    Ok(())
}

#[carafe_rt::test(crate = carafe_rt)]
async fn b091_what_one_says_all_hear_and_who_leaves_is_forgotten() {
    let (peers, gone) = (Arc::new(Peers::new()), Gate::new());
    let app = App::new("chat").state(peers.clone()).state(gone.clone()).websocket("/ws", chat);
    let (_, ended) = serving(app, Config::new(), async |address| {
        let rt = Handle::current();
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(WsPeer::open(&rt, address, "/ws").await);
        }
        // Who speaks hears itself: then it is known, and what it says after that all hear.
        for client in &mut clients {
            client.text("in").await;
            while client.next_text().await != "in" {}
        }
        clients[0].text("x").await;
        for client in &mut clients {
            while client.next_text().await != "x" {}
        }
        // One says goodbye, one vanishes.
        let mut polite = clients.pop().unwrap();
        polite.close(1000).await;
        while polite.next().await.is_some_and(|frame| frame.opcode != CLOSE) {}
        gone.wait_for(1).await;
        assert_eq!(peers.len(), 2);
        drop(clients.pop());
        gone.wait_for(2).await;
        assert_eq!(peers.len(), 1);
        clients[0].text("alone").await;
        while clients[0].next_text().await != "alone" {}
    })
    .await;
    ended.unwrap();
    assert_eq!(peers.len(), 0);
}

#[carafe_rt::test(crate = carafe_rt)]
async fn b110_an_open_socket_is_closed_with_1001_at_the_end() {
    let (peers, gone) = (Arc::new(Peers::new()), Gate::new());
    let app = App::new("chat").state(peers.clone()).state(gone.clone()).websocket("/ws", chat);
    let handle = app.handle();
    let (_, ended) = serving(app, Config::new(), async |address| {
        let mut client = WsPeer::open(&Handle::current(), address, "/ws").await;
        client.text("in").await;
        assert_eq!(client.next_text().await, "in");
        handle.shutdown();
        assert_eq!(client.next_close().await, 1001);
        client.close(1001).await;
        gone.wait().await;
    })
    .await;
    ended.unwrap();
}

/// Both halves of a conversation in a nursery, as the README has it: when the client leaves, both end.
#[carafe_rt::test(crate = carafe_rt)]
async fn w007_the_tasks_of_a_socket_end_with_it() {
    async fn two(ws: WebSocket, State(gate): State<Gate>) -> Result {
        let left = nursery(async |n| {
            for _ in 0..2 {
                let (ws, on_drop) = (ws.clone(), gate.on_drop());
                n.spawn(async move {
                    let _on_drop = on_drop;
                    loop {
                        ws.receive().await.ok();
                        std::future::pending::<Infallible>().await;
                    }
                });
            }
            Ok::<_, Infallible>(())
        });
        left.await?;
        Ok(())
    }
    let gate = Gate::new();
    let app = App::new("two").state(gate.clone()).websocket("/", two);
    let (_, ended) = serving(app, Config::new(), async |address| {
        let client = WsPeer::open(&Handle::current(), address, "/").await;
        drop(client);
        gate.wait_for(2).await;
    })
    .await;
    ended.unwrap();
}

static CROWD: Peers = Peers::new();

/// A peer that does not read delays nobody but itself, and is shown out.
#[carafe_rt::test(crate = carafe_rt, sim)]
async fn a_peer_that_is_too_slow_does_not_hold_up_the_others() {
    async fn member(ws: WebSocket) -> Result {
        ws.accept().await?;
        let _member = CROWD.join(&ws);
        loop {
            let message = ws.receive().await?;
            CROWD.send_all(message).await;
        }
    }
    const MESSAGES: usize = 200;
    let app = App::new("crowd").websocket("/", member);
    let started = carafe_rt::now();
    let (_, ended) = serving(app, Config::new(), async |address| {
        let rt = Handle::current();
        let slow = WsPeer::open(&rt, address, "/").await;
        let mut listener = WsPeer::open(&rt, address, "/").await;
        let mut speaker = WsPeer::open(&rt, address, "/").await;
        while CROWD.len() < 3 {
            carafe_rt::checkpoint().await;
        }
        let speaking = async {
            for n in 0..MESSAGES {
                speaker.text(&format!("{n:32768}")).await;
                assert_eq!(speaker.next_text().await.trim(), n.to_string());
            }
        };
        let listening = async {
            for n in 0..MESSAGES {
                assert_eq!(listener.next_text().await.trim(), n.to_string());
            }
        };
        zip(speaking, listening).await;
        while CROWD.len() > 2 {
            carafe_rt::checkpoint().await;
        }
        drop(slow);
    })
    .await;
    ended.unwrap();
    assert!(carafe_rt::now() - started < Duration::from_secs(20));
}
