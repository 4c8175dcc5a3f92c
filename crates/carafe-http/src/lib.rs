//! An HTTP server that runs on any loop: hyper, with structured concurrency around it.
//!
//! [`Server`] serves any `tower_service::Service` over HTTP/1.1, on any
//! [`Runtime`](carafe_core::rt::Runtime). hyper reads and writes the protocol; what is around it is
//! this crate's:
//!
//! | | |
//! |---|---|
//! | the accept loop | survives running out of descriptors; one nursery child a connection, so many at a time |
//! | the slot | holds each handler, which hyper would drop: a client that leaves cancels its request's scope, a shield in it is honoured, a panic is a 500 |
//! | the drain | what is accepted is answered, WebSockets are told, and what takes too long is cancelled by name |
//! | [`ws`] | WebSockets: a handle that can be cloned into a set, bounded queues, and a pump in the connection's task |
//!
//! # Invariants
//!
//! - No task runs outside of a nursery of the server: when [`Server::serve`] has returned, nothing of
//!   it is left.
//! - hyper owns no future and no body of the app: only thin proxies to them.
//! - Nothing here knows which loop it runs on, reads a clock but the runtime's, or starts a thread.
//! - hyper, and the WebSocket codec, are nowhere in the public interface but in trait bounds.

#![deny(unsafe_code)]

mod alarm;
mod caught;
mod connect_info;
mod error;
mod incoming;
mod io;
mod server;
pub mod ws;

pub use connect_info::ConnectInfo;
pub use error::{BoxError, Error};
pub use incoming::Incoming;
pub use server::{Report, Server};
