//! The tasks that live, from the first poll to the loop's end.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::Wake;

use carafe_core::rt::Meta;

use crate::lock;
use crate::scheduler::Scheduler;
use crate::task::Task;

/// All living tasks, by their number: the order in which they were spawned.
#[derive(Debug)]
pub(crate) struct Executor {
    scheduler: Arc<Scheduler>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    live: BTreeMap<u64, Arc<Task>>,
    spawned: u64,
    closed: bool,
}

impl Executor {
    pub(crate) fn new(scheduler: Arc<Scheduler>) -> Self {
        Executor { scheduler, state: Mutex::default() }
    }

    /// Adds a task and queues it; drops it when the loop has ended.
    pub(crate) fn spawn<F>(&self, meta: Meta<'_>, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let future = Box::pin(future);
        let task = {
            let mut state = lock(&self.state);
            if state.closed {
                // The guard goes first: a destructor may spawn.
                drop(state);
                return drop(future);
            }
            state.spawned += 1;
            let id = state.spawned;
            let task = Arc::new(Task::new(id, meta, self.scheduler.clone(), future));
            state.live.insert(id, task.clone());
            task
        };
        task.wake();
    }

    /// Polls one task.
    pub(crate) fn poll(&self, task: &Arc<Task>) {
        if task.poll() {
            let ended = lock(&self.state).live.remove(&task.id());
            drop(ended);
        }
    }

    /// Drops every task that is left, the oldest first, and every one that these still spawn.
    pub(crate) fn close(&self) {
        loop {
            let next = {
                let mut state = lock(&self.state);
                state.closed = true;
                state.live.pop_first()
            };
            let Some((_, task)) = next else { return };
            task.cancel();
        }
    }

    /// Who is alive, a line each.
    pub(crate) fn report(&self) -> String {
        let mut report = String::from("  the main future\n");
        for task in lock(&self.state).live.values() {
            writeln!(report, "  {task}").expect("a string takes everything");
        }
        report
    }
}
