//! How a server tells its connections that it drains.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use event_listener::{Event, EventListener};

/// Set once, heard by every connection.
#[derive(Debug, Default)]
pub(super) struct Drain {
    has_begun: AtomicBool,
    event: Event,
}

impl Drain {
    /// Tells all connections, those of the future included.
    pub(super) fn begin(&self) {
        self.has_begun.store(true, Ordering::Release);
        self.event.notify(usize::MAX);
    }

    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Acquire)
    }

    /// Waits until it has begun.
    pub(super) async fn wait_begun(&self) {
        let mut watch = DrainWatch::default();
        poll_fn(|cx| if watch.poll_begun(self, cx) { Poll::Ready(()) } else { Poll::Pending })
            .await;
    }
}

/// One connection's ear.
#[derive(Debug, Default)]
pub(super) struct DrainWatch {
    listener: Option<EventListener>,
    /// The waker that the listener has: polling it takes a lock that all connections share, so it is
    /// polled only for a new one.
    waker: Option<Waker>,
}

impl DrainWatch {
    /// Whether the drain has begun; if not, the task is woken when it does.
    pub(super) fn poll_begun(&mut self, drain: &Drain, cx: &mut Context<'_>) -> bool {
        if drain.has_begun() {
            return true;
        }
        if self.waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            return false;
        }
        self.waker = Some(cx.waker().clone());
        let listener = self.listener.get_or_insert_with(|| drain.event.listen());
        // Listened before it is asked again: a beginning in between is not missed.
        match Pin::new(listener).poll(cx) {
            Poll::Ready(()) => true,
            Poll::Pending => drain.has_begun(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_beginning_wakes_whoever_watched_and_is_known_to_whoever_comes_later() {
        let drain = Drain::default();
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut cx = Context::from_waker(&waker);
        let mut watch = DrainWatch::default();
        assert!(!watch.poll_begun(&drain, &mut cx));
        assert!(!watch.poll_begun(&drain, &mut cx));
        drain.begin();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(watch.poll_begun(&drain, &mut cx));
        assert!(DrainWatch::default().poll_begun(&drain, &mut cx));
    }

    #[test]
    fn a_task_that_moved_is_woken_where_it_is() {
        let drain = Drain::default();
        let (old, new) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let mut watch = DrainWatch::default();
        watch.poll_begun(&drain, &mut Context::from_waker(&Waker::from(old.clone())));
        watch.poll_begun(&drain, &mut Context::from_waker(&Waker::from(new.clone())));
        drain.begin();
        assert_eq!(new.0.load(Ordering::Relaxed), 1);
    }
}
