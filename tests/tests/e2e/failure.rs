//! What goes wrong inside a server stays small: one answer, and everything else goes on.

use crate::kit::http::{self, Connection};
use crate::kit::tree::{live_tasks, live_tree};
use crate::kit::{Program, get, on_each_loop, wait_until, wait_until_is, watchdog};

on_each_loop!(
    a_handler_that_panics_answers_500_and_the_next_request_works,
    a_handler_that_panics_takes_its_children_with_it,
    a_malformed_request_is_a_400,
    a_client_that_leaves_takes_its_handler_along,
    a_server_out_of_descriptors_waits_for_better_times,
);

fn a_handler_that_panics_answers_500_and_the_next_request_works(runtime: &str) {
    let _watch = watchdog();
    let server = Program::new(env!("CARGO_BIN_EXE_trial")).on(runtime).serve();
    let mut connection = Connection::open(server.address);
    // More often than there are workers to lose.
    for _ in 0..20 {
        let response = connection.get("/panic");
        assert_eq!(response.status, 500);
        assert!(!response.body.contains("as asked"), "nothing leaks: {}", response.body);
        assert_eq!(connection.get("/").body, "here");
    }
    assert_eq!(get(server.address, "/").body, "here");
    assert!(server.log().contains("this handler panics, as asked"), "{}", server.log());
}

fn a_handler_that_panics_takes_its_children_with_it(runtime: &str) {
    let _watch = watchdog();
    let server = Program::new(env!("CARGO_BIN_EXE_trial")).on(runtime).serve();
    let mut connection = Connection::open(server.address);
    connection.send_get("/panic-among-children");
    let mut other = Connection::open(server.address);
    let mut children = || live_tree(&mut other).matches("`orphan`").count();
    wait_until("the children live", || children() == 3);
    assert_eq!(http::request(server.address, "POST", "/gate").body, "open");
    assert_eq!(connection.response().status, 500);
    // The answer comes after the handler's end, and that after its children's.
    assert_eq!(children(), 0);
    assert_eq!(connection.get("/").body, "here");
}

fn a_malformed_request_is_a_400(runtime: &str) {
    let _watch = watchdog();
    let server = Program::new(env!("CARGO_BIN_EXE_trial")).on(runtime).serve();
    let malformed = [
        "no request at all\r\n\r\n",
        "GET / HTTP/1.1\r\nhost test\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: test\r\nconten\0t: 2\r\n\r\n",
        "GET /a b HTTP/1.1\r\nhost: test\r\n\r\n",
        "POST /gate HTTP/1.1\r\nhost: test\r\ncontent-length: two\r\n\r\n",
    ];
    for request in malformed {
        let mut connection = Connection::open(server.address);
        connection.send(request);
        let answer = connection.rest();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?} is answered with {answer:?}");
        assert_eq!(get(server.address, "/").body, "here", "the server works after {request:?}");
    }
}

/// Those that a client hides behind bytes that nobody has read yet are not seen so far: a pipelined
/// request, an unread body. Their handlers run on to their end.
fn a_client_that_leaves_takes_its_handler_along(runtime: &str) {
    let _watch = watchdog();
    let server = Program::new(env!("CARGO_BIN_EXE_trial")).on(runtime).serve();
    let mut asking = Connection::open(server.address);
    let leave: [fn(Connection); 2] = [Connection::leave, Connection::leave_by_reset];
    for (number, leave) in (1..).zip(leave) {
        let mut client = Connection::open(server.address);
        // Nobody opens the gate that it waits at.
        client.send_get("/slow");
        wait_until_is("busy", &number.to_string(), || asking.get("/busy").body);
        leave(client);
        // Main, and the connection that asks.
        wait_until_is("tasks", &2, || live_tasks(&mut asking));
    }
}

fn a_server_out_of_descriptors_waits_for_better_times(runtime: &str) {
    let _watch = watchdog();
    let program = Program::with_descriptors(env!("CARGO_BIN_EXE_trial"), 48);
    let server = program.on(runtime).serve();
    let clients: Vec<_> = (0..100).map(|_| Connection::open(server.address)).collect();
    wait_until("the log says so", || server.log().contains("cannot accept connections"));
    clients.into_iter().for_each(Connection::leave);
    assert_eq!(get(server.address, "/").body, "here");
    server.terminate();
    let ended = server.ended();
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.len() < 10, "it does not try in a loop: {}", ended.stderr.join("\n"));
}
