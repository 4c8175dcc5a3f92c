//! The chat as its users see it.

#[path = "kit/program.rs"]
mod program;

use std::net::TcpStream;

use program::{Program, on_every_loop};
use tungstenite::{Message, WebSocket};

fn chats() -> impl Iterator<Item = Program> {
    on_every_loop(env!("CARGO_BIN_EXE_chat"))
}

/// Joins the chat.
fn join(chat: &Program) -> WebSocket<TcpStream> {
    let url = format!("ws://{}/ws", chat.address);
    tungstenite::client(url, chat.connect()).unwrap().0
}

/// Reads until somebody says `text`.
fn hear(socket: &mut WebSocket<TcpStream>, text: &str) {
    while socket.read().unwrap() != Message::text(text) {}
}

/// Waits until so many are there.
fn wait_for_peers(chat: &Program, count: usize) {
    while chat.get("/peers") != (200, count.to_string()) {
        std::thread::yield_now();
    }
}

#[test]
fn what_one_says_all_hear_and_the_heart_beats() {
    for chat in chats() {
        let (mut ann, mut bob) = (join(&chat), join(&chat));
        wait_for_peers(&chat, 2);
        ann.send(Message::text("hello")).unwrap();
        hear(&mut ann, "hello");
        hear(&mut bob, "hello");
        hear(&mut bob, "Heartbeat");
        drop(ann);
        wait_for_peers(&chat, 1);
        bob.send(Message::text("alone")).unwrap();
        hear(&mut bob, "alone");
    }
}

#[test]
fn a_job_is_started_at_once() {
    for chat in chats() {
        assert_eq!(chat.request("POST", "/job?seconds=0"), (201, "Started".to_owned()));
        assert_eq!(chat.get("/job?seconds=60"), (201, "Started".to_owned()));
        assert_eq!(chat.get("/job?seconds=-1").0, 400);
        assert_eq!(chat.get("/job?seconds=soon").0, 400);
    }
}

#[test]
fn the_page_names_the_loop_that_serves_it() {
    for chat in chats() {
        let name = chat.line.split(['(', ',']).nth(1).unwrap();
        let (status, page) = chat.get("/");
        assert_eq!(status, 200);
        assert!(page.contains(&format!("<span id=\"loop\">{name}</span>")), "{name}");
        assert!(!page.contains("{{"));
    }
}
