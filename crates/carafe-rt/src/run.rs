//! Starting a run.

use std::sync::Arc;
use std::time::Duration;

use carafe_core::{RunError, Runner};

use crate::backend::Backend;
use crate::handle::Handle;

/// Runs `main` on the backend that `CARAFE_RUNTIME` names, or else the only compiled one, and gives
/// its value when `main` and every task have ended.
///
/// # Panics
///
/// With the panic of `main`; where [`try_run`] gives an error.
///
/// # Examples
///
/// ```no_run
/// // Which loop this is depends on the build and on `CARAFE_RUNTIME`.
/// let sum = carafe_rt::run(async { carafe_rt::to_thread(|| 1 + 1).await });
/// assert_eq!(sum, 2);
/// ```
#[track_caller]
pub fn run<F: Future>(main: F) -> F::Output {
    value(try_run(main))
}

/// Runs `main` on `backend`, and gives its value when `main` and every task have ended.
///
/// # Panics
///
/// With the panic of `main`; where [`try_run_on`] gives an error.
#[track_caller]
pub fn run_on<F: Future>(backend: Backend, main: F) -> F::Output {
    value(try_run_on(backend, main))
}

/// Runs `main` like [`run`].
///
/// # Errors
///
/// Where there is no backend to choose, and like [`try_run_on`].
#[track_caller]
pub fn try_run<F: Future>(main: F) -> Result<F::Output, RunError> {
    try_run_on(Backend::from_env_or_only()?, main)
}

/// Runs `main` like [`run_on`].
///
/// # Errors
///
/// [`RunError::NoBackend`] where the backend is not compiled in, [`RunError::FromInside`] on a thread
/// that polls a loop, and [`RunError::Cancelled`] where the run was cancelled before `main` had ended.
#[track_caller]
pub fn try_run_on<F: Future>(backend: Backend, main: F) -> Result<F::Output, RunError> {
    try_run_with(backend, None, main)
}

/// Runs `main`, and ends the process if the run still holds so long after cancelling began.
#[track_caller]
pub(crate) fn try_run_with<F: Future>(
    backend: Backend,
    hard_stop: Option<Duration>,
    main: F,
) -> Result<F::Output, RunError> {
    backend.check()?;
    Runner::new(backend)
        .hard_stop(hard_stop)
        .ambient(|handle: &Handle| Arc::new(handle.clone()))
        .try_run(|_| main)
}

#[track_caller]
fn value<T>(result: Result<T, RunError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}
