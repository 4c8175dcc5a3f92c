//! A server with handlers for each kind of trouble, which the tests of shutdown and failure drive.
//!
//! What should be under way while something else happens waits at a gate until the test opens it, so
//! that no test depends on how fast anything is.

use std::env;
use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use carafe::{App, AppHandle, Body, Config, Nursery, Result, WebSocket};
use carafe_tests::live;
use event_listener::Event;
use http_body_util::BodyExt;

fn main() -> ExitCode {
    let mut config = Config::from_env();
    if let Some(limit) = millis("GRACEFUL_MS") {
        config = config.graceful_timeout(limit);
    }
    if let Some(limit) = millis("BACKGROUND_MS") {
        config = config.background_timeout(limit);
    }
    if let Some(limit) = millis("HARD_STOP_MS") {
        config = config.hard_stop(Some(limit));
    }
    App::new("trial")
        .get("/", async || "here")
        .get("/live", live)
        .get("/busy", busy)
        .post("/gate", open_gate)
        .get("/slow", slow)
        .get("/blocked", blocked)
        .post("/job", start_job)
        .post("/endless-job", start_endless_job)
        .get("/panic", panics)
        .get("/panic-among-children", panics_among_children)
        .websocket("/ws", echo)
        .run_with(config)
}

fn millis(variable: &str) -> Option<Duration> {
    let value = env::var(variable).ok()?;
    Some(Duration::from_millis(value.parse().expect("a number of milliseconds")))
}

// ---- the gate

static GATE: Gate = Gate { is_open: AtomicBool::new(false), opened: Event::new() };

/// How many handlers and jobs have come to the gate, or are blocked.
static BUSY: AtomicUsize = AtomicUsize::new(0);

struct Gate {
    is_open: AtomicBool,
    opened: Event,
}

impl Gate {
    async fn pass(&self) {
        BUSY.fetch_add(1, Ordering::SeqCst);
        loop {
            let opened = self.opened.listen();
            if self.is_open.load(Ordering::SeqCst) {
                return;
            }
            opened.await;
        }
    }

    fn open(&self) {
        self.is_open.store(true, Ordering::SeqCst);
        self.opened.notify(usize::MAX);
    }
}

async fn busy() -> String {
    BUSY.load(Ordering::SeqCst).to_string()
}

/// Opens the gate when the request's body has ended: so a test can begin the request before the server
/// stops accepting, and end it later.
async fn open_gate(body: Body) -> &'static str {
    BUSY.fetch_add(1, Ordering::SeqCst);
    body.collect().await.expect("the client sends the whole body");
    GATE.open();
    "open"
}

// ---- requests and jobs that take their time

async fn slow() -> &'static str {
    GATE.pass().await;
    carafe::sleep(Duration::from_millis(200)).await;
    "slow"
}

/// Blocks its thread for ever.
fn blocked() -> &'static str {
    BUSY.fetch_add(1, Ordering::SeqCst);
    loop {
        thread::park();
    }
}

async fn start_job(app: AppHandle) -> (&'static str, u16) {
    app.nursery().spawn(job());
    ("Started", 201)
}

async fn job() {
    GATE.pass().await;
    carafe::sleep(Duration::from_millis(300)).await;
    println!("the job has finished");
}

async fn start_endless_job(app: AppHandle) -> (&'static str, u16) {
    app.nursery().spawn(endless_job());
    ("Started", 201)
}

async fn endless_job() {
    std::future::pending().await
}

async fn echo(ws: WebSocket) -> Result {
    loop {
        let message = ws.receive().await?;
        ws.send(message).await?;
    }
}

// ---- panics

async fn panics() -> &'static str {
    panic!("this handler panics, as asked")
}

async fn panics_among_children() -> Result {
    carafe::nursery(async |n: &Nursery<io::Error>| {
        for _ in 0..3 {
            n.named("orphan").spawn(std::future::pending());
        }
        GATE.pass().await;
        panic!("this handler panics among its children, as asked")
    })
    .await?
}
