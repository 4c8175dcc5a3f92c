//! Futures that run side by side, joined in one line; see [`carafe_core::join`].
//!
//! They run on the current handle: in parallel where the loop has several threads. None of them is
//! left when the function has returned, whatever the outcome.

use std::future::Future;

pub use carafe_core::join::AsCompleted;
use carafe_core::{Errors, NurseryError};

use crate::Handle;

/// Runs `futures` side by side and gives their values, in the order of the futures.
///
/// # Examples
///
/// ```
/// # carafe_rt::run_on(carafe_rt::Backend::smol(), async {
/// let squares = carafe_rt::join::all((1..4).map(|n| async move { std::io::Result::Ok(n * n) }));
/// assert_eq!(squares.await?, [1, 4, 9]);
/// # Ok::<_, carafe_rt::NurseryError<std::io::Error>>(())
/// # }).unwrap();
/// ```
///
/// # Errors
///
/// All errors: the first cancels the other futures.
///
/// # Panics
///
/// With the first panic of a future, when all the others have ended. Outside a run.
///
/// # Cancel safety
///
/// When a scope around it is cancelled, the futures are cancelled and waited for.
#[track_caller]
pub fn all<T, E, F, I>(
    futures: I,
) -> impl Future<Output = Result<Vec<T>, NurseryError<E>>> + use<T, E, F, I>
where
    I: IntoIterator<Item = F>,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    carafe_core::join::all(&Handle::current(), futures)
}

/// Runs `futures` side by side and gives the first value that one of them ends with; the others are
/// cancelled and waited for.
///
/// # Errors
///
/// All errors, when no future has ended with a value.
///
/// # Panics
///
/// With the first panic of a future, when all the others have ended. Without futures. Outside a run.
///
/// # Cancel safety
///
/// When a scope around it is cancelled, the futures are cancelled and waited for.
#[track_caller]
pub fn any_ok<T, E, F, I>(
    futures: I,
) -> impl Future<Output = Result<T, Errors<E>>> + use<T, E, F, I>
where
    I: IntoIterator<Item = F>,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    carafe_core::join::any_ok(&Handle::current(), futures)
}

/// Runs `futures` side by side and gives what the first to end ends with; the others are cancelled and
/// waited for.
///
/// # Panics
///
/// With the first panic of a future, when all the others have ended. Without futures. Outside a run.
///
/// # Cancel safety
///
/// When a scope around it is cancelled, the futures are cancelled and waited for.
#[track_caller]
pub fn race<T, F, I>(futures: I) -> impl Future<Output = T> + use<T, F, I>
where
    I: IntoIterator<Item = F>,
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    carafe_core::join::race(&Handle::current(), futures)
}

/// Runs `futures` side by side and gives what they end with, one after the other, as they end.
///
/// # Examples
///
/// ```
/// # carafe_rt::run_on(carafe_rt::Backend::smol(), async {
/// let mut ended = carafe_rt::join::as_completed([1, 2].map(|n| async move { n }));
/// let mut sum = 0;
/// while let Some(n) = ended.next().await {
///     sum += n;
/// }
/// assert_eq!(sum, 3);
/// # });
/// ```
///
/// # Panics
///
/// Outside a run. With the first panic of a future, from [`next`](AsCompleted::next).
#[track_caller]
pub fn as_completed<F, I>(futures: I) -> AsCompleted<F::Output>
where
    I: IntoIterator<Item = F>,
    F: Future<Output: Send> + Send + 'static,
{
    carafe_core::join::as_completed(&Handle::current(), futures)
}
