//! The chat, with more people than it was written for.

use crate::kit::http::{self, Connection};
use crate::kit::tree::live_tasks;
use crate::kit::ws::Socket;
use crate::kit::{Program, Server, get, on_each_loop, wait_until_is, watchdog};

on_each_loop!(
    all_hear_a_speaker_in_order,
    those_who_vanish_leave_nothing_behind,
    the_server_s_heart_beats,
    all_are_told_when_the_chat_ends,
    a_job_outlives_its_request,
    the_page_names_the_loop,
);

const EVERYBODY: usize = 200;

fn all_hear_a_speaker_in_order(runtime: &str) {
    let _watch = watchdog();
    let server = chat(runtime);
    let mut people: Vec<_> = (0..EVERYBODY).map(|_| join(&server)).collect();
    let lines: Vec<_> = (0..20).map(|number| format!("line {number}, für alle")).collect();
    for line in &lines {
        people[0].send(line);
    }
    for (number, person) in people.iter_mut().enumerate() {
        let heard: Vec<_> = lines.iter().map(|_| hear(person)).collect();
        assert_eq!(heard, lines, "what client {number} hears");
    }
}

fn those_who_vanish_leave_nothing_behind(runtime: &str) {
    let _watch = watchdog();
    let server = chat(runtime);
    let mut asking = Connection::open(server.address);
    wait_for_people(&mut asking, 0);
    let mut people: Vec<_> = (0..EVERYBODY).map(|_| join(&server)).collect();
    wait_for_people(&mut asking, EVERYBODY);

    let half = people.split_off(EVERYBODY / 2);
    for (number, person) in half.into_iter().enumerate() {
        if number % 2 == 0 { person.vanish() } else { person.vanish_by_reset() }
    }
    wait_for_people(&mut asking, EVERYBODY / 2);
    people[0].send("who is left?");
    for person in &mut people {
        assert_eq!(hear(person), "who is left?");
    }
    drop(people);
    wait_for_people(&mut asking, 0);
}

fn the_server_s_heart_beats(runtime: &str) {
    let _watch = watchdog();
    let server = chat(runtime);
    let mut person = join(&server);
    assert_eq!([person.text(), person.text()], [HEARTBEAT, HEARTBEAT]);
}

fn all_are_told_when_the_chat_ends(runtime: &str) {
    let _watch = watchdog();
    let server = chat(runtime);
    let people: Vec<_> = (0..EVERYBODY).map(|_| join(&server)).collect();
    server.terminate();
    for person in people {
        assert_eq!(person.closed(), 1001);
    }
    let ended = server.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr.join("\n"));
}

fn a_job_outlives_its_request(runtime: &str) {
    let _watch = watchdog();
    let server = chat(runtime);
    let response = http::request(server.address, "POST", "/job?seconds=0.05");
    assert_eq!((response.status, response.body.as_str()), (201, "Started"));
    server.wait_for_line("a job is done");
}

fn the_page_names_the_loop(runtime: &str) {
    let _watch = watchdog();
    let server = chat(runtime);
    let page = get(server.address, "/");
    assert_eq!(page.status, 200);
    let name = runtime.split("-current").next().expect("a first part");
    assert!(page.body.contains(&format!("Chat on {name}")), "{}", page.body);
}

/// What the server says once a second.
const HEARTBEAT: &str = "Heartbeat";

fn chat(runtime: &str) -> Server {
    Program::new(env!("CARGO_BIN_EXE_all-loops-chat")).on(runtime).serve()
}

fn join(server: &Server) -> Socket {
    Socket::open(server.address, "/ws")
}

/// What somebody says next.
#[track_caller]
fn hear(person: &mut Socket) -> String {
    loop {
        let text = person.text();
        if text != HEARTBEAT {
            return text;
        }
    }
}

/// The tasks of each person: the connection, and the handler's two children, of which one hears and one
/// beats. The handler itself runs in its connection's task.
const TASKS_OF_EACH: usize = 3;

/// Those that are there without anybody: main, and the connection on which the test asks.
const OTHER_TASKS: usize = 2;

/// Waits until there are so many people in the set, and no task but theirs.
#[track_caller]
fn wait_for_people(asking: &mut Connection, people: usize) {
    wait_until_is("people", &people.to_string(), || asking.get("/peers").body);
    let tasks = OTHER_TASKS + people * TASKS_OF_EACH;
    wait_until_is("tasks", &tasks, || live_tasks(asking));
}
