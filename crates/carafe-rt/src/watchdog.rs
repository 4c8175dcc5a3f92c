//! What `#[carafe::test]` expands to: one test on one backend, with somebody watching it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::backend::Backend;
use crate::outcome::{self, Outcome};
use crate::run::try_run_on;

/// How long a test may take, if it does not say otherwise.
pub const PATIENCE: Option<Duration> = Some(Duration::from_secs(60));

/// How long a test that took too long may take to say which tasks live.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs `test` on `backend` on a thread of its own, and fails if it has not ended within `limit`.
///
/// The thread of a test that hangs is left behind: it cannot be stopped, and the other tests need
/// not suffer for it.
///
/// # Panics
///
/// With the panic of the test; with the error that it returned; when it takes too long.
pub fn test<F, M>(
    backend: fn() -> Backend,
    limit: Option<Duration>,
    test: impl FnOnce() -> F + Send + 'static,
) where
    F: Future<Output: Outcome<M>>,
{
    let watch = Arc::new(Watch::default());
    let (sender, receiver) = mpsc::channel();
    let watched = watch.clone();
    // The name is what a panic's message begins with.
    let name = thread::current().name().unwrap_or("test").to_owned();
    let body = thread::Builder::new().name(name).spawn(move || {
        let report = sender.clone();
        let main =
            async move { Watched { inner: test(), watch: watched, report, is_begun: false }.await };
        let ended = catch_unwind(AssertUnwindSafe(|| attempt(backend(), main)));
        // Nobody listens once the limit has passed.
        let _ = sender.send(Report::Ended(ended));
    });
    let body = body.expect("the system gives a thread for a test");
    let in_time = match limit {
        Some(limit) => receiver.recv_timeout(limit).ok(),
        None => receiver.recv().ok(),
    };
    let report = in_time.or_else(|| {
        watch.ask();
        receiver.recv_timeout(LAST_WORDS).ok()
    });
    let limit = limit.unwrap_or_default();
    match report {
        Some(Report::Ended(ended)) => {
            // It has nothing left to do than to end.
            let _ = body.join();
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(text)) => panic!("{text}"),
                Err(payload) => resume_unwind(payload),
            }
        }
        Some(Report::Alive(tree)) => {
            panic!("the test has not ended within {limit:?}; alive:\n{tree}")
        }
        None => panic!("the test has not ended within {limit:?}, and something blocks its loop"),
    }
}

/// What the test's thread says to the one that waits.
enum Report {
    Ended(thread::Result<Result<(), String>>),
    /// It was asked for the live tree.
    Alive(String),
}

fn attempt<F, M>(backend: Backend, main: F) -> Result<(), String>
where
    F: Future<Output: Outcome<M>>,
{
    match try_run_on(backend, main) {
        Ok(outcome) => match outcome.report() {
            Ok(code) if code == std::process::ExitCode::SUCCESS => Ok(()),
            Ok(code) => Err(format!("the test returned {code:?}")),
            Err(error) => Err(format!("error: {}", outcome::one_line(&*error))),
        },
        Err(error) => Err(format!("error: {}", outcome::one_line(&error))),
    }
}

/// How the waiting thread asks the test which tasks live.
#[derive(Default)]
struct Watch {
    state: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    is_asked: bool,
    waker: Option<Waker>,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.state.lock().expect("nothing panics under a watchdog's lock")
    }

    fn ask(&self) {
        let mut state = self.lock();
        state.is_asked = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether it was asked since the last time.
    fn take(&self) -> bool {
        std::mem::take(&mut self.lock().is_asked)
    }

    /// Wakes `waker` when it is asked.
    fn park(&self, waker: &Waker) {
        let mut state = self.lock();
        if state.is_asked {
            drop(state);
            waker.wake_by_ref();
        } else {
            state.waker = Some(waker.clone());
        }
    }
}

pin_project! {
    /// A test that can be asked which tasks live. Only its main future is asked, because that is the
    /// one place of the run that is certain to be there.
    struct Watched<F> {
        #[pin]
        inner: F,
        watch: Arc<Watch>,
        report: Sender<Report>,
        is_begun: bool,
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // Not in the first poll: only then the main task is in the tree, with what is in it.
        if std::mem::replace(this.is_begun, true) && this.watch.take() {
            let tree = carafe_core::live_tree().unwrap_or_default();
            // Who asked waits for a second only.
            let _ = this.report.send(Report::Alive(tree));
        }
        let polled = this.inner.poll(cx);
        if polled.is_pending() {
            this.watch.park(cx.waker());
        }
        polled
    }
}
