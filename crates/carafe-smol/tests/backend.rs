//! The tests that all real backends share, on smol.

#[path = "../../carafe-async-io/tests/bodies/backend.rs"]
mod backend;

mod multi_thread {
    crate::backend::backend_tests!(carafe_smol::Smol::multi_thread().threads(3));
}

mod current_thread {
    crate::backend::backend_tests!(carafe_smol::Smol::current_thread());
}
