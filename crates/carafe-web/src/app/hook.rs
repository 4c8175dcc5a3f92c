//! Hooks and background tasks that are kept until it is their turn.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum_core::BoxError;

use super::handle::AppHandle;
use super::task::TaskFn;

/// How long a hook after serving may take: the process is to end.
const HOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// A hook or background task, of which only the call is known.
pub(super) struct Hook {
    function: &'static str,
    call: Box<dyn FnOnce(AppHandle) -> HookFuture + Send>,
}

type HookFuture = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

impl Hook {
    pub(super) fn new<M, T: TaskFn<M>>(task: T) -> Self {
        Hook { function: T::function(), call: Box::new(|app| Box::pin(task.run(app))) }
    }

    /// The function's path.
    pub(super) fn function(&self) -> &'static str {
        self.function
    }

    pub(super) fn call(self, app: AppHandle) -> HookFuture {
        (self.call)(app)
    }

    /// Calls it; not to end in time is a failure.
    pub(super) async fn call_in_time(self, app: AppHandle) -> Result<(), BoxError> {
        match carafe_rt::timeout(HOOK_TIMEOUT, self.call(app)).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(elapsed.into()),
        }
    }

    /// Adds it to the app's nursery, which is open.
    pub(super) fn in_background(self, app: &AppHandle) {
        app.nursery().named(self.function).spawn(self.call(app.clone()));
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hook").field(&self.function).finish()
    }
}
