use std::time::Duration;

/// Limits and habits of one WebSocket.
#[derive(Debug, Clone)]
pub struct Options {
    pub(super) max_message_size: usize,
    pub(super) queue: usize,
    pub(super) close_timeout: Duration,
    pub(super) drain_timeout: Duration,
    pub(super) ping_interval: Option<Duration>,
    pub(super) protocols: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            max_message_size: 16 << 20,
            queue: 32,
            close_timeout: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(10),
            ping_interval: None,
            protocols: Vec::new(),
        }
    }
}

impl Options {
    /// The defaults.
    pub fn new() -> Self {
        Options::default()
    }

    /// Sets the size in bytes from which on a message of the peer is too big: the socket closes with
    /// 1009; 16 MiB by default.
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.max_message_size = bytes;
        self
    }

    /// Sets how many messages wait in either direction, at least 1; 32 by default. A direction is
    /// also full when 1 MiB waits.
    pub fn queue(mut self, messages: usize) -> Self {
        self.queue = messages.max(1);
        self
    }

    /// Sets how long a peer has to take the rest of the messages and to answer a close frame; 5 s by
    /// default.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// Sets how long a handler has, after the peer has gone, to receive what waits for it before it
    /// is cancelled all the same; 10 s by default.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Pings the peer this often, and takes it for gone when it was silent from one ping to the
    /// next; off by default. At least 1 ms.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = Some(interval.max(Duration::from_millis(1)));
        self
    }

    /// Sets the subprotocols that the server speaks. Of those that the client offers, the first that
    /// is among them is chosen; [`WebSocket::protocol`](super::WebSocket::protocol) tells which.
    pub fn protocols<P: Into<String>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.protocols = protocols.into_iter().map(Into::into).collect();
        self
    }
}
