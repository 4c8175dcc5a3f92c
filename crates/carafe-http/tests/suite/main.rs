//! What the server does on the wire, on every loop.
//!
//! A case is a function that is generic over the runtime; `on_every_loop!` makes a test of it for
//! each: tokio with several threads and with one, smol, async-std, and the simulator with several
//! orders. Cases about time run in the simulator alone, where time is exact and passes at once.

#[macro_use]
mod loops;

mod gate;
mod harness;
mod log;
mod peer;
mod wspeer;

mod accepting;
mod disconnects;
mod draining;
mod limits;
mod panics;
mod requests;
mod services;
mod ws_closing;
mod ws_opening;
mod ws_talking;
