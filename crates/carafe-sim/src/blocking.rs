//! Closures on threads of their own, of which the loop lets one run at a time.
//!
//! Running them inline would be simpler, and wrong: a closure that waits for a task would wait for
//! ever. So each gets a thread, which waits for its turn; the scheduler gives it the turn like it
//! polls a task, and stands still until it has ended or its patience is over.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use carafe_core::rt::Job;

use crate::scheduler::{Outside, Ready, Scheduler};

/// A closure that waits for its turn. Dropped instead of run, it takes the turn by itself: a job
/// that was accepted runs.
#[derive(Debug)]
pub(crate) struct Step {
    id: u64,
    turn: mpsc::Sender<Outside>,
    ended: Arc<AtomicBool>,
}

impl Step {
    /// Starts a thread for `job` and queues its turn; without a loop to wait for, it runs at once.
    pub(crate) fn queue(scheduler: &Arc<Scheduler>, id: u64, job: Job) -> io::Result<()> {
        let (turn, its_turn) = mpsc::channel();
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Ended(ended.clone());
        thread::Builder::new().name(format!("carafe-sim-job-{id}")).spawn(move || {
            // An error says that the loop has ended.
            let outside: Option<Outside> = its_turn.recv().ok();
            // Dropped in reverse, also when the job unwinds: the loop learns that it is over, and
            // only then that nobody is outside any more.
            let _outside = outside;
            let _flag = flag;
            job();
        })?;
        // Refused and so dropped by a loop that has ended: the thread does not wait any more.
        let _refused = scheduler.push(Ready::Step(Step { id, turn, ended }));
        Ok(())
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Lets the closure run, and stands still until it has ended or `patience` is over.
    pub(crate) fn run(self, scheduler: &Arc<Scheduler>, patience: Duration) {
        if self.turn.send(scheduler.expect_outside()).is_ok() {
            scheduler.stand_still(patience, || self.ended.load(Ordering::Acquire));
        }
    }
}

/// Sets the flag when dropped.
struct Ended(Arc<AtomicBool>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
