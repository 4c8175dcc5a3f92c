//! What a handler says when it cannot answer as asked.

mod page;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum_core::BoxError;
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;

/// The result of a handler that can fail.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// A failure with the status that the client is told.
///
/// Every error of other crates becomes one through `?`: with status 500, and itself as the source,
/// which is logged and never shown to the client. For that to be possible `Error` itself does not
/// implement [`std::error::Error`]; it converts into a boxed one.
///
/// # Examples
///
/// ```
/// use carafe_web::{Path, Result, abort};
///
/// async fn half(Path(n): Path<u32>) -> Result<String> {
///     if n % 2 != 0 {
///         return Err(abort(409).because("that is odd"));
///     }
///     Ok((n / 2).to_string())
/// }
///
/// async fn sum(body: String) -> Result<String> {
///     let sum: i64 = body.parse::<i64>()? + 1; // not a number: 500
///     Ok(sum.to_string())
/// }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    status: StatusCode,
    /// What the client reads; the status's own sentence if there is none.
    reason: Option<Cow<'static, str>>,
    source: Option<BoxError>,
    /// The answer as a whole, where somebody has made it. The mutex is there for `Sync` alone.
    response: Mutex<Option<Response>>,
}

/// Makes the error that answers with `status`: `return Err(abort(404))`.
///
/// A number that is no HTTP status is a bug of the caller; it is logged, and answered with 500.
pub fn abort(status: u16) -> Error {
    Error::new(status_or_500(status))
}

/// Returns [`abort(status)`](abort) from the handler unless the condition holds.
///
/// # Examples
///
/// ```
/// use carafe_web::{Path, Result, ensure};
///
/// async fn show(Path(id): Path<u32>) -> Result<&'static str> {
///     ensure!(id != 0, 404);
///     Ok("here")
/// }
/// ```
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $status:expr $(,)?) => {
        if !$condition {
            return ::core::result::Result::Err($crate::abort($status));
        }
    };
}

impl Error {
    /// An error that answers with `status`.
    pub fn new(status: StatusCode) -> Self {
        Self::with_inner(status, None)
    }

    /// An error that answers with `response`, exactly.
    pub fn from_response(response: impl IntoResponse) -> Self {
        let response = response.into_response();
        Self::with_inner(response.status(), Some(response))
    }

    fn with_inner(status: StatusCode, response: Option<Response>) -> Self {
        let response = Mutex::new(response);
        Error(Box::new(Inner { status, reason: None, source: None, response }))
    }

    /// Tells the client why.
    pub fn because(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    /// Keeps what went wrong, for the log; the client does not see it.
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The status that the client is told.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What went wrong underneath.
    pub fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }

    /// The source, or the source's source and so on, if it is an `E`.
    pub fn find<E: StdError + 'static>(&self) -> Option<&E> {
        self.chain().find_map(|error| error.downcast_ref())
    }

    /// The source, its source, and so on.
    fn chain(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        std::iter::successors(self.source(), |error| (*error).source())
    }
}

impl<E> From<E> for Error
where
    E: StdError + Send + Sync + 'static,
{
    fn from(source: E) -> Self {
        match (Box::new(source) as BoxError).downcast::<Boxed>() {
            Ok(boxed) => boxed.0,
            Err(source) => Error::new(StatusCode::INTERNAL_SERVER_ERROR).with_source(source),
        }
    }
}

impl From<Error> for BoxError {
    fn from(error: Error) -> Self {
        Box::new(Boxed(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.status)?;
        if let Some(reason) = &self.0.reason {
            write!(f, ": {reason}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("status", &self.0.status)
            .field("reason", &self.0.reason)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl IntoResponse for Error {
    /// The answer that was given to [`from_response`](Error::from_response), else a small page with the
    /// status and the reason. The error itself goes along in the extensions, as [`Reported`].
    fn into_response(mut self) -> Response {
        let made = self.0.response.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let mut response =
            made.unwrap_or_else(|| page::response(self.0.status, self.0.reason.as_deref()));
        response.extensions_mut().insert(Reported(Arc::new(self)));
        response
    }
}

/// The error that a response was made from, in the response's extensions.
#[derive(Debug, Clone)]
pub struct Reported(Arc<Error>);

impl std::ops::Deref for Reported {
    type Target = Error;

    fn deref(&self) -> &Error {
        &self.0
    }
}

/// An [`Error`] as a [`std::error::Error`].
#[derive(Debug)]
struct Boxed(Error);

impl fmt::Display for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Boxed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// An error and its sources in one line, for the log.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// The status with this number.
pub(crate) fn status_or_500(status: u16) -> StatusCode {
    // 100–199 announce an answer and are none; hyper would never send what follows.
    StatusCode::from_u16(status)
        .ok()
        .filter(|status| (200..=599).contains(&status.as_u16()))
        .unwrap_or_else(|| {
            tracing::error!(status, "a handler answered with a number that is no HTTP status");
            StatusCode::INTERNAL_SERVER_ERROR
        })
}
