//! What all servers are told, and what they answer.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};

/// The answer.
pub const HELLO: &str = "Hello, World!";

/// Where to listen: on the port that `PORT` says.
///
/// # Panics
///
/// If it does not say one.
pub fn address() -> SocketAddr {
    let port = env::var("PORT").ok().and_then(|port| port.parse().ok());
    SocketAddr::from((Ipv4Addr::LOCALHOST, port.expect("PORT is the port to listen on")))
}

/// How many threads poll tasks: as `THREADS` says, or one.
///
/// # Panics
///
/// If it says something else.
pub fn threads() -> usize {
    env::var("THREADS").map_or(1, |threads| threads.parse().expect("THREADS is a number"))
}
