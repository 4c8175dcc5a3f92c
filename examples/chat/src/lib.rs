//! The chat of the Quart-Trio README, complete: what one says all hear, the server's heart beats once
//! a second, and `/job` starts work that outlives its request.

use std::time::Duration;

use carafe::ws::Disconnected;
use carafe::{
    App, AppHandle, Handle, Html, Peers, Query, Result, WebSocket, abort, nursery, sleep,
};
use serde::Deserialize;

static PEERS: Peers = Peers::new();

async fn ws_receive(ws: WebSocket) -> Result<(), Disconnected> {
    loop {
        let message = ws.receive().await?;
        PEERS.send_all(message).await;
    }
}

async fn ws_send(ws: WebSocket) -> Result<(), Disconnected> {
    loop {
        sleep(Duration::from_secs(1)).await;
        ws.send("Heartbeat").await?;
    }
}

async fn ws(ws: WebSocket) -> Result {
    let _member = PEERS.join(&ws);
    nursery(async |n| {
        n.spawn(ws_receive(ws.clone()));
        n.spawn(ws_send(ws.clone()));
        Ok(())
    })
    .await?;
    Ok(())
}

async fn background_task(duration: Duration) {
    println!("a job has started");
    sleep(duration).await;
    println!("a job is done, {duration:?} later");
}

#[derive(Deserialize)]
struct Job {
    seconds: Option<f64>,
}

async fn trigger_job(app: AppHandle, Query(job): Query<Job>) -> Result<(&'static str, u16)> {
    let seconds = job.seconds.unwrap_or(3.0);
    let duration = Duration::try_from_secs_f64(seconds).map_err(|e| abort(400).with_source(e))?;
    app.nursery().spawn(background_task(duration));
    Ok(("Started", 201))
}

async fn page(rt: Handle) -> Html<String> {
    Html(include_str!("page.html").replace("{{ loop }}", rt.name()))
}

async fn peers() -> String {
    PEERS.len().to_string()
}

/// The app; whoever runs it chooses the loop.
pub fn app() -> App {
    App::new("chat")
        .route("/", page)
        .websocket("/ws", ws)
        .route("/job", trigger_job)
        .post("/job", trigger_job)
        .route("/peers", peers)
}
