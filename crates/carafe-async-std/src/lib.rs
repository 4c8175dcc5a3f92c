//! Carafe's backend for async-std.
