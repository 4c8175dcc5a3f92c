//! WebSockets: the upgrade, the socket that a handler holds, and the pump behind it.
//!
//! ```text
//!   request ──▶ Upgrade ──▶ handler polled in the request's slot
//!                             │ ends first ─────────▶ a plain response (403, or its own)
//!                             │ receive/send/accept
//!                             ▼
//!                           101 + Accepted (the handler, the socket) ──▶ connection task
//!                                                                          │ hyper hands over the stream
//!                                                                          ▼
//!   peer ◀──frames──▶ Session (the pump) ◀──two bounded queues──▶ WebSocket ◀── handler, its children, others
//! ```
//!
//! The pump is polled in the connection's own task, beside the handler: a socket costs no task. It
//! answers pings and close frames, also while the handler is busy. It stops reading when the inbound
//! queue is full (and goes on watching for the peer's end), and `send` waits while the outbound
//! queue is full: a peer holds no more of the server's memory than the two queues and one message.
//!
//! However a socket ends, its handler ends too: once the peer is gone and what it had sent is
//! received, the handler's scope is cancelled.

mod handshake;
mod message;
mod options;
mod serve;
mod session;
mod shared;
mod socket;
mod wire;

pub use handshake::{Refusal, Upgrade, is_upgrade};
pub use message::{Message, Text};
pub use options::Options;
pub use serve::serve;
pub use socket::{Disconnected, TrySendError, WebSocket};

pub(crate) use serve::Accepted;
pub(crate) use session::Session;

/// The close codes of RFC 6455 that this crate sends or reports.
pub mod code {
    /// The purpose of the socket is fulfilled.
    pub const NORMAL: u16 = 1000;
    /// The server shuts down, or the page was left.
    pub const GOING_AWAY: u16 = 1001;
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// Reported, never sent: the close frame had no code.
    pub const NO_STATUS: u16 = 1005;
    /// Reported, never sent: the connection was lost without a close frame.
    pub const ABNORMAL: u16 = 1006;
    /// A text message was not UTF-8.
    pub const INVALID_TEXT: u16 = 1007;
    /// A message broke a rule of the application.
    pub const POLICY: u16 = 1008;
    /// A message was too big.
    pub const TOO_BIG: u16 = 1009;
    /// The handler failed.
    pub const INTERNAL_ERROR: u16 = 1011;
}
