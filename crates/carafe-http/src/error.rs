//! What goes wrong on a connection, as the app sees it.

use std::fmt;
use std::io;

/// An error of whatever kind a service or a body has.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why the rest of a request's body cannot be read.
pub struct Error {
    source: hyper::Error,
}

impl Error {
    pub(crate) fn new(source: hyper::Error) -> Self {
        Error { source }
    }

    /// Whether the client has left before the body's end.
    pub fn is_disconnected(&self) -> bool {
        !self.is_malformed()
    }

    /// Whether the body's bytes break HTTP's rules: a chunk size that is no number, say.
    pub fn is_malformed(&self) -> bool {
        // hyper's decoder reports what it cannot read as these two kinds; whatever else it meets is
        // the connection's end.
        let source = std::error::Error::source(&self.source);
        source.and_then(|source| source.downcast_ref::<io::Error>()).is_some_and(|error| {
            matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
        })
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Error").field(&self.source).finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_disconnected() {
            "the client left before the end of the request body"
        } else {
            "the request body is malformed"
        })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// An error and its sources, for a log line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
