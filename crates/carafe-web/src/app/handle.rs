//! The app, as its handlers, hooks and jobs see it.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use carafe_core::{Limiter, shutdown};

use super::jobs::{AppNursery, Jobs};
use super::state::States;
use super::task::TaskFn;

/// The app, as its handlers, hooks and jobs see it. Cheap to clone.
///
/// It is an argument of handlers, hooks and background tasks; [`current_app`] gives it to whatever they
/// call, and [`App::handle`](crate::App::handle) to the code that builds the app.
#[derive(Clone)]
pub struct AppHandle(Arc<Shared>);

struct Shared {
    name: String,
    jobs: Arc<Jobs>,
    sync_limiter: Limiter,
    phase: AtomicU8,
    /// Set when the app is built.
    built: OnceLock<Built>,
}

/// What is known once the app is built.
pub(super) struct Built {
    pub(super) states: States,
    pub(super) body_limit: usize,
}

carafe_core::task_local! {
    /// The app that a task works for. Bound around the app's lifespan: tasks inherit it.
    pub(super) static APP: AppHandle;
}

/// The app that the caller works for: in a handler, a hook, a job, and in whatever they spawn or run
/// on a thread.
///
/// # Panics
///
/// Elsewhere. [`try_current_app`] tells instead.
#[track_caller]
pub fn current_app() -> AppHandle {
    match try_current_app() {
        Some(app) => app,
        None => panic!("`current_app` works inside of an app: in its handlers, hooks and jobs"),
    }
}

/// The app that the caller works for, if it works for one.
pub fn try_current_app() -> Option<AppHandle> {
    APP.get().map(|app| AppHandle::clone(&app))
}

/// How many plain `fn` handlers run at a time; the others wait for their turn.
pub const SYNC_HANDLERS: usize = 40;

/// Where the app stands; it only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Phase {
    /// Nobody has begun to start it.
    New,
    /// The hooks before serving run.
    Starting,
    /// Requests are answered, also those that are still under way while it drains.
    Serving,
    /// It answers no more.
    Over,
}

impl AppHandle {
    pub(super) fn new(name: String) -> Self {
        AppHandle(Arc::new(Shared {
            name,
            jobs: Arc::default(),
            sync_limiter: Limiter::new(SYNC_HANDLERS),
            phase: AtomicU8::new(Phase::New as u8),
            built: OnceLock::new(),
        }))
    }

    /// The app's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The app's nursery: for work that outlives its request.
    pub fn nursery(&self) -> AppNursery {
        AppNursery::new(self.0.jobs.clone())
    }

    /// Adds a background task: an `async fn`, a plain `fn` (which runs on a thread) or a closure.
    ///
    /// # Panics
    ///
    /// When the app does not serve, like [`AppNursery::spawn`].
    #[track_caller]
    pub fn add_background_task<M, T: TaskFn<M>>(&self, task: T) {
        self.nursery().named(T::function()).spawn(task.run(self.clone()));
    }

    /// The value of type `T` that was given to [`App::state`](crate::App::state).
    pub fn state<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.0.built.get()?.states.get()
    }

    /// Asks the app, and with it the whole run, to come to its end: what a first SIGTERM does.
    pub fn shutdown(&self) {
        shutdown::request();
    }

    /// The limiter of plain `fn` handlers.
    pub(crate) fn sync_limiter(&self) -> &Limiter {
        &self.0.sync_limiter
    }

    pub(crate) fn body_limit(&self) -> usize {
        self.0.built.get().map_or(usize::MAX, |built| built.body_limit)
    }

    pub(super) fn jobs(&self) -> &Arc<Jobs> {
        &self.0.jobs
    }

    /// Called once, by whoever has built the app.
    pub(super) fn set_built(&self, built: Built) {
        if self.0.built.set(built).is_err() {
            unreachable!("an app is consumed by building it");
        }
    }

    pub(super) fn is_serving(&self) -> bool {
        self.0.phase.load(Ordering::Acquire) == Phase::Serving as u8
    }

    /// Moves on to `phase`; says whether it was not there, or further, already.
    pub(super) fn enter(&self, phase: Phase) -> bool {
        self.0.phase.fetch_max(phase as u8, Ordering::AcqRel) < phase as u8
    }
}

impl fmt::Debug for AppHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppHandle").field("name", &self.0.name).finish_non_exhaustive()
    }
}
