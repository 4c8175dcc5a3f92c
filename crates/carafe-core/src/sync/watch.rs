//! The latest value, for any number of tasks.
//!
//! Who is slow misses values, and never the last one: for configuration, progress, states.
//!
//! ```
//! use carafe_core::sync::watch;
//! # carafe_core::Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |_| {
//!
//! let (sender, mut receiver) = watch::channel("starting");
//! assert_eq!(*receiver.latest(), "starting");
//! sender.send("ready");
//! sender.send("draining");
//! assert_eq!(receiver.changed().await.as_deref(), Ok(&"draining"));
//! # }).unwrap();
//! ```

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use super::Spends;
use crate::channel::End;

/// Makes a channel whose first value is `value`.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let state = State { value: Arc::new(value), version: 0, senders: 1 };
    let changed = event_listener::Event::new();
    let shared = Arc::new(Shared { state: Mutex::new(state), changed });
    (Sender { shared: shared.clone() }, Receiver { shared, seen: 0 })
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: event_listener::Event,
}

struct State<T> {
    /// Behind a pointer, so that nothing of the user's is called under the lock.
    value: Arc<T>,
    /// How often a value was sent.
    version: u64,
    senders: usize,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().expect("nothing panics under a watch's lock")
    }

    /// The latest value and its version, if it is another than `seen`; Err at the end.
    fn newer_than(&self, seen: u64) -> Option<Result<(Arc<T>, u64), End>> {
        let state = self.lock();
        if state.version != seen {
            return Some(Ok((state.value.clone(), state.version)));
        }
        (state.senders == 0).then_some(Err(End))
    }
}

/// The end where values go in; made by [`channel`]. Can be cloned.
///
/// # On drop
///
/// With the last sender the channel ends: who has not seen the latest value gets it, then [`End`].
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Replaces the value, and wakes who waits for another one. It never waits, and nobody needs to
    /// listen.
    pub fn send(&self, value: T) {
        let value = Arc::new(value);
        let old = {
            let mut state = self.shared.lock();
            state.version += 1;
            std::mem::replace(&mut state.value, value)
        };
        self.shared.changed.notify(usize::MAX);
        drop(old);
    }

    /// The latest value.
    pub fn latest(&self) -> Arc<T> {
        self.shared.lock().value.clone()
    }

    /// Another receiver, which has seen the latest value.
    pub fn subscribe(&self) -> Receiver<T> {
        let seen = self.shared.lock().version;
        Receiver { shared: self.shared.clone(), seen }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.lock().senders += 1;
        Sender { shared: self.shared.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.lock().senders -= 1;
        self.shared.changed.notify(usize::MAX);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("version", &self.shared.lock().version).finish()
    }
}

/// The end where values come out; made by [`channel`]. Can be cloned; the clone has seen the same.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The version of the value that [`Receiver::changed`] gave last.
    seen: u64,
}

impl<T> Receiver<T> {
    /// The latest value, whether it was seen before or not.
    pub fn latest(&self) -> Arc<T> {
        self.shared.lock().value.clone()
    }

    /// Waits for a value that was not seen yet, and gives the latest.
    ///
    /// # Errors
    ///
    /// [`End`] when the last sender is gone and its last value was seen.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has seen nothing: the value is there for the next call.
    pub async fn changed(&mut self) -> Result<Arc<T>, End> {
        let shared = &self.shared;
        let seen = self.seen;
        let (value, version) = Spends::new(async {
            loop {
                if let Some(newer) = shared.newer_than(seen) {
                    return newer;
                }
                let listener = shared.changed.listen();
                // It may have been sent before we listened.
                if let Some(newer) = shared.newer_than(seen) {
                    return newer;
                }
                listener.await;
            }
        })
        .await?;
        self.seen = version;
        Ok(value)
    }

    /// Whether there is a value that [`changed`](Receiver::changed) would give at once.
    pub fn has_changed(&self) -> bool {
        self.shared.lock().version != self.seen
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receiver { shared: self.shared.clone(), seen: self.seen }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("seen", &self.seen).finish_non_exhaustive()
    }
}
