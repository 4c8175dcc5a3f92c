//! How work that nobody waits for ends.

use axum_core::BoxError;

use crate::never::Never;

/// What a job, a background task or a hook may return: nothing, or a `Result` whose error is
/// reported.
#[diagnostic::on_unimplemented(
    message = "a job cannot end with `{Self}`",
    label = "nobody is there to take this value",
    note = "jobs, background tasks and hooks end with `()`, or with `Result<(), E>` where `E` is an error"
)]
pub trait JobOutcome {
    /// The error, if there is one.
    ///
    /// # Errors
    ///
    /// What the job failed with.
    fn into_result(self) -> Result<(), BoxError>;
}

impl JobOutcome for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> JobOutcome for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

/// Work that never ends by itself: `async { loop { .. } }`.
impl JobOutcome for Never {
    fn into_result(self) -> Result<(), BoxError> {
        self
    }
}
