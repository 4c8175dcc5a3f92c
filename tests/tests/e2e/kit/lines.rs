//! What a process writes, line by line, while it runs.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use super::PATIENCE;

/// The lines of one stream, collected by a thread until the stream ends.
#[derive(Clone)]
pub(crate) struct Lines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    is_over: bool,
}

impl Lines {
    /// Reads `stream` to its end.
    pub(crate) fn of(stream: impl Read + Send + 'static) -> Self {
        let lines = Lines(Arc::default());
        let shared = lines.0.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n') {
                // A pipe that fails has ended.
                let Ok(line) = line else { break };
                shared.lock().lines.push(String::from_utf8_lossy(&line).into_owned());
                shared.changed.notify_all();
            }
            shared.lock().is_over = true;
            shared.changed.notify_all();
        });
        lines
    }

    /// What has been written so far.
    pub(crate) fn so_far(&self) -> String {
        self.0.lock().lines.join("\n")
    }

    /// All lines, when the stream has ended.
    #[track_caller]
    pub(crate) fn all(&self) -> Vec<String> {
        self.wait("the stream ends", |state| state.is_over.then(|| state.lines.clone()))
    }

    /// The first line of which `find` makes something.
    ///
    /// # Panics
    ///
    /// If the stream ends without one, or [`PATIENCE`] does.
    #[track_caller]
    pub(crate) fn find<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let found = self.wait(what, |state| {
            let found = state.lines.iter().find_map(|line| find(line));
            if found.is_some() || state.is_over { Some(found) } else { None }
        });
        found.unwrap_or_else(|| panic!("the stream ended without {what}:\n{}", self.so_far()))
    }

    #[track_caller]
    fn wait<T>(&self, what: &str, look: impl Fn(&State) -> Option<T>) -> T {
        let begun = Instant::now();
        let mut state = self.0.lock();
        loop {
            if let Some(seen) = look(&state) {
                return seen;
            }
            let Some(left) = PATIENCE.checked_sub(begun.elapsed()) else {
                panic!("not within {PATIENCE:?}: {what}; so far:\n{}", state.lines.join("\n"));
            };
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
