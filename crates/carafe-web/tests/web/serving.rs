//! An app on sockets: the address, the limits, the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use carafe_rt::{Handle, sleep, to_thread};
use carafe_web::{App, AppHandle, Config, ConnectInfo, State, WebSocket};

use crate::gate::Gate;
use crate::kit::{Record, serving};
use crate::log::Log;
use crate::peer::Peer;
use crate::wspeer::WsPeer;

#[carafe_rt::test(crate = carafe_rt)]
async fn an_app_is_served_on_a_socket() {
    let app = App::new("socket")
        .get("/", async || "Hello")
        .get("/plain", || "Hello from a thread")
        .get("/peer", async |info: ConnectInfo| info.peer.ip().to_string())
        .get("/panic", async || panic!("a handler's own"))
        .get("/panic-plain", || panic!("a handler's own"))
        .post("/echo", async |text: String| text);
    let (_, ended) = serving(app, Config::new(), async |address| {
        let mut peer = Peer::connect(&Handle::current(), address).await;
        for (path, status, body) in [
            ("/", 200, "Hello"),
            ("/plain", 200, "Hello from a thread"),
            ("/peer", 200, "127.0.0.1"),
            ("/panic", 500, ""),
            ("/panic-plain", 500, ""),
            ("/", 200, "Hello"),
            ("/nowhere", 404, ""),
        ] {
            // After a panic the connection may be another.
            if status == 500 {
                peer = Peer::connect(&Handle::current(), address).await;
            }
            peer.get(path).await;
            let reply = peer.reply().await;
            assert_eq!(reply.status, status, "{path}");
            if status == 200 {
                assert_eq!(reply.body, body, "{path}");
            }
            if status == 500 {
                peer = Peer::connect(&Handle::current(), address).await;
            }
        }
        peer.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody").await;
        assert_eq!(peer.reply().await.body, "body");
        peer.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let (status, headers) = peer.head().await.unwrap();
        assert_eq!((status, headers["content-length"].as_str()), (200, "5"));
        // Nothing but the next answer follows.
        peer.get("/").await;
        assert_eq!(peer.reply().await.body, "Hello");
    })
    .await;
    ended.unwrap();
}

/// Requests under way are answered, the job ends, and then the hooks run.
#[carafe_rt::test(crate = carafe_rt)]
async fn b110_what_is_under_way_at_the_end_is_answered() {
    let (started, release, record) = (Gate::new(), Gate::new(), Record::default());
    let (after, job) = (record.clone(), record.clone());
    let app = App::new("drain")
        .state(started.clone())
        .state(release.clone())
        .get("/", async |State(started): State<Started>, State(release): State<Gate>| {
            started.0.open();
            release.wait().await;
            "answered"
        })
        .state(Started(started.clone()))
        .after_serving(move || after.add("hook"));
    let handle = app.handle();
    let (_, ended) = serving(app, Config::new(), async |address| {
        let rt = Handle::current();
        let mut peers = Vec::new();
        for _ in 0..20 {
            let mut peer = Peer::connect(&rt, address).await;
            peer.get("/").await;
            peers.push(peer);
        }
        started.wait_for(20).await;
        let after_answers = release.clone();
        handle.nursery().spawn(async move {
            after_answers.wait_for(2).await;
            job.add("job");
        });
        handle.shutdown();
        while carafe_rt::TcpStream::connect(address).await.is_ok() {
            carafe_rt::checkpoint().await;
        }
        release.open();
        for peer in &mut peers {
            let reply = peer.reply().await;
            assert_eq!((reply.status, reply.body.as_str()), (200, "answered"));
        }
        record.add("answered");
        release.open();
    })
    .await;
    ended.unwrap();
    assert_eq!(record.entries(), ["answered", "job", "hook"]);
}

#[derive(Clone)]
struct Started(Gate);

#[carafe_rt::test(crate = carafe_rt)]
async fn a_port_in_use_is_an_error_that_names_it() {
    let listener = carafe_rt::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let record = Record::default();
    let after = record.clone();
    let app = App::new("taken").after_serving(move || after.add("undone"));
    let error = app.serve_with(Config::new().bind(address).no_signals()).await.unwrap_err();
    assert!(error.is_address(), "{error}");
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
    assert_eq!(record.entries(), ["undone"]);
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn an_address_that_is_none_is_an_error() {
    for address in ["127.0.0.1:http", "127.0.0.1:70000", ":", "no such host:1"] {
        let app = App::new("nowhere");
        let error = app.serve_with(Config::new().bind(address).no_signals()).await.unwrap_err();
        assert!(error.is_address(), "{address}: {error}");
    }
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn an_app_with_mistakes_does_not_listen() {
    let app = App::new("wrong").get("no-slash", async || "");
    let config = Config::new().no_signals().ready(|_| panic!("it listens"));
    assert!(app.serve_with(config).await.unwrap_err().is_startup());
}

/// In the simulator, where time is exact.
#[carafe_rt::test(crate = carafe_rt, sim)]
async fn a_request_that_takes_too_long_is_cancelled_at_the_deadline() {
    let (log, watch) = (Log::capture(), Watch::start());
    let record = Record::default();
    let (job, hook) = (record.clone(), record.clone());
    let gone = Gate::new();
    let app = App::new("late")
        .state(gone.clone())
        .get("/", async |State(gone): State<Gate>, app: AppHandle| {
            let _on_drop = gone.on_drop();
            app.shutdown();
            sleep(Duration::from_secs(3600)).await;
        })
        .after_serving(move || hook.add(format!("hook at {:?}", watch.read())));
    let handle = app.handle();
    let (_, ended) = serving(app, Config::new(), async |address| {
        let mut peer = Peer::connect(&Handle::current(), address).await;
        handle.nursery().named("patient").spawn(async move {
            sleep(Duration::from_secs(14)).await;
            job.add(format!("job at {:?}", watch.read()));
        });
        handle.nursery().named("endless").spawn(std::future::pending::<()>());
        peer.get("/").await;
        gone.wait().await;
        record.add(format!("request gone at {:?}", watch.read()));
    })
    .await;
    ended.unwrap();
    assert_eq!(record.entries(), ["request gone at 10s", "job at 14s", "hook at 15s"]);
    let cancelled = log.lines("it is cancelled");
    assert_eq!(cancelled.len(), 1);
    assert!(cancelled[0].contains("job `endless` (crates/carafe-web/tests/web/serving.rs:"));
}

/// Tells how many whole seconds of virtual time have passed: the network takes some microseconds.
#[derive(Clone, Copy)]
struct Watch(Instant);

impl Watch {
    fn start() -> Self {
        Watch(carafe_rt::now())
    }

    fn read(self) -> Duration {
        Duration::from_secs((carafe_rt::now() - self.0).as_secs())
    }
}

/// A handler that no cancellation reaches does not keep the jobs and hooks from their turn.
#[carafe_rt::test(crate = carafe_rt, sim)]
async fn a_request_that_holds_is_left_behind_by_the_hooks() {
    let (log, watch) = (Log::capture(), Watch::start());
    let record = Record::default();
    let hook = record.clone();
    let let_go = record.clone();
    let app = App::new("holds")
        .state(record.clone())
        .get("/", async |State(record): State<Record>, app: AppHandle| {
            app.shutdown();
            carafe_rt::shield(sleep(Duration::from_secs(3600))).await;
            record.add("let go");
        })
        .after_serving(move || hook.add("hook"));
    let (_, ended) = serving(app, Config::new(), async |address| {
        let mut peer = Peer::connect(&Handle::current(), address).await;
        peer.get("/").await;
        drop(peer.try_reply().await);
    })
    .await;
    ended.unwrap();
    assert_eq!(let_go.entries(), ["hook", "let go"]);
    assert_eq!(watch.read(), Duration::from_secs(3600));
    assert_eq!(log.lines("still held up").len(), 1);
}

#[carafe_rt::test(crate = carafe_rt, sim)]
async fn a_second_server_may_share_a_run() {
    async fn ping(ws: WebSocket) -> carafe_web::Result {
        ws.send("ping").await?;
        ws.receive().await?;
        Ok(())
    }
    let (one, other) =
        (App::new("one").get("/", async || "one"), App::new("other").websocket("/", ping));
    let (_, ended) = serving(one, Config::new(), async |one_at| {
        let (_, ended) = serving(other, Config::new(), async |other_at| {
            let rt = Handle::current();
            let mut peer = Peer::connect(&rt, one_at).await;
            peer.get("/").await;
            assert_eq!(peer.reply().await.body, "one");
            let mut peer = WsPeer::open(&rt, other_at, "/").await;
            assert_eq!(peer.next_text().await, "ping");
        })
        .await;
        ended.unwrap();
    })
    .await;
    ended.unwrap();
}

/// A plain handler is not cut short when its client leaves; an async one is.
#[carafe_rt::test(crate = carafe_rt)]
async fn b101_a_client_that_leaves_cancels_an_async_handler_and_not_a_plain_one() {
    let (started, gone, record) = (Gate::new(), Gate::new(), Record::default());
    let state = Arc::new((started.clone(), gone.clone(), record.clone()));
    type Shared = State<Arc<(Gate, Gate, Record)>>;
    let app = App::new("leaving")
        .state(state)
        .get("/async", async |State(state): Shared| {
            let _on_drop = state.1.on_drop();
            state.0.open();
            std::future::pending::<()>().await;
        })
        .get("/plain", |State(state): Shared| {
            state.0.open();
            while state.1.count() == 0 {
                std::thread::yield_now();
            }
            state.2.add("plain ended");
        })
        .get("/thread", async |State(state): Shared| {
            to_thread(move || {
                state.0.open();
                while state.1.count() == 0 {
                    std::thread::yield_now();
                }
                state.2.add("thread ended");
            })
            .await;
        });
    let (_, ended) = serving(app, Config::new(), async |address| {
        let rt = Handle::current();
        for path in ["/plain", "/thread", "/async"] {
            let mut peer = Peer::connect(&rt, address).await;
            peer.get(path).await;
            started
                .wait_for(
                    ["/plain", "/thread", "/async"].iter().position(|p| *p == path).unwrap() + 1,
                )
                .await;
            drop(peer);
        }
        gone.wait().await;
    })
    .await;
    ended.unwrap();
    let mut entries = record.entries();
    entries.sort();
    assert_eq!(entries, ["plain ended", "thread ended"]);
}
