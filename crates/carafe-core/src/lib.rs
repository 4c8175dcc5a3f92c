//! The contract of an event loop, and structured concurrency written once on top of it.
//!
//! [`rt`] is the contract: small capability traits that a backend implements and that sum up to
//! [`rt::Runtime`]. Everything else in this crate is written against that contract alone, so it
//! means the same on every loop.

pub mod rt;
