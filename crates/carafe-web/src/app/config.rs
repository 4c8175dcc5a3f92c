//! Where and how an app is served.

use std::env;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::serve::ServeError;

/// Where and how an app is served.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
///
/// use carafe_web::{App, Config};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::new().bind("0.0.0.0:8000").graceful_timeout(Duration::from_secs(30));
/// App::new("hello").get("/", async || "Hello").serve_with(config).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a config does nothing until an app is served with it"]
pub struct Config {
    pub(super) address: Address,
    pub(super) graceful_timeout: Duration,
    pub(super) background_timeout: Duration,
    pub(super) hard_stop: Option<Duration>,
    pub(super) max_connections: Option<usize>,
    pub(super) heeds_signals: bool,
    pub(super) ready: Option<Ready>,
}

/// Who is told the address.
pub(super) type Ready = Box<dyn FnOnce(SocketAddr) + Send>;

impl Config {
    /// The defaults: 127.0.0.1:5000, 10 s for requests and 5 s for jobs at the end, signals heeded.
    pub fn new() -> Self {
        Config {
            address: Address { host: "127.0.0.1".into(), port: "5000".into() },
            graceful_timeout: Duration::from_secs(10),
            background_timeout: Duration::from_secs(5),
            hard_stop: Some(Duration::from_secs(5)),
            max_connections: None,
            heeds_signals: true,
            ready: None,
        }
    }

    /// The defaults, with the address that `HOST` and `PORT` name.
    pub fn from_env() -> Self {
        let mut config = Config::new();
        let set = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
        if let Some(host) = set("HOST") {
            config.address.host = host.trim().to_owned();
        }
        if let Some(port) = set("PORT") {
            config.address.port = port.trim().to_owned();
        }
        config
    }

    /// Sets the address: `"0.0.0.0:8000"`, `"[::1]:8000"`, `"localhost:8000"`. Port 0 takes any free
    /// one; [`Config::ready`] tells which.
    pub fn bind(mut self, address: impl fmt::Display) -> Self {
        self.address = Address::split(&address.to_string());
        self
    }

    /// Sets how long requests that are under way at the end may take; 10 s by default.
    pub fn graceful_timeout(mut self, timeout: Duration) -> Self {
        self.graceful_timeout = timeout;
        self
    }

    /// Sets how long jobs may take after the last request; 5 s by default. What is left is cancelled,
    /// and named in the log.
    pub fn background_timeout(mut self, timeout: Duration) -> Self {
        self.background_timeout = timeout;
        self
    }

    /// Sets how long the process waits for what it has cancelled and what does not end, before it ends
    /// itself; 5 s by default, and `None` waits for ever. Heeded by [`App::run_with`](crate::App::run_with)
    /// alone: whoever serves inside a run of his own owns the process.
    pub fn hard_stop(mut self, after: Option<Duration>) -> Self {
        self.hard_stop = after;
        self
    }

    /// Sets how many connections are served at a time; the others wait to be accepted.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = Some(connections);
        self
    }

    /// Leaves SIGINT and SIGTERM alone: the app ends by [`AppHandle::shutdown`](crate::AppHandle::shutdown) only.
    pub fn no_signals(mut self) -> Self {
        self.heeds_signals = false;
        self
    }

    /// Calls `ready` with the address once the app listens, in place of the line in the log.
    pub fn ready(mut self, ready: impl FnOnce(SocketAddr) + Send + 'static) -> Self {
        self.ready = Some(Box::new(ready));
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("address", &self.address.to_string())
            .field("graceful_timeout", &self.graceful_timeout)
            .field("background_timeout", &self.background_timeout)
            .field("hard_stop", &self.hard_stop)
            .field("max_connections", &self.max_connections)
            .field("heeds_signals", &self.heeds_signals)
            .finish_non_exhaustive()
    }
}

/// Where to listen, as it was written: it may be wrong.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) host: String,
    port: String,
}

impl Address {
    fn split(text: &str) -> Self {
        let (host, port) = text.rsplit_once(':').unwrap_or((text, "5000"));
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Address { host: host.to_owned(), port: port.to_owned() }
    }

    pub(super) fn port(&self) -> Result<u16, ServeError> {
        self.port
            .parse()
            .map_err(|_| ServeError::address(self, "the port is not a number up to 65535"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
