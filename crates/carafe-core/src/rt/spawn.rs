use std::future::Future;
use std::panic::Location;

/// Starts tasks.
pub trait Spawn {
    /// Hands `task` to the loop, which polls it to its end.
    ///
    /// The task makes progress while its spawner waits for something else, and may be spawned from
    /// any thread, also one that the loop does not own.
    ///
    /// # On drop
    ///
    /// There is no handle: the task is detached. The loop may drop it unpolled, on any thread: at
    /// the loop's own end, say.
    ///
    /// # Panics
    ///
    /// Core's tasks never unwind: their wrapper has caught the panic. Should a foreign one do so,
    /// the worker that polled it lives on.
    fn spawn_detached<F>(&self, meta: Meta<'_>, task: F)
    where
        F: Future<Output = ()> + Send + 'static;
}

/// What a loop may tell its own tools about a task.
#[derive(Debug, Clone, Copy)]
pub struct Meta<'a> {
    /// The task's name, if somebody gave it one.
    pub name: Option<&'a str>,
    /// Where the task was spawned.
    pub location: &'static Location<'static>,
}

impl<'a> Meta<'a> {
    /// Names a task spawned at the caller's place.
    #[track_caller]
    pub fn here(name: &'a str) -> Self {
        Meta { name: Some(name), location: Location::caller() }
    }

    /// An unnamed task spawned at the caller's place.
    #[track_caller]
    pub fn unnamed() -> Self {
        Meta { name: None, location: Location::caller() }
    }
}
