//! Events to order a test by, and a trace of what has happened.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use event_listener::Event;

/// Counts how often something has happened; whoever waits for it goes on then.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    shared: Arc<(AtomicUsize, Event)>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Gate::default()
    }

    /// It has happened (once more).
    pub(crate) fn open(&self) {
        self.shared.0.fetch_add(1, Ordering::SeqCst);
        self.shared.1.notify(usize::MAX);
    }

    /// How often it has happened.
    pub(crate) fn count(&self) -> usize {
        self.shared.0.load(Ordering::SeqCst)
    }

    /// Waits until it has happened.
    pub(crate) async fn wait(&self) {
        self.wait_for(1).await;
    }

    /// Waits until it has happened `times` times.
    pub(crate) async fn wait_for(&self, times: usize) {
        while self.count() < times {
            let listener = self.shared.1.listen();
            if self.count() < times {
                listener.await;
            }
        }
    }

    /// Opens the gate when the result is dropped.
    pub(crate) fn on_drop(&self) -> OnDrop {
        OnDrop(self.clone())
    }
}

/// Made by [`Gate::on_drop`].
pub(crate) struct OnDrop(Gate);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// What has happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Trace {
    events: Arc<Mutex<Vec<String>>>,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Trace::default()
    }

    pub(crate) fn add(&self, event: impl Into<String>) {
        self.events.lock().unwrap().push(event.into());
    }

    pub(crate) fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }
}
