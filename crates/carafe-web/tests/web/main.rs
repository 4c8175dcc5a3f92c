//! The web framework's own tests: in memory where nothing is about the wire, on every backend where a
//! loop can make a difference.
#![allow(unreachable_pub, dead_code)] // The shared modules are public, and used in part.

mod kit;

// A client that shares no code with the server; carafe-http's tests have it.
#[path = "../../../carafe-http/tests/suite/gate.rs"]
mod gate;
#[path = "../../../carafe-http/tests/suite/log.rs"]
mod log;
#[path = "../../../carafe-http/tests/suite/peer.rs"]
mod peer;
#[path = "../../../carafe-http/tests/suite/wspeer.rs"]
mod wspeer;

mod errors;
mod extractors;
mod handlers;
mod jobs;
mod lifespan;
mod mistakes;
mod replies;
mod routing;
mod serving;
mod websockets;
