//! The contract between Carafe and an event loop.
//!
//! A backend is a **value**: cheap to clone, `Send` and `Sync`, so that two loops can live in one
//! process and a test can pass a wrapped one. It implements the capability traits below and never
//! the semantics above them: nurseries, cancellation and deadlines are written once, in this crate,
//! and use a backend only through these traits.
//!
//! | capability | what the loop gives |
//! |---|---|
//! | [`Spawn`] | one detached task |
//! | [`Clock`] | the time, and a named future that ends at a given time |
//! | [`Random`] | random bytes |
//! | [`Blocking`] | a thread for a closure that blocks |
//! | [`Net`] | TCP: bind, connect, resolve |
//!
//! Together they are [`Runtime`]. [`Signals`] stands apart: not every loop has a process around it.
//! [`Enter`] stands apart too, because a loop is entered once and by one thread, while a runtime
//! value is shared by everything inside.
//!
//! Every promise in the documentation of a method (what a drop, a panic, an error does) is one case
//! of the conformance suite.

mod blocking;
mod clock;
mod enter;
mod net;
mod random;
mod signals;
mod spawn;
mod stream;

pub use blocking::{Blocking, Job};
pub use clock::{Clock, Sleep};
pub use enter::{Enter, EnterError};
pub use net::{ConnectOptions, ListenOptions, Listener, Net};
pub use random::Random;
pub use signals::{Signal, SignalStream, Signals};
pub use spawn::{Meta, Spawn};
pub use stream::{ByteStream, ReadBuf};

use std::fmt::Debug;

/// An event loop, as a value that its tasks share.
pub trait Runtime:
    Spawn + Clock + Random + Blocking + Net + Clone + Debug + Send + Sync + 'static
{
    /// The backend's name, as features and `CARAFE_RUNTIME` spell it: `"tokio"`, `"smol"` …
    fn name(&self) -> &'static str;
}
