//! What a handler holds of a WebSocket.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use event_listener::{Event, EventListener};

use super::shared::Shared;
use super::{Message, Options, Text};

/// A WebSocket, as its handler and everybody to whom the handler gives a clone of it hold it.
///
/// Clones are the same socket: they compare equal, and can be kept in a set. The first `receive`,
/// `send` or `accept` accepts the upgrade. The socket closes when its handler ends, with 1000 or,
/// after an error or a panic, with 1011; dropping clones does nothing.
///
/// # Cancellation
///
/// Once the peer is gone (it sent a close frame, or vanished), or has answered the handler's own
/// [`close`](WebSocket::close), and what it had sent is received, the handler's scope is cancelled.
#[derive(Clone)]
pub struct WebSocket {
    shared: Arc<Shared>,
}

impl WebSocket {
    pub(super) fn new(options: &Options, protocol: Option<Text>) -> Self {
        WebSocket { shared: Arc::new(Shared::new(options, protocol)) }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Accepts the upgrade, and waits until the socket opens.
    ///
    /// # Errors
    ///
    /// When the peer has gone, or the socket was closed, before it did.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the upgrade asked for.
    pub async fn accept(&self) -> Result<(), Disconnected> {
        wait(&self.shared.opened, || self.shared.try_accept()).await
    }

    /// The next message of the peer. Pings and pongs are answered by the server and not seen here.
    ///
    /// # Errors
    ///
    /// When the socket is closed, and all that came before is received.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no message.
    pub async fn receive(&self) -> Result<Message, Disconnected> {
        wait(&self.shared.readable, || self.shared.try_receive()).await
    }

    /// Sends a message, once there is room for it in the queue to the peer.
    ///
    /// It is sent whole or not at all. That this returns does not mean that the peer has it.
    ///
    /// # Errors
    ///
    /// When the socket is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it ends sends nothing.
    pub async fn send(&self, message: impl Into<Message>) -> Result<(), Disconnected> {
        let mut waiting = Some(message.into());
        wait(&self.shared.writable, || {
            let message = waiting.take().expect("`wait` ends with the first answer");
            match self.shared.try_send(message) {
                Ok(()) => Some(Ok(())),
                Err(TrySendError::Disconnected(why)) => Some(Err(why)),
                Err(TrySendError::Full(message)) => {
                    waiting = Some(message);
                    None
                }
            }
        })
        .await
    }

    /// Sends a message if there is room for it now: what a broadcast does with peers that may be
    /// slow.
    ///
    /// # Errors
    ///
    /// When the queue to the peer is full, with the message; and when the socket is closed.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), TrySendError> {
        self.shared.try_send(message.into())
    }

    /// Closes the socket: the peer gets what was sent before, then a close frame. Does nothing to a
    /// socket that is closed. Before the upgrade is accepted, it refuses it: the answer is a 403.
    ///
    /// What the handler does after that must not need much time: it is cancelled when the peer has
    /// answered.
    ///
    /// # Panics
    ///
    /// When `code` may not be sent (RFC 6455, section 7.4), or `reason` is longer than 123 bytes.
    ///
    /// # Cancel safety
    ///
    /// The socket is closed by the first poll, which is also the last.
    pub async fn close(&self, code: u16, reason: impl Into<Text>) {
        let reason = reason.into();
        assert!(
            matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999),
            "close code {code} may not be sent"
        );
        assert!(reason.len() <= 123, "a close reason has at most 123 bytes");
        self.shared.say_goodbye(code, reason);
    }

    /// Whether the handler has accepted the upgrade: what it returns is no answer to the request any
    /// more.
    pub fn is_accepted(&self) -> bool {
        self.shared.is_accepted()
    }

    /// Whether messages can be sent: the socket is open, or will be.
    pub fn is_open(&self) -> bool {
        self.shared.is_open()
    }

    /// The subprotocol that client and server have agreed on.
    pub fn protocol(&self) -> Option<&str> {
        self.shared.protocol()
    }
}

/// Waits until `answer` has one, asking again each time `event` is notified.
async fn wait<T>(event: &Event, mut answer: impl FnMut() -> Option<T>) -> T {
    let mut listener: Option<EventListener> = None;
    loop {
        if let Some(value) = answer() {
            return value;
        }
        match listener.take() {
            Some(listener) => listener.await,
            // Asked once more after this: what happens in between must not be missed.
            None => listener = Some(event.listen()),
        }
    }
}

impl PartialEq for WebSocket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for WebSocket {}

impl Hash for WebSocket {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.shared).hash(state);
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("is_open", &self.is_open()).finish_non_exhaustive()
    }
}

/// The socket is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnected {
    code: u16,
    reason: Text,
}

impl Disconnected {
    pub(super) fn new(code: u16, reason: impl Into<Text>) -> Self {
        Disconnected { code, reason: reason.into() }
    }

    /// The close code: of the close frame that came or went first; [`code::NO_STATUS`](super::code::NO_STATUS) if it had
    /// none, [`code::ABNORMAL`](super::code::ABNORMAL) if there was no frame.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The close frame's reason; empty if there was none.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the WebSocket is closed ({})", self.code)
    }
}

impl std::error::Error for Disconnected {}

/// Why [`WebSocket::try_send`] did not send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrySendError {
    /// The queue to the peer is full; here is the message.
    Full(Message),
    /// The socket is closed.
    Disconnected(Disconnected),
}

impl fmt::Display for TrySendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrySendError::Full(_) => f.write_str("the queue to the WebSocket's peer is full"),
            TrySendError::Disconnected(why) => fmt::Display::fmt(why, f),
        }
    }
}

impl std::error::Error for TrySendError {}
