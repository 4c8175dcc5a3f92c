//! A running example, for its tests: the address it prints, and requests to it.
#![allow(dead_code, unreachable_pub)] // Each test uses its part.
#![allow(unexpected_cfgs)] // Some of the examples have no features.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Output, Stdio};

/// A program that serves, until it is dropped.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
    /// The line that it has printed.
    pub line: String,
}

/// The program of this package called `path`, on a free port and with no loop chosen.
pub fn command(path: &str) -> Command {
    let mut command = Command::new(path);
    command.env_remove("HOST").env_remove("CARAFE_RUNTIME").env("PORT", "0");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The loops that this package asks for. More may be compiled in, where other packages of the
/// workspace are built along, so a program is told which one to take.
pub fn loops() -> impl Iterator<Item = &'static str> {
    let all = [
        (cfg!(feature = "tokio"), "tokio"),
        (cfg!(feature = "smol"), "smol"),
        (cfg!(feature = "async-std"), "async-std"),
    ];
    all.into_iter().filter_map(|(is_on, name)| is_on.then_some(name))
}

/// The program called `path`, serving, on each of this package's loops.
pub fn on_every_loop(path: &str) -> impl Iterator<Item = Program> {
    loops().map(move |name| {
        let mut command = command(path);
        command.env("CARAFE_RUNTIME", name);
        Program::start(command)
    })
}

/// Runs a program that ends by itself, and gives its exit code, stdout and stderr.
pub fn ended(mut command: Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

impl Program {
    /// Starts a program that serves, and waits until it does.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.strip_prefix("Running on http://").and_then(|rest| rest.split(' ').next());
        let address = address.unwrap_or_else(|| panic!("an address in {line:?}")).parse().unwrap();
        Program { child, address, line }
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// Sends a request, and does not wait for the answer.
    pub fn send(&self, method: &str, target: &str) -> TcpStream {
        let mut stream = self.connect();
        write!(stream, "{method} {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            .unwrap();
        stream
    }

    /// The status and body of a request's answer.
    pub fn request(&self, method: &str, target: &str) -> (u16, String) {
        let mut answer = String::new();
        self.send(method, target).read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    pub fn get(&self, target: &str) -> (u16, String) {
        self.request("GET", target)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
