//! From the first hook to the last: what surrounds serving.
//!
//! ```text
//!   before_serving ──▶ background tasks ──▶ serving ──▶ jobs ≤ background_timeout ──▶ after_serving
//!        │ fails                              ▲               │ then cancelled, named, joined
//!        ▼                                    │               ▼
//!      error; nothing has listened       the app's nursery is open
//! ```
//!
//! The app's nursery is open from before the first hook until the last job has ended, so hooks before
//! serving may add jobs. The hooks after serving run outside of it: the cancellation of leftovers is
//! none of theirs.
//!
//! L1. Each phase waits for its own leftovers before the next begins, [`GRACE`] at most: what holds
//!     longer (a closure that blocks for ever) is named, and does not keep the hooks after serving from
//!     running. It does keep the lifespan from ending.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum_core::BoxError;
use carafe_core::{ChildInfo, Failure, NurseryError, NurseryOptions, shutdown};
use carafe_rt::{Handle, Nursery};

use super::handle::{APP, AppHandle, Phase};
use super::hook::Hook;
use super::serve::ServeError;
use super::service::AppService;
use crate::error::Chain;

/// How long a phase waits for what it has cancelled.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// How long jobs may take after serving, if nobody says otherwise.
pub(super) const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(5);

/// What runs before and after serving.
pub(super) struct Hooks {
    pub(super) before_serving: Vec<Hook>,
    pub(super) after_serving: Vec<Hook>,
    pub(super) background: Vec<Hook>,
}

/// The patience of a lifespan.
pub(super) struct Patience<O> {
    /// How long jobs may take after serving.
    pub(super) background_timeout: Duration,
    /// Resolves when serving has been cancelled and should have ended.
    pub(super) overdue: O,
}

impl AppService {
    /// Starts the app, awaits `serving`, and brings the app to its end: the hooks before, the
    /// background tasks, `serving`, the jobs, the hooks after.
    ///
    /// [`App::serve`](crate::App::serve) does this around its server. It is for those who carry the
    /// service in a server of their own, and for tests.
    ///
    /// # Errors
    ///
    /// Where a hook has failed. If it was one before serving, `serving` was not polled.
    ///
    /// # Panics
    ///
    /// With the panic of `serving`. When the app was started before, and outside a run.
    ///
    /// # Cancel safety
    ///
    /// A scope around it that is cancelled cancels `serving` and the jobs, and waits for them; the
    /// hooks after serving do not run then.
    pub async fn lifespan<F: Future>(&self, serving: F) -> Result<F::Output, ServeError> {
        let overdue = std::future::pending();
        self.live(serving, Patience { background_timeout: BACKGROUND_TIMEOUT, overdue }).await
    }

    pub(super) async fn live<F, O>(
        &self,
        serving: F,
        patience: Patience<O>,
    ) -> Result<F::Output, ServeError>
    where
        F: Future,
        O: Future<Output = ()>,
    {
        // All that the app does, it does in tasks of this one.
        APP.scope(self.handle(), self.phases(serving, patience)).await
    }

    async fn phases<F, O>(&self, serving: F, patience: Patience<O>) -> Result<F::Output, ServeError>
    where
        F: Future,
        O: Future<Output = ()>,
    {
        let app = self.handle();
        let Some(hooks) = self.take_hooks() else { panic!("an app is started once") };
        let Hooks { before_serving, after_serving, background } = hooks;
        let stage = Arc::new(Stage::default());
        let jobs = NurseryOptions::new()
            .name("app")
            .supervised(report)
            .open(&Handle::current(), |nursery| {
                start(app.clone(), nursery, before_serving, background, stage.clone())
            });
        let mut jobs = pin!(jobs);
        let _over = Over(&app);
        if let Some(ended) = join_or(jobs.as_mut(), stage.started()).await {
            return Err(not_started(ended));
        }

        let mut serving = pin!(serving);
        let (served, cut_short) =
            serve_or_overdue(serving.as_mut(), patience.overdue, jobs.as_mut()).await;
        app.enter(Phase::Over);
        if served.is_none() {
            shutdown::begin_cancelling();
            tracing::warn!(
                "requests were cancelled and are still held up; the app ends without them"
            );
        }

        stage.close();
        let joined = match cut_short {
            Some(ended) => Some(ended),
            None => end_jobs(&app, jobs.as_mut(), patience.background_timeout).await,
        };
        // Whoever cancels from outside does not wait for hooks; our own cancelling of jobs whose
        // nursery has no body left is not an error.
        if let Some(Err(NurseryError::Cancelled(_))) = joined {
            return Err(ServeError::cancelled());
        }

        let failure = call_each(after_serving, &app).await;
        if joined.is_none() {
            // The jobs that hold; what they come to was reported to the supervisor.
            let _ = jobs.await;
        }
        let value = match served {
            Some(value) => value,
            None => serving.await,
        };
        failure.map_or(Ok(value), Err)
    }
}

/// However the lifespan ends, the app serves no more.
struct Over<'a>(&'a AppHandle);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.enter(Phase::Over);
        self.0.jobs().close();
    }
}

/// The body of the app's nursery: starts the app, then keeps the nursery open.
async fn start(
    app: AppHandle,
    nursery: Nursery<BoxError>,
    before_serving: Vec<Hook>,
    background: Vec<Hook>,
    stage: Arc<Stage>,
) -> Result<(), BoxError> {
    app.enter(Phase::Starting);
    app.jobs().open(nursery);
    for hook in before_serving {
        let function = hook.function();
        let outcome = hook.call(app.clone()).await;
        outcome.map_err(|source| ServeError::hook(function, source))?;
    }
    for task in background {
        task.in_background(&app);
    }
    app.enter(Phase::Serving);
    stage.is_started.store(true, Ordering::Relaxed);
    stage.closing().await;
    Ok(())
}

/// Where the nursery's body and the lifespan around it stand. They are polled by one task, the body
/// first, so they need no wakers to tell each other.
#[derive(Default)]
struct Stage {
    is_started: AtomicBool,
    is_closing: AtomicBool,
}

impl Stage {
    fn started(&self) -> impl Future<Output = ()> {
        until(&self.is_started)
    }

    fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    fn closing(&self) -> impl Future<Output = ()> {
        until(&self.is_closing)
    }
}

fn until(flag: &AtomicBool) -> impl Future<Output = ()> {
    poll_fn(|_| if flag.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending })
}

/// What the app's nursery comes to.
type Ended = Result<(), NurseryError<BoxError>>;

/// Awaits the nursery, or `limit`.
async fn join_or<J, L>(mut jobs: Pin<&mut J>, limit: L) -> Option<Ended>
where
    J: Future<Output = Ended>,
    L: Future<Output = ()>,
{
    let mut limit = pin!(limit);
    poll_fn(|cx| match jobs.as_mut().poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Some(ended)),
        Poll::Pending => limit.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Awaits `serving`, or that it is overdue. The nursery has nothing to say meanwhile, unless somebody
/// outside cancels everything.
async fn serve_or_overdue<F, O, J>(
    mut serving: Pin<&mut F>,
    overdue: O,
    mut jobs: Pin<&mut J>,
) -> (Option<F::Output>, Option<Ended>)
where
    F: Future,
    O: Future<Output = ()>,
    J: Future<Output = Ended>,
{
    let mut overdue = pin!(overdue);
    let mut cut_short = None;
    let served = poll_fn(|cx| {
        if cut_short.is_none()
            && let Poll::Ready(ended) = jobs.as_mut().poll(cx)
        {
            cut_short = Some(ended);
        }
        match serving.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => overdue.as_mut().poll(cx).map(|()| None),
        }
    });
    (served.await, cut_short)
}

/// Waits for the jobs; what takes too long is cancelled, and named.
async fn end_jobs<J>(app: &AppHandle, mut jobs: Pin<&mut J>, patience: Duration) -> Option<Ended>
where
    J: Future<Output = Ended>,
{
    let ended = join_or(jobs.as_mut(), carafe_rt::sleep(patience)).await;
    if ended.is_some() {
        return ended;
    }
    shutdown::begin_cancelling();
    for job in app.jobs().alive() {
        tracing::warn!("job {job} has not ended {patience:?} after serving; it is cancelled");
    }
    app.jobs().cancel();
    let ended = join_or(jobs, carafe_rt::sleep(GRACE)).await;
    if ended.is_none() {
        for job in app.jobs().alive() {
            tracing::warn!("job {job} was cancelled and is still held up; the app ends without it");
        }
    }
    ended
}

/// Calls the hooks after serving, all of them, and gives the first failure.
async fn call_each(hooks: Vec<Hook>, app: &AppHandle) -> Option<ServeError> {
    let mut first = None;
    for hook in hooks {
        let function = hook.function();
        if let Err(source) = hook.call_in_time(app.clone()).await {
            tracing::error!(hook = function, "a hook after serving failed: {}", Chain(&*source));
            first = first.or(Some(ServeError::hook(function, source)));
        }
    }
    first
}

/// Why the app has not started.
fn not_started(ended: Ended) -> ServeError {
    match ended {
        Err(NurseryError::Failed(errors)) => match errors.into_first().downcast() {
            Ok(error) => *error,
            Err(other) => ServeError::hook("before_serving", other),
        },
        Ok(()) | Err(NurseryError::Cancelled(_)) => ServeError::cancelled(),
    }
}

/// The supervisor of the jobs: each is on its own.
fn report(job: &ChildInfo, failure: Failure<BoxError>) {
    match failure {
        Failure::Error(error) => tracing::error!("job {job} failed: {}", Chain(&*error)),
        Failure::Panic(payload) => {
            let text = payload
                .downcast_ref::<&'static str>()
                .copied()
                .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("(a payload that is no text)");
            tracing::error!("job {job} panicked: {text}");
        }
    }
}
