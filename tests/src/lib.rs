//! What the programs under test share.
//!
//! They are in `src/bin/`, with every loop compiled in; the tests that drive them are in `tests/`.

#![forbid(unsafe_code)]

/// Answers with the run's nurseries and tasks.
pub async fn live() -> String {
    carafe::live_tree().expect("a handler belongs to a run")
}
