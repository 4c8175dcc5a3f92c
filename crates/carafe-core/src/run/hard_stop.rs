//! The end of patience: ends the process when a run that cancels does not come to its end.
//!
//! A closure blocked for ever on a thread holds its task, the task its nursery, the nursery the run:
//! inside a run that is right. Who owns the process sets a limit to it. The clock here is the real one
//! and the thread is the system's, because the loop may be the one that hangs.

use std::process;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::thread;
use std::time::Duration;

use super::Run;

pub(crate) struct HardStop {
    after: Option<Duration>,
    /// The code that the process exits with.
    code: AtomicI32,
    watch: Arc<Watch>,
}

#[derive(Default)]
struct Watch {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum State {
    /// The run does not cancel yet.
    #[default]
    Idle,
    /// A thread counts the time.
    Armed,
    /// The run has ended.
    Over,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under this lock")
    }
}

impl HardStop {
    pub(crate) fn new(after: Option<Duration>) -> Self {
        HardStop { after, code: AtomicI32::new(1), watch: Arc::default() }
    }

    /// The run has ended in time.
    pub(crate) fn disarm(&self) {
        *self.watch.lock() = State::Over;
        self.watch.changed.notify_all();
    }
}

impl Run {
    /// Sets the code with which a hard stop ends the process.
    pub(crate) fn set_exit_code(&self, code: i32) {
        self.hard_stop.code.store(code, Ordering::Relaxed);
    }

    /// Starts counting, if the entry point has set a limit.
    pub(crate) fn arm_hard_stop(self: &Arc<Self>) {
        let Some(after) = self.hard_stop.after else { return };
        {
            let mut state = self.hard_stop.watch.lock();
            if *state != State::Idle {
                return;
            }
            *state = State::Armed;
        }
        let watch = self.hard_stop.watch.clone();
        let run = Arc::downgrade(self);
        let counting = thread::Builder::new().name("carafe-hard-stop".into());
        if let Err(error) = counting.spawn(move || count(&watch, &run, after)) {
            tracing::error!("no thread for the hard stop, so there is none: {error}");
        }
    }

    /// Ends the process now, if the entry point has set a limit at all.
    pub(crate) fn stop_hard(&self, why: &str) {
        if self.hard_stop.after.is_some() {
            self.exit(why);
        }
    }

    fn exit(&self, why: &str) -> ! {
        // One write, so that no other thread's line comes in between.
        eprint!("{why}; still alive:\n{}", self.live_tree());
        process::exit(self.hard_stop.code.load(Ordering::Relaxed))
    }
}

fn count(watch: &Watch, run: &Weak<Run>, after: Duration) {
    let (state, _) = watch
        .changed
        .wait_timeout_while(watch.lock(), after, |state| *state == State::Armed)
        .expect("nothing panics under this lock");
    let is_over = *state == State::Over;
    drop(state);
    if !is_over && let Some(run) = run.upgrade() {
        run.exit(&format!("not everything has ended {after:?} after it was cancelled"));
    }
}
