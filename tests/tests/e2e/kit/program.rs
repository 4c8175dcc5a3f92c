//! Programs as processes of their own.

use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::lines::Lines;
use super::{wait_for, watchdog};

/// A program to start: no fixed port, no choice of a loop, and backtraces on, so that a test that
/// wants none in the output means something.
pub(crate) struct Program(Command);

impl Program {
    /// The program at `path`, as in `env!("CARGO_BIN_EXE_…")`.
    pub(crate) fn new(path: &str) -> Self {
        Self::of(Command::new(path))
    }

    /// The program at `path`, which may have so many files and sockets open.
    pub(crate) fn with_descriptors(path: &str, limit: u32) -> Self {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -n {limit}; exec \"$0\"")).arg(path);
        Self::of(shell)
    }

    fn of(mut command: Command) -> Self {
        command
            .env_remove("CARAFE_RUNTIME")
            .env_remove("HOST")
            .env("PORT", "0")
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Program(command)
    }

    /// Chooses the loop.
    pub(crate) fn on(self, runtime: &str) -> Self {
        self.with("CARAFE_RUNTIME", runtime)
    }

    /// Sets an environment variable.
    pub(crate) fn with(mut self, variable: &str, value: impl ToString) -> Self {
        self.0.env(variable, value.to_string());
        self
    }

    /// Starts it as a server, and waits for its address.
    #[track_caller]
    pub(crate) fn serve(self) -> Server {
        let process = self.start();
        let address = process.stdout.find("the line with the address", |line| {
            let rest = line.strip_prefix("Running on http://")?;
            rest.split([' ', '/']).next()?.parse().ok()
        });
        Server { process, address }
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(self) -> Ended {
        self.start().ended()
    }

    #[track_caller]
    fn start(mut self) -> Process {
        let child = self.0.spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{:?}: {error}", self.0.get_program()));
        watchdog::register(Pid::from_child(&child));
        Process {
            stdout: Lines::of(child.stdout.take().expect("stdout is piped")),
            stderr: Lines::of(child.stderr.take().expect("stderr is piped")),
            child,
            status: None,
        }
    }
}

/// A process that has ended by itself.
pub(crate) struct Ended {
    /// None where a signal has killed it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
}

/// A process that listens.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process.stderr.so_far()
    }

    /// Waits until it prints a line that begins like this.
    #[track_caller]
    pub(crate) fn wait_for_line(&self, start: &str) {
        self.process.stdout.find(start, |line| line.starts_with(start).then_some(()));
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGINT.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.process.pid(), signal).expect("the process has not been waited for");
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(self) -> Ended {
        self.process.ended()
    }

    /// Waits for its end, and says how long that took.
    #[track_caller]
    pub(crate) fn ended_within(self) -> (Ended, Duration) {
        let begun = Instant::now();
        let ended = self.ended();
        (ended, begun.elapsed())
    }
}

/// A child process, killed on drop.
struct Process {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    /// Set when it has been waited for.
    status: Option<ExitStatus>,
}

impl Process {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    #[track_caller]
    fn ended(mut self) -> Ended {
        let status = wait_for("the process ends", || self.child.try_wait().expect("it is a child"));
        self.note(status);
        Ended { code: status.code(), stdout: self.stdout.all(), stderr: self.stderr.all() }
    }

    fn note(&mut self, status: ExitStatus) {
        self.status = Some(status);
        watchdog::unregister(self.pid());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status.is_none() {
            // Neither can fail for a child that has not been waited for.
            let _ = self.child.kill();
            if let Ok(status) = self.child.wait() {
                self.note(status);
            }
        }
        if thread::panicking() {
            eprintln!("stdout:\n{}\nstderr:\n{}", self.stdout.so_far(), self.stderr.so_far());
        }
    }
}
