//! A slow function, called in the two ways that do not keep everybody else waiting: a plain `fn` is a
//! handler that runs on a thread, and `to_thread` takes a part of an `async fn` to one.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use carafe::{App, Query, to_thread};
use serde::Deserialize;

#[derive(Deserialize)]
struct Slow {
    #[serde(default = "two_seconds")]
    millis: u64,
}

fn two_seconds() -> u64 {
    2000
}

/// What cannot be awaited: a computation, a database driver without async, a file.
fn slow_function(millis: u64) -> String {
    thread::sleep(Duration::from_millis(millis));
    format!("worked for {millis} ms on {:?}\n", thread::current().name().unwrap_or("a thread"))
}

fn plain(Query(slow): Query<Slow>) -> String {
    slow_function(slow.millis)
}

async fn offloading(Query(slow): Query<Slow>) -> String {
    let text = to_thread(move || slow_function(slow.millis)).await;
    format!("offloaded: {text}")
}

async fn fast() -> &'static str {
    "fast\n"
}

fn main() -> ExitCode {
    App::new("blocking")
        .get("/plain", plain)
        .get("/offloading", offloading)
        .get("/fast", fast)
        .run()
}
