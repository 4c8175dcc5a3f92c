//! The suite that certifies a backend of Carafe.
//!
//! Each promise of the [contract](carafe_core::rt) and each law of structured concurrency is one
//! case: a plain function, generic over the backend, named as the claim that it holds. A backend's
//! crate mounts all of them with one line in a test of its own:
//!
//! ```ignore
//! // In the backend's `tests/conformance.rs`:
//! carafe_conformance::conformance!(two_threads, || MyLoop::with_threads(2));
//! ```
//!
//! That makes one `#[test]` for each case, in a module for each chapter, under a watchdog; and one,
//! `skips_are_listed`, that reports what was left out. [`conformance!`] tells how to leave something
//! out, which is never silent.
//!
//! Chapters are grouped by [`Level`], so that a loop without sockets, say, can be certified for the
//! rest. Cases that are about time run on virtual time, on every loop:
//! [`Virtual`](carafe_core::testing::Virtual) wraps the recipe. So no case sleeps, except those of
//! [`clock`], which are about the loop's own clock and short.
#![forbid(unsafe_code)]

mod backend;
mod mount;
mod table;

pub use backend::{Backend, Recipe};
pub use mount::{Case, Level, Mount, Skip};
pub use table::CASES;

pub mod blocking;
pub mod clock;
pub mod enter;
pub mod net;
pub mod random;
pub mod spawn;

pub mod adoption;
pub mod cancel;
pub mod channel;
pub mod deadline;
pub mod errors;
pub mod finally;
pub mod join;
pub mod limiter;
pub mod locals;
pub mod nursery;
pub mod panics;
pub mod run;
pub mod shield;
pub mod shutdown;
pub mod start;
pub mod sync;
pub mod task;
pub mod threads;

mod kit;
