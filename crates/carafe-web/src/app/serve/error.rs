//! Why serving ended otherwise than by being asked to.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use carafe_http::BoxError;
use carafe_rt::Misuse;

use crate::app::StartupError;
use crate::app::config::Address;

/// Why an app was not served, or not to a good end.
#[derive(Debug)]
pub struct ServeError(Kind);

#[derive(Debug)]
enum Kind {
    Startup(StartupError),
    Hook { function: &'static str, source: BoxError },
    Address { address: Address, source: Misuse },
    Listen { address: Address, source: Misuse },
    Server(BoxError),
    Cancelled,
}

impl ServeError {
    /// Whether something is wrong with the app: a rule, a handler's arguments.
    pub fn is_startup(&self) -> bool {
        matches!(self.0, Kind::Startup(_))
    }

    /// Whether a hook has failed.
    pub fn is_hook(&self) -> bool {
        matches!(self.0, Kind::Hook { .. })
    }

    /// Whether the address cannot be had: it is in use, not allowed, or none.
    pub fn is_address(&self) -> bool {
        matches!(self.0, Kind::Address { .. } | Kind::Listen { .. })
    }

    /// Whether a scope around the app was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Kind::Cancelled)
    }

    pub(in crate::app) fn hook(function: &'static str, source: BoxError) -> Self {
        ServeError(Kind::Hook { function, source })
    }

    pub(in crate::app) fn address(address: &Address, mistake: &'static str) -> Self {
        ServeError(Kind::Address { address: address.clone(), source: Misuse::new(mistake) })
    }

    pub(super) fn listen(address: &Address, source: io::Error) -> Self {
        ServeError(Kind::Listen { address: address.clone(), source: Misuse::new(source) })
    }

    pub(super) fn server(source: impl Into<BoxError>) -> Self {
        ServeError(Kind::Server(source.into()))
    }

    pub(in crate::app) fn cancelled() -> Self {
        ServeError(Kind::Cancelled)
    }
}

impl From<StartupError> for ServeError {
    fn from(error: StartupError) -> Self {
        ServeError(Kind::Startup(error))
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Startup(error) => error.fmt(f),
            Kind::Hook { function, .. } => write!(f, "the hook `{function}` failed"),
            Kind::Address { address, .. } => write!(f, "{address} is no address to listen on"),
            Kind::Listen { address, .. } => write!(f, "cannot listen on {address}"),
            Kind::Server(_) => f.write_str("the server failed"),
            Kind::Cancelled => f.write_str("the app was cancelled"),
        }
    }
}

impl StdError for ServeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Kind::Hook { source, .. } | Kind::Server(source) => Some(&**source),
            Kind::Address { source, .. } | Kind::Listen { source, .. } => Some(source),
            Kind::Startup(_) | Kind::Cancelled => None,
        }
    }
}
