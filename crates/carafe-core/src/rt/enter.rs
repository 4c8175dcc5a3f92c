use std::fmt;
use std::future::Future;

use super::Runtime;

/// Starts a loop on the calling thread.
///
/// Entering is apart from [`Runtime`] because it happens once: a value that implements `Enter` is a
/// recipe (how many threads, which seed), a [`Runtime`] is the loop that runs.
pub trait Enter: Sized {
    /// The runtime that the loop gives to those inside.
    type Runtime: Runtime;

    /// Starts the loop, calls `main` with its runtime, and polls the future to its end on this
    /// thread. Other threads of the loop, if it has any, are stopped and joined before this returns.
    ///
    /// # Errors
    ///
    /// [`EnterError::Inside`] where a loop of this kind already runs on this thread,
    /// [`EnterError::System`] where the operating system refuses what the loop needs. `main` was not
    /// called then.
    ///
    /// # Panics
    ///
    /// Passes on the panic of `main` or of its future.
    fn block_on<M, F>(self, main: M) -> Result<F::Output, EnterError>
    where
        M: FnOnce(Self::Runtime) -> F,
        F: Future;
}

/// Why a loop could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum EnterError {
    /// The calling thread is inside a loop already.
    Inside,
    /// The operating system refused threads, descriptors or memory.
    System(std::io::Error),
    /// Everything is blocked and nothing is left that could wake it; the text says who waits where.
    /// Only loops that can know this report it.
    Deadlock(String),
}

impl fmt::Display for EnterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnterError::Inside => f.write_str("this thread is inside an event loop already"),
            EnterError::System(_) => f.write_str("cannot start the event loop"),
            EnterError::Deadlock(report) => {
                write!(f, "every task is blocked and nothing can wake one\n{report}")
            }
        }
    }
}

impl std::error::Error for EnterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            EnterError::System(error) => Some(error),
            EnterError::Inside | EnterError::Deadlock(_) => None,
        }
    }
}
