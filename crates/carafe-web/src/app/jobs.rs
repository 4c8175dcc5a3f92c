//! Work that outlives the request that asked for it.

use std::any::type_name;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum_core::BoxError;
use carafe_core::Closed;
use carafe_rt::Nursery;
use pin_project_lite::pin_project;

use super::outcome::JobOutcome;

/// The app's nursery: jobs live in it until they end, whatever becomes of the request that added
/// them. When the app comes to its end, it waits for them.
///
/// It supervises: a job that fails or panics is logged with its name, and the others live on.
///
/// # Examples
///
/// ```
/// use carafe_web::AppHandle;
///
/// async fn work() {}
///
/// async fn start(app: AppHandle) -> (&'static str, u16) {
///     app.nursery().spawn(work());
///     ("Started", 201)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct AppNursery {
    jobs: Arc<Jobs>,
}

impl AppNursery {
    pub(super) fn new(jobs: Arc<Jobs>) -> Self {
        AppNursery { jobs }
    }

    /// Adds a job; its name in the log is that of its type.
    ///
    /// # Panics
    ///
    /// When the app does not serve: it has not started, or its nursery has ended.
    #[track_caller]
    pub fn spawn<F>(&self, job: F)
    where
        F: Future<Output: JobOutcome> + Send + 'static,
    {
        self.named(name_of::<F>()).spawn(job);
    }

    /// Adds a job if the app serves.
    ///
    /// # Errors
    ///
    /// Gives the job back, unpolled, where [`spawn`](AppNursery::spawn) panics.
    #[track_caller]
    pub fn try_spawn<F>(&self, job: F) -> Result<(), Closed<F>>
    where
        F: Future<Output: JobOutcome> + Send + 'static,
    {
        self.named(name_of::<F>()).try_spawn(job)
    }

    /// Names the job that is added next, in the log and the live tree.
    pub fn named(&self, name: impl Into<Cow<'static, str>>) -> JobSpawner<'_> {
        JobSpawner { jobs: &self.jobs, name: name.into() }
    }

    /// How many jobs are alive.
    pub fn live(&self) -> usize {
        self.jobs.lock().alive.len()
    }
}

/// Adds a named job; made by [`AppNursery::named`].
#[derive(Debug)]
pub struct JobSpawner<'a> {
    jobs: &'a Arc<Jobs>,
    name: Cow<'static, str>,
}

impl JobSpawner<'_> {
    /// Adds the job; see [`AppNursery::spawn`].
    ///
    /// # Panics
    ///
    /// When the app does not serve.
    #[track_caller]
    pub fn spawn<F>(self, job: F)
    where
        F: Future<Output: JobOutcome> + Send + 'static,
    {
        if self.try_spawn(job).is_err() {
            panic!("a job for an app that does not serve; `try_spawn` tells instead of panicking");
        }
    }

    /// Adds the job if the app serves; see [`AppNursery::try_spawn`].
    ///
    /// # Errors
    ///
    /// Gives the job back, unpolled, when the app does not serve.
    #[track_caller]
    pub fn try_spawn<F>(self, job: F) -> Result<(), Closed<F>>
    where
        F: Future<Output: JobOutcome> + Send + 'static,
    {
        let Some(nursery) = self.jobs.nursery() else { return Err(Closed(job)) };
        let place = self.jobs.enter(self.name.clone(), Location::caller());
        let child = Job { job, place };
        nursery.named(self.name).try_spawn(child).map_err(|Closed(child)| Closed(child.job))
    }
}

/// The jobs of an app.
#[derive(Debug, Default)]
pub(super) struct Jobs(Mutex<State>);

#[derive(Default)]
struct State {
    /// `None` before the app starts and after its end.
    nursery: Option<Nursery<BoxError>>,
    /// In the order of their start.
    alive: BTreeMap<u64, Alive>,
    next: u64,
}

/// A job that has not ended.
#[derive(Debug, Clone)]
pub(super) struct Alive {
    name: Cow<'static, str>,
    location: &'static Location<'static>,
}

impl fmt::Display for Alive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({}:{})", self.name, self.location.file(), self.location.line())
    }
}

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nursery(&self) -> Option<Nursery<BoxError>> {
        self.lock().nursery.clone()
    }

    /// From here on jobs can be added.
    pub(super) fn open(&self, nursery: Nursery<BoxError>) {
        let old = self.lock().nursery.replace(nursery);
        drop(old);
    }

    /// Cancels the jobs that are alive.
    pub(super) fn cancel(&self) {
        if let Some(nursery) = self.nursery() {
            nursery.cancel_with("the app ends");
        }
    }

    /// From here on none can be added.
    pub(super) fn close(&self) {
        let old = self.lock().nursery.take();
        drop(old);
    }

    /// The jobs that have not ended.
    pub(super) fn alive(&self) -> Vec<Alive> {
        self.lock().alive.values().cloned().collect()
    }

    fn enter(
        self: &Arc<Self>,
        name: Cow<'static, str>,
        location: &'static Location<'static>,
    ) -> Place {
        let mut state = self.lock();
        let key = state.next;
        state.next += 1;
        state.alive.insert(key, Alive { name, location });
        drop(state);
        Place { jobs: self.clone(), key }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.alive.values()).finish()
    }
}

pin_project! {
    /// A job as a child of the nursery.
    struct Job<F> {
        #[pin]
        job: F,
        // Dropped after the job: what is not alive any more has let go of everything.
        place: Place,
    }
}

impl<F: Future<Output: JobOutcome>> Future for Job<F> {
    type Output = Result<(), BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().job.poll(cx).map(JobOutcome::into_result)
    }
}

/// A job's place in the list of those alive.
struct Place {
    jobs: Arc<Jobs>,
    key: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let gone = self.jobs.lock().alive.remove(&self.key);
        drop(gone);
    }
}

/// The name of a future's type, which for an `async fn` is that of the function.
fn name_of<F>() -> &'static str {
    let name = type_name::<F>();
    name.strip_suffix("::{{closure}}").unwrap_or(name)
}
