use std::net::SocketAddr;

/// Both ends of the connection that a request came over; the server puts it into the request's
/// extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConnectInfo {
    /// The client's address, or its proxy's.
    pub peer: SocketAddr,
    /// The address that the client connected to.
    pub local: SocketAddr,
}

impl ConnectInfo {
    /// The two ends, for a service that is called without a server around it: by a test, say.
    pub fn new(peer: SocketAddr, local: SocketAddr) -> Self {
        ConnectInfo { peer, local }
    }
}
