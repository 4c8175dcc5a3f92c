//! Functions that are called without a request: hooks and background tasks.

use std::any::type_name;
use std::future::Future;
use std::marker::PhantomData;

use axum_core::BoxError;

use super::handle::AppHandle;
use super::outcome::JobOutcome;

/// A function without a request: an `async fn`, a plain `fn` (which runs on a thread, and may block),
/// or a closure. It takes nothing, or the [`AppHandle`].
///
/// The marker `M` is inferred; nobody writes it out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a hook or background task",
    label = "this cannot be called without a request",
    note = "an `async fn`, a plain `fn` or a closure, with no argument or with an `AppHandle`",
    note = "it returns `()`, or `Result<(), E>` where `E` is an error"
)]
pub trait TaskFn<M>: Send + 'static {
    /// Calls it, and waits for its end.
    fn run(self, app: AppHandle) -> impl Future<Output = Result<(), BoxError>> + Send + 'static;

    /// Its path.
    fn function() -> &'static str {
        type_name::<Self>()
    }
}

/// The marker of `async` functions with the arguments `A`.
#[derive(Debug)]
pub struct AsyncTask<A>(PhantomData<A>);

/// The marker of plain functions with the arguments `A`.
#[derive(Debug)]
pub struct BlockingTask<A>(PhantomData<A>);

impl<F, Fut> TaskFn<AsyncTask<()>> for F
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output: JobOutcome> + Send + 'static,
{
    async fn run(self, _: AppHandle) -> Result<(), BoxError> {
        self().await.into_result()
    }
}

impl<F, Fut> TaskFn<AsyncTask<AppHandle>> for F
where
    F: FnOnce(AppHandle) -> Fut + Send + 'static,
    Fut: Future<Output: JobOutcome> + Send + 'static,
{
    async fn run(self, app: AppHandle) -> Result<(), BoxError> {
        self(app).await.into_result()
    }
}

impl<F, Out> TaskFn<BlockingTask<()>> for F
where
    F: FnOnce() -> Out + Send + 'static,
    Out: JobOutcome + 'static,
{
    async fn run(self, _: AppHandle) -> Result<(), BoxError> {
        carafe_rt::to_thread(move || self().into_result()).name(type_name::<F>()).await
    }
}

impl<F, Out> TaskFn<BlockingTask<AppHandle>> for F
where
    F: FnOnce(AppHandle) -> Out + Send + 'static,
    Out: JobOutcome + 'static,
{
    async fn run(self, app: AppHandle) -> Result<(), BoxError> {
        carafe_rt::to_thread(move || self(app).into_result()).name(type_name::<F>()).await
    }
}
