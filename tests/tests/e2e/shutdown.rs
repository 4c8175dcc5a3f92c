//! SIGTERM: what is under way ends well, what does not end is ended, and somebody says so.

use std::net::SocketAddr;
use std::time::Duration;

use crate::kit::http::{self, Connection};
use crate::kit::program::Ended;
use crate::kit::ws::Socket;
use crate::kit::{Program, get, on_each_loop, wait_until, wait_until_is, watchdog};

/// 128 + SIGTERM.
const TERMINATED: i32 = 143;

on_each_loop!(
    what_is_under_way_at_sigterm_ends_well,
    an_endless_job_is_cancelled_and_named,
    a_handler_blocked_for_ever_ends_at_the_hard_stop,
    a_second_sigterm_does_not_wait,
    sigint_ends_an_app_like_sigterm,
);

/// The default deadline for requests under way.
const GRACEFUL: Duration = Duration::from_secs(10);

fn what_is_under_way_at_sigterm_ends_well(runtime: &str) {
    let _watch = watchdog();
    let server = trial().on(runtime).serve();
    let address = server.address;
    assert_eq!(http::request(address, "POST", "/job").status, 201);
    let mut slow: Vec<_> = (0..100).map(|_| ask(address, "/slow")).collect();
    let mut idle = Connection::open(address);
    assert_eq!(idle.get("/").body, "here");
    let mut socket = Socket::open(address, "/ws");
    socket.send("hello");
    assert_eq!(socket.text(), "hello");
    // Half a request: its handler, which opens the gate for all the others, waits for the rest.
    let mut gate = Connection::open(address);
    gate.send("POST /gate HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\n");
    wait_until_busy(address, 102);

    server.terminate();
    wait_until("the port accepts nobody", || http::is_refused(address));
    assert_eq!(socket.closed(), 1001, "WebSockets are told at once");
    assert_eq!(idle.rest(), "", "an idle connection just closes");
    gate.send("go");
    assert_eq!(gate.response().body, "open");
    for connection in &mut slow {
        let response = connection.response();
        assert_eq!((response.status, response.body.as_str()), (200, "slow"));
    }
    let (ended, took) = server.ended_within();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr.join("\n"));
    assert!(took < GRACEFUL, "nothing waited for the deadline: {took:?}");
    assert_eq!(ended.stdout.last().map(String::as_str), Some("the job has finished"));
    assert_silent(&ended);
}

fn an_endless_job_is_cancelled_and_named(runtime: &str) {
    let _watch = watchdog();
    let server = trial().on(runtime).with("BACKGROUND_MS", 100).serve();
    assert_eq!(http::request(server.address, "POST", "/endless-job").status, 201);
    server.terminate();
    let ended = server.ended();
    let named = ended.stderr.iter().find(|line| line.contains("endless_job"));
    let named = named.unwrap_or_else(|| panic!("the log names it: {}", ended.stderr.join("\n")));
    assert!(named.contains("cancelled"), "{named}");
    // The app came to its end as asked, within its deadlines.
    assert_eq!(ended.code, Some(0), "{}", ended.stderr.join("\n"));
    assert_silent(&ended);
}

fn a_handler_blocked_for_ever_ends_at_the_hard_stop(runtime: &str) {
    let _watch = watchdog();
    let server = trial().on(runtime).with("GRACEFUL_MS", 100).with("HARD_STOP_MS", 100).serve();
    let _client = ask(server.address, "/blocked");
    wait_until_busy(server.address, 1);
    server.terminate();
    assert_ended_hard(&server.ended());
}

fn a_second_sigterm_does_not_wait(runtime: &str) {
    let _watch = watchdog();
    let server = trial().on(runtime).serve();
    let address = server.address;
    let _client = ask(address, "/blocked");
    wait_until_busy(address, 1);
    server.terminate();
    // Two signals at once would be one.
    wait_until("the first signal has arrived", || http::is_refused(address));
    server.terminate();
    let (ended, took) = server.ended_within();
    assert_ended_hard(&ended);
    assert!(took < GRACEFUL / 2, "no deadline was waited for: {took:?}");
}

fn sigint_ends_an_app_like_sigterm(runtime: &str) {
    let _watch = watchdog();
    let server = trial().on(runtime).serve();
    let mut socket = Socket::open(server.address, "/ws");
    socket.send("hello");
    assert_eq!(socket.text(), "hello");
    server.interrupt();
    assert_eq!(socket.closed(), 1001);
    let ended = server.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr.join("\n"));
    assert_silent(&ended);
}

/// The log names the handler that has not ended, in a tree of what is alive.
fn assert_ended_hard(ended: &Ended) {
    let log = ended.stderr.join("\n");
    assert_eq!(ended.code, Some(TERMINATED), "{log}");
    let tree = ended.stderr.iter().skip_while(|line| !line.ends_with("still alive:"));
    let tree: Vec<_> = tree.skip(1).collect();
    assert!(tree.first().is_some_and(|root| root.starts_with("nursery ")), "{log}");
    assert!(tree.iter().any(|line| line.contains("closure") && line.contains("blocked")), "{log}");
}

fn assert_silent(ended: &Ended) {
    let log = ended.stderr.join("\n");
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "nothing went wrong: {log}");
}

fn trial() -> Program {
    Program::new(env!("CARGO_BIN_EXE_trial"))
}

/// Sends a request on a connection of its own.
fn ask(address: SocketAddr, path: &str) -> Connection {
    let mut connection = Connection::open(address);
    connection.send_get(path);
    connection
}

/// Waits until so many handlers and jobs have come to where they wait.
#[track_caller]
fn wait_until_busy(address: SocketAddr, number: usize) {
    wait_until_is("under way", &number.to_string(), || get(address, "/busy").body);
}
