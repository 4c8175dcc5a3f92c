//! The deterministic backend: one thread, a virtual clock, a seeded scheduler, a network in memory.
//!
//! [`Sim::seeded`] and [`Sim::fifo`] make a recipe, a [`SimLoop`]; entering it gives a [`Sim`] to
//! those inside. Everything that happens in a run is a function of the recipe and of the program:
//!
//! - One thing runs at a time. The scheduler picks the next of those that are ready, in their order
//!   of arrival or as the seed says; a closure for a thread is such a thing too, and the loop stands
//!   still while it runs.
//! - Time moves only when nothing is ready, and then to the next deadline at once.
//! - Random numbers come from the seed, ports from a counter, connections from memory.
//! - When nothing is ready, no deadline is pending and nobody outside is expected to wake a task,
//!   the run ends with a report of who was still alive: [`EnterError::Deadlock`].
//!
//! ```
//! use std::time::Duration;
//! use carafe_core::rt::{Clock, Enter};
//! use carafe_sim::Sim;
//!
//! let day = Duration::from_secs(24 * 60 * 60);
//! let slept = Sim::seeded(7).block_on(|sim| async move {
//!     let start = sim.now();
//!     sim.sleep_until(start + day).await;
//!     sim.now() - start
//! });
//! assert_eq!(slept.unwrap(), day);
//! ```
//!
//! # What it cannot tame
//!
//! Threads that the program starts by itself, real clocks and real sockets. A thread that wakes a
//! task should be announced with [`Sim::expect_outside`]. A closure on a thread that waits for
//! another part of the program is noticed by the loop's patience alone: see [`SimLoop::patience`].
//!
//! [`EnterError::Deadlock`]: carafe_core::rt::EnterError::Deadlock
#![forbid(unsafe_code)]

mod enter;
mod sim;

mod executor;
mod scheduler;
mod task;

mod blocking;
mod clock;
mod net;
mod random;
mod signals;

pub use clock::SimSleep;
pub use enter::SimLoop;
pub use net::{SimListener, SimStream};
pub use scheduler::Outside;
pub use signals::SimSignals;
pub use sim::Sim;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks what no user code runs under: a panic elsewhere leaves it as it should be.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
