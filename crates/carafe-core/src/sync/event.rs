use std::sync::atomic::{AtomicBool, Ordering};

use super::Spends;

/// Something that happens once, which any number of tasks wait for.
///
/// # Examples
///
/// ```
/// use carafe_core::sync::Event;
/// # use carafe_core::{Nursery, NurseryError, Runner, nursery};
/// # Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |rt| {
///
/// let is_ready = Event::new();
/// # let ended: Result<(), NurseryError<()>> =
/// nursery(&rt, async |n: &Nursery<_, _>| {
///     is_ready.set();
///     is_ready.wait().await;
///     assert!(is_ready.is_set());
///     Ok(())
/// })
/// # .await;
/// # ended.unwrap();
/// # }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct Event {
    is_set: AtomicBool,
    waiting: event_listener::Event,
}

impl Event {
    /// An event that has not happened.
    pub const fn new() -> Self {
        Event { is_set: AtomicBool::new(false), waiting: event_listener::Event::new() }
    }

    /// Says that it has happened, to all who wait and will wait. For good: a new round needs a new
    /// event, so that nobody misses one.
    pub fn set(&self) {
        self.is_set.store(true, Ordering::SeqCst);
        self.waiting.notify(usize::MAX);
    }

    /// Whether it has happened.
    pub fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }

    /// Waits until it has happened.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it: an event that has happened stays so.
    pub async fn wait(&self) {
        Spends::new(async {
            while !self.is_set() {
                let listener = self.waiting.listen();
                // It may have happened before we listened.
                if self.is_set() {
                    break;
                }
                listener.await;
            }
        })
        .await;
    }
}
