//! What a main function may return, and what becomes of it.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use carafe_core::RunError;

/// What a main function or a test may return: nothing, an [`ExitCode`], or a `Result` of these whose
/// error is an [`Error`], a boxed one, or a text.
///
/// `M` is inferred. It tells apart the errors that convert to a `Box<dyn Error>` from the one that
/// should and does not, `Box<dyn Error + Send + Sync>`.
#[diagnostic::on_unimplemented(
    message = "a main function or a test cannot return `{Self}`",
    label = "returns `{Self}`",
    note = "it may return nothing, an `ExitCode`, or a `Result` of these whose error implements `Error`"
)]
pub trait Outcome<M> {
    /// The exit code, or the error to print.
    ///
    /// # Errors
    ///
    /// The error that was returned.
    fn report(self) -> Result<ExitCode, Box<dyn Error>>;
}

impl Outcome<()> for () {
    fn report(self) -> Result<ExitCode, Box<dyn Error>> {
        Ok(ExitCode::SUCCESS)
    }
}

impl Outcome<()> for ExitCode {
    fn report(self) -> Result<ExitCode, Box<dyn Error>> {
        Ok(self)
    }
}

impl Outcome<()> for Infallible {
    fn report(self) -> Result<ExitCode, Box<dyn Error>> {
        match self {}
    }
}

/// Marks an error that converts.
#[derive(Debug)]
pub enum Converts {}

/// Marks the error that is boxed already.
#[derive(Debug)]
pub enum IsBoxed {}

impl<T, M, E> Outcome<(M, Converts)> for Result<T, E>
where
    T: Outcome<M>,
    E: Into<Box<dyn Error>>,
{
    fn report(self) -> Result<ExitCode, Box<dyn Error>> {
        self.map_err(Into::into)?.report()
    }
}

impl<T, M> Outcome<(M, IsBoxed)> for Result<T, Box<dyn Error + Send + Sync>>
where
    T: Outcome<M>,
{
    fn report(self) -> Result<ExitCode, Box<dyn Error>> {
        match self {
            Ok(value) => value.report(),
            Err(error) => Err(error),
        }
    }
}

/// An error that is not the program's: whoever started it asked for what cannot be, a port in use or
/// a setting that makes no sense. It reads like the error inside; a program that ends with one, as
/// the error or as a source of it, exits with 2.
#[derive(Debug)]
pub struct Misuse(Box<dyn Error + Send + Sync>);

impl Misuse {
    /// Says that `error` is the fault of whoever started the program.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Misuse(error.into())
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Misuse {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// The exit code of a program that ends with `error`.
pub(crate) fn exit_code(error: &(dyn Error + 'static)) -> u8 {
    let is_misuse = chain(error)
        .any(|error| error.is::<Misuse>() || error.downcast_ref().is_some_and(RunError::is_misuse));
    if is_misuse { 2 } else { 1 }
}

/// `error` and its sources, on one line.
pub(crate) fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut line = String::new();
    for error in chain(error) {
        let text = error.to_string();
        // Many errors print their source as well; once is enough.
        if line.ends_with(&text) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&text);
    }
    line
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
