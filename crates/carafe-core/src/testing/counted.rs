//! A task that the virtual clock knows of.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use pin_project_lite::pin_project;

use super::timeline::Timeline;

pin_project! {
    /// Counts as busy from its making, while it is polled, and from a wake-up to the poll after it.
    pub(crate) struct Counted<F> {
        // None once it has ended.
        #[pin]
        task: Option<F>,
        bell: Arc<Bell>,
    }

    impl<F> PinnedDrop for Counted<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // First: those whom its end wakes are counted before it stops to count.
            this.task.set(None);
            this.bell.end();
        }
    }
}

impl<F> Counted<F> {
    pub(crate) fn new(timeline: Arc<Timeline>, task: F) -> Self {
        timeline.more_busy();
        let bell = Bell { timeline, state: AtomicU8::new(READY), waker: Mutex::new(None) };
        Counted { task: Some(task), bell: Arc::new(bell) }
    }
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        this.bell.begin_poll(cx.waker());
        let waker = Waker::from(this.bell.clone());
        let task = this.task.as_mut().as_pin_mut().expect("a task is polled until it has ended");
        let polled = task.poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            this.task.set(None);
            this.bell.end();
        } else {
            this.bell.end_poll();
        }
        polled
    }
}

/// Waits for a wake-up; does not count.
const IDLE: u8 = 0;
/// Was woken, or is new; counts.
const READY: u8 = 1;
/// Is being polled, and was not woken since that began; counts.
const POLLED: u8 = 2;
/// Has ended; does not count.
const ENDED: u8 = 3;

/// The task's waker, which counts.
struct Bell {
    timeline: Arc<Timeline>,
    state: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

impl Bell {
    fn begin_poll(&self, waker: &Waker) {
        let old = {
            let mut slot = self.waker.lock().expect("nothing panics under this lock");
            slot.replace(waker.clone())
        };
        drop(old);
        if self.state.swap(POLLED, Ordering::AcqRel) == IDLE {
            // The loop polls without a wake-up, as it may.
            self.timeline.more_busy();
        }
    }

    fn end_poll(&self) {
        let was = self.state.compare_exchange(POLLED, IDLE, Ordering::AcqRel, Ordering::Acquire);
        if was.is_ok() {
            self.timeline.less_busy();
        }
    }

    fn end(&self) {
        match self.state.swap(ENDED, Ordering::AcqRel) {
            READY | POLLED => self.timeline.less_busy(),
            _ => {}
        }
    }

    fn ring(&self) {
        let mut state = self.state.load(Ordering::Acquire);
        loop {
            if state == ENDED || state == READY {
                break;
            }
            // Counted before it is seen as ready: the clock must not move in between.
            if state == IDLE {
                self.timeline.more_busy();
            }
            match self.state.compare_exchange(state, READY, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(now) => {
                    if state == IDLE {
                        self.timeline.less_busy();
                    }
                    state = now;
                }
            }
        }
        let waker = self.waker.lock().expect("nothing panics under this lock").clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
