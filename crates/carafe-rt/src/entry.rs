//! Where a process begins and ends: exit codes, the line on stderr, the hard stop.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use crate::backend::Backend;
use crate::outcome::{self, Outcome};
use crate::run::try_run_with;

/// How long a cancelled run may hold before the process ends all the same.
const HARD_STOP: Duration = Duration::from_secs(5);

/// Runs a program's main future and makes its end an exit code: what `#[carafe::main]` expands to.
///
/// It differs from [`run`](crate::run) in what only a whole process can do. An error becomes one line
/// on stderr and the exit code 1, or 2 for a [`Misuse`](crate::Misuse) and where there is no backend
/// to run on. And there is a hard stop: a run waits for whatever holds, for ever if need be; an entry
/// point waits 5 s after cancelling began, prints the tasks that live, and ends the process.
///
/// # Examples
///
/// ```
/// use std::process::ExitCode;
///
/// use carafe_rt::{Backend, EntryPoint};
///
/// fn main() -> ExitCode {
///     EntryPoint::new().backend(Backend::smol()).run(async {
///         println!("on {}", carafe_rt::Handle::current().name());
///     })
/// }
/// ```
#[derive(Debug)]
#[must_use = "an entry point does nothing before `run`"]
pub struct EntryPoint {
    backend: Option<Backend>,
    hard_stop: Option<Duration>,
}

impl EntryPoint {
    /// An entry point with the default hard stop, on the backend that `CARAFE_RUNTIME` names, or else
    /// the only compiled one.
    pub const fn new() -> Self {
        EntryPoint { backend: None, hard_stop: Some(HARD_STOP) }
    }

    /// Chooses the backend, whatever `CARAFE_RUNTIME` says.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Sets how long a cancelled run may hold before the process ends; `None` waits for ever.
    pub fn hard_stop(mut self, after: Option<Duration>) -> Self {
        self.hard_stop = after;
        self
    }

    /// Runs `main` to its end and says with which code the process should exit.
    ///
    /// # Panics
    ///
    /// With the panic of `main`.
    #[track_caller]
    pub fn run<F, M>(self, main: F) -> ExitCode
    where
        F: Future<Output: Outcome<M>>,
    {
        let backend = match self.backend {
            Some(backend) => Ok(backend),
            None => Backend::from_env_or_only(),
        };
        // Not `and_then`: the run's place in the live tree would be inside it.
        let ended = match backend {
            Ok(backend) => try_run_with(backend, self.hard_stop, main),
            Err(error) => Err(error),
        };
        match ended {
            Ok(outcome) => match outcome.report() {
                Ok(code) => code,
                Err(error) => fail(&*error),
            },
            Err(error) => fail(&error),
        }
    }
}

impl Default for EntryPoint {
    fn default() -> Self {
        Self::new()
    }
}

fn fail(error: &(dyn Error + 'static)) -> ExitCode {
    let line = outcome::one_line(error);
    // Where stderr is closed, the exit code alone has to tell.
    let _ = writeln!(std::io::stderr(), "error: {line}");
    ExitCode::from(outcome::exit_code(error))
}
