//! Ends a test that hangs, with all that it has started.

use std::io::Write;
use std::process;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Longer than several times [`PATIENCE`](super::PATIENCE) in a row: what has a deadline of its own
/// says more about what went wrong.
const LIMIT: Duration = Duration::from_secs(90);

/// The child processes of this process.
static CHILDREN: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Watches the test that holds the guard: if it takes too long, the whole process ends with its
/// children. Nothing less ends a thread that hangs.
#[must_use = "dropping the guard calls the watchdog off"]
pub(crate) fn watchdog() -> Watchdog {
    let (guard, dropped) = mpsc::channel();
    let test = thread::current().name().unwrap_or("a test").to_owned();
    thread::spawn(move || {
        if dropped.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            // Not `eprintln`, which the test harness would swallow on this exit.
            let _ = writeln!(std::io::stderr(), "watchdog: {test} has not ended within {LIMIT:?}");
            kill_children();
            process::exit(101);
        }
    });
    Watchdog(guard)
}

/// See [`watchdog`].
pub(crate) struct Watchdog(#[expect(dead_code, reason = "its drop is the message")] Sender<()>);

/// A child process that the watchdog kills with the test.
pub(crate) fn register(child: Pid) {
    children(|children| children.push(child));
}

/// The child has been waited for: its number may be somebody else's now.
pub(crate) fn unregister(child: Pid) {
    children(|children| children.retain(|other| *other != child));
}

fn kill_children() {
    for child in children(std::mem::take) {
        // It may have ended by itself.
        let _ = kill_process(child, Signal::KILL);
    }
}

fn children<T>(act: impl FnOnce(&mut Vec<Pid>) -> T) -> T {
    act(&mut CHILDREN.lock().unwrap_or_else(PoisonError::into_inner))
}
