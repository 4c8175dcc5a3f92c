use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use carafe_core::rt::Runtime;
use futures_lite::FutureExt;

/// Never ends.
pub(crate) async fn forever<T>() -> T {
    std::future::pending().await
}

pub(crate) async fn sleep<R: Runtime>(rt: &R, duration: Duration) {
    rt.sleep_until(rt.now() + duration).await;
}

/// Awaits `future` and catches its panic.
pub(crate) async fn catch<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    AssertUnwindSafe(future).catch_unwind().await
}

/// The text that a panic was called with.
pub(crate) fn text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("not a text")
}

/// Counts how often a future is polled.
pub(crate) struct Counted<F> {
    future: Pin<Box<F>>,
    polls: Arc<AtomicUsize>,
}

impl<F: Future> Counted<F> {
    pub(crate) fn new(future: F, polls: &Arc<AtomicUsize>) -> Self {
        Counted { future: Box::pin(future), polls: polls.clone() }
    }
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        self.future.as_mut().poll(cx)
    }
}

/// Polls several futures to their ends, and of these only the ones that were woken: what
/// `FuturesUnordered` and a large `join_all` do.
#[derive(Default)]
pub(crate) struct OnlyWoken<'f> {
    children: Vec<Slot<'f>>,
}

struct Slot<'f> {
    future: Option<Pin<Box<dyn Future<Output = ()> + Send + 'f>>>,
    flag: Arc<Flag>,
}

struct Flag {
    is_woken: AtomicBool,
    parent: Mutex<Option<Waker>>,
}

impl<'f> OnlyWoken<'f> {
    pub(crate) fn with(mut self, future: impl Future<Output = ()> + Send + 'f) -> Self {
        let flag = Flag { is_woken: AtomicBool::new(true), parent: Mutex::default() };
        self.children.push(Slot { future: Some(Box::pin(future)), flag: Arc::new(flag) });
        self
    }
}

impl Future for OnlyWoken<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut is_over = true;
        for Slot { future, flag } in &mut self.children {
            *flag.parent.lock().expect("nothing panics under this lock") = Some(cx.waker().clone());
            let Some(pending) = future else { continue };
            if flag.is_woken.swap(false, Ordering::AcqRel) {
                let waker = Waker::from(flag.clone());
                if pending.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                    *future = None;
                    continue;
                }
            }
            is_over = false;
        }
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        let parent = self.parent.lock().expect("nothing panics under this lock").clone();
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}
