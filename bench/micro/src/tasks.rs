//! What the children do: the same on every loop and in every implementation.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use event_listener::Event;
use pin_project_lite::pin_project;

/// How long a child sleeps that is to be cancelled: nobody waits for it.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// What a child of some implementation returns. A type parameter of the children, because a wrapper
/// that turns one into the other would make ours larger than it is.
pub(crate) trait Outcome: Send + 'static {
    fn ok() -> Self;
}

impl Outcome for () {
    fn ok() -> Self {}
}

impl Outcome for Result<(), Infallible> {
    fn ok() -> Self {
        Ok(())
    }
}

/// Ends at once.
pub(crate) async fn trivial<T: Outcome>(i: usize) -> T {
    black_box(i);
    T::ok()
}

/// Suspends once, and asks at once to be polled again.
pub(crate) async fn suspend_once<T: Outcome>(i: usize) -> T {
    yield_now().await;
    black_box(i);
    T::ok()
}

/// Lets others run. Our own, because the loops' forms differ.
pub(crate) fn yield_now() -> impl Future<Output = ()> {
    let mut has_yielded = false;
    poll_fn(move |cx| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Takes a moment of a thread.
pub(crate) fn blocking(i: usize) -> usize {
    black_box(i)
}

/// Knows when all children have come as far as their sleep.
#[derive(Clone)]
pub(crate) struct Asleep(Arc<Count>);

struct Count {
    awake: AtomicUsize,
    all: Event,
}

impl Asleep {
    /// For so many children.
    pub(crate) fn new(n: usize) -> Self {
        Asleep(Arc::new(Count { awake: AtomicUsize::new(n), all: Event::new() }))
    }

    /// `sleep`, which reports when it is first polled.
    pub(crate) fn report<F: Future, T: Outcome>(&self, sleep: F) -> Reported<F, T> {
        Reported { sleep, asleep: Some(self.clone()), _outcome: PhantomData }
    }

    /// Waits until all sleep. It suspends: a loop of yields would be most of what is counted, for
    /// tokio looks at the queue that holds most of the children only now and then.
    pub(crate) async fn all(&self) {
        while self.0.awake.load(Ordering::Acquire) > 0 {
            let listener = self.0.all.listen();
            if self.0.awake.load(Ordering::Acquire) > 0 {
                listener.await;
            }
        }
    }
}

pin_project! {
    /// A sleep that reports. By hand: an async function would hold the sleep twice.
    pub(crate) struct Reported<F, T> {
        #[pin]
        sleep: F,
        asleep: Option<Asleep>,
        _outcome: PhantomData<fn() -> T>,
    }
}

impl<F: Future, T: Outcome> Future for Reported<F, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        if let Some(asleep) = this.asleep.take() {
            let Count { awake, all } = &*asleep.0;
            if awake.fetch_sub(1, Ordering::AcqRel) == 1 {
                all.notify(usize::MAX);
            }
        }
        this.sleep.poll(cx).map(|_| T::ok())
    }
}
