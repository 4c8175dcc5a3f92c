//! The web framework's own tests: in memory where nothing is about the wire, on every backend where a
//! loop can make a difference.

mod kit;

mod routing;
