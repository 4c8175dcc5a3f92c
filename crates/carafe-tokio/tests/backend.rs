//! The tests that all real backends share, on tokio.

#[path = "../../carafe-async-io/tests/bodies/backend.rs"]
mod backend;

mod multi_thread {
    crate::backend::backend_tests!(carafe_tokio::Tokio::multi_thread().threads(2));
}

mod current_thread {
    crate::backend::backend_tests!(carafe_tokio::Tokio::current_thread());
}
