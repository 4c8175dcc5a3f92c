//! The tests that all real backends share, on async-std.

#[path = "../../carafe-async-io/tests/bodies/backend.rs"]
mod backend;

backend::backend_tests!(carafe_async_std::AsyncStd::global());
