//! TCP on the loop of the run around the caller.
//!
//! Outside a run, a tokio runtime that is current on the thread serves as well, if the backend `tokio`
//! is compiled in; else the functions panic with a text that says so.

use std::io;
use std::net::{IpAddr, SocketAddr};

use carafe_core::rt::{ConnectOptions, ListenOptions, Net};

use crate::handle::{Handle, for_leaf, or_panic};

pub use crate::handle::{TcpListener, TcpStream};

impl TcpListener {
    /// Binds a listening socket to the first address of `addr` that can be bound.
    ///
    /// # Errors
    ///
    /// The last address's error, what resolving the name gave, or [`io::ErrorKind::InvalidInput`] for
    /// a text that is not `host:port`.
    ///
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    pub fn bind(addr: impl ToAddr) -> impl Future<Output = io::Result<TcpListener>> + Send {
        TcpListener::bind_with(addr, ListenOptions::default())
    }

    /// Binds like [`bind`](TcpListener::bind), with options.
    ///
    /// # Errors
    ///
    /// # Panics
    ///
    /// Like [`bind`](TcpListener::bind).
    #[track_caller]
    pub fn bind_with(
        addr: impl ToAddr,
        options: ListenOptions,
    ) -> impl Future<Output = io::Result<TcpListener>> + Send {
        let (handle, target) = (or_panic(for_leaf()), addr.to_target());
        async move {
            let mut last = None;
            for addr in target.addresses(&handle).await? {
                match handle.bind(addr, options).await {
                    Ok(listener) => return Ok(listener),
                    Err(error) => last = Some(error),
                }
            }
            Err(last.unwrap_or_else(no_address))
        }
    }
}

impl TcpStream {
    /// Connects to the first address of `addr` that answers.
    ///
    /// # Errors
    ///
    /// The last address's error, what resolving the name gave, or [`io::ErrorKind::InvalidInput`] for
    /// a text that is not `host:port`.
    ///
    /// # Panics
    ///
    /// Outside a run.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the attempt up and closes its socket.
    #[track_caller]
    pub fn connect(addr: impl ToAddr) -> impl Future<Output = io::Result<TcpStream>> + Send {
        let (handle, target) = (or_panic(for_leaf()), addr.to_target());
        async move {
            let mut last = None;
            for addr in target.addresses(&handle).await? {
                match handle.connect(addr, ConnectOptions::default()).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => last = Some(error),
                }
            }
            Err(last.unwrap_or_else(no_address))
        }
    }
}

/// The addresses of `addr`, the name in it looked up.
///
/// # Errors
///
/// When the host is not known, the resolver fails, or a text is not `host:port`.
///
/// # Panics
///
/// Outside a run.
#[track_caller]
pub fn resolve(addr: impl ToAddr) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
    let (handle, target) = (or_panic(for_leaf()), addr.to_target());
    async move { target.addresses(&handle).await }
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
}

/// What can be bound or connected to: a [`SocketAddr`], a text like `"localhost:5000"`, or a pair of a
/// host and a port. The trait is sealed.
pub trait ToAddr: sealed::ToTarget {}

impl<A: sealed::ToTarget> ToAddr for A {}

mod sealed {
    use super::{Handle, IpAddr, Net, SocketAddr, io};

    pub trait ToTarget {
        fn to_target(self) -> Target;
    }

    /// An address that may have to be looked up.
    #[derive(Debug)]
    pub enum Target {
        Addr(SocketAddr),
        Host(String, u16),
        Invalid(String),
    }

    impl Target {
        pub(super) async fn addresses(self, handle: &Handle) -> io::Result<Vec<SocketAddr>> {
            match self {
                Target::Addr(addr) => Ok(vec![addr]),
                Target::Host(host, port) => handle.resolve(&host, port).await,
                Target::Invalid(text) => Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("not a host and a port: {text:?}"),
                )),
            }
        }
    }

    impl ToTarget for SocketAddr {
        fn to_target(self) -> Target {
            Target::Addr(self)
        }
    }

    impl ToTarget for (IpAddr, u16) {
        fn to_target(self) -> Target {
            Target::Addr(self.into())
        }
    }

    impl ToTarget for (&str, u16) {
        fn to_target(self) -> Target {
            match self.0.parse::<IpAddr>() {
                Ok(ip) => Target::Addr((ip, self.1).into()),
                Err(_) => Target::Host(self.0.to_owned(), self.1),
            }
        }
    }

    impl ToTarget for &str {
        fn to_target(self) -> Target {
            if let Ok(addr) = self.parse() {
                return Target::Addr(addr);
            }
            match self.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
                Some((host, Ok(port))) if !host.is_empty() => Target::Host(host.to_owned(), port),
                _ => Target::Invalid(self.to_owned()),
            }
        }
    }

    impl ToTarget for String {
        fn to_target(self) -> Target {
            self.as_str().to_target()
        }
    }

    impl ToTarget for &String {
        fn to_target(self) -> Target {
            self.as_str().to_target()
        }
    }
}
