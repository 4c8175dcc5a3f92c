use std::fmt;
use std::io;

use crate::cancel::Cause;

/// Why a run has no value to return.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// The run was cancelled before `main` had ended.
    Cancelled(Cause),
    /// `run` was called inside an event loop, which it would block.
    FromInside,
    /// No backend could be chosen; the text says why and what to do.
    NoBackend(String),
    /// The operating system refused what the loop needs.
    System(io::Error),
    /// Everything is blocked and nothing could wake it; the text says who waits where.
    Deadlock(String),
}

impl RunError {
    /// Whether the program was started wrongly, rather than that something went wrong in it.
    pub fn is_misuse(&self) -> bool {
        matches!(self, RunError::FromInside | RunError::NoBackend(_))
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Cancelled(cause) => write!(f, "the run was cancelled: {cause}"),
            RunError::FromInside => f.write_str(
                "`run` was called from inside an event loop, which it would block: await instead",
            ),
            RunError::NoBackend(why) => f.write_str(why),
            RunError::System(_) => f.write_str("cannot start the event loop"),
            RunError::Deadlock(report) => {
                write!(f, "every task is blocked and nothing can wake one\n{report}")
            }
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RunError::System(error) => Some(error),
            _ => None,
        }
    }
}
