//! The two ends of a socket inside the server: [`WebSocket`], which a handler holds, and the queues
//! that it shares with the pump.
//!
//! ```text
//!   Waiting ──receive/send/accept──▶ Asked ──the pump starts──▶ Open ──▶ Closed
//!      │                               └────the peer is gone─────────────▶ ↑
//!      └──close, or the handler ends (refused: there was no upgrade)───────┘
//! ```
//!
//! - Waiting: the handler has not touched the socket; it may still answer as plain HTTP.
//! - Asked: the upgrade is under way. What is sent now waits in the outbound queue.
//! - Open: the pump moves messages.
//! - Closed: nothing more is sent, and nothing is received but what waits in the inbound queue. Set
//!   by whoever ends the socket: the handler, the peer's close frame, its disappearance, the drain.
//!
//! S1. `Closed` is never left, and its reason never changes.
//! S2. Wakers are called, and listeners notified, after the lock is gone.
//! S3. While the pump is being polled (`polling`), a change of the queues sets `dirty` instead of
//!     waking it: it looks again before it returns.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use event_listener::{Event, EventListener};

use super::{Message, Options, Text};

/// The bytes that may wait in one direction, whatever their number of messages. One message more
/// may exceed it.
const QUEUED_BYTES: usize = 1 << 20;

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
        let state = State {
            stage: Stage::Waiting,
            inbound: Queue::default(),
            outbound: Queue::default(),
            goodbye: None,
            asked: false,
            was_opened: false,
            pump: None,
            polling: false,
            dirty: false,
            poke: false,
        };
        let shared = Shared {
            state: Mutex::new(state),
            readable: Event::new(),
            writable: Event::new(),
            opened: Event::new(),
            queue: options.queue,
            protocol,
        };
        WebSocket { shared: Arc::new(shared) }
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
        self.wait(&self.shared.opened, |state| {
            state.ask();
            match &state.stage {
                // Also when it is closed by now: what came in between waits to be received.
                _ if state.was_opened => Some(Ok(())),
                Stage::Closed(why) => Some(Err(why.clone())),
                Stage::Waiting | Stage::Asked | Stage::Open => None,
            }
        })
        .await
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
        self.wait(&self.shared.readable, |state| {
            state.ask();
            match (state.pop_inbound(self.shared.queue), &state.stage) {
                (Some(message), _) => Some(Ok(message)),
                (None, Stage::Closed(why)) => Some(Err(why.clone())),
                (None, _) => None,
            }
        })
        .await
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
        let mut message = Some(message.into());
        self.wait(&self.shared.writable, |state| {
            state.ask();
            let whole = message.take().expect("`wait` ends with the first answer");
            match state.push_outbound(whole, self.shared.queue) {
                Ok(()) => Some(Ok(())),
                Err(TrySendError::Disconnected(why)) => Some(Err(why)),
                Err(TrySendError::Full(back)) => {
                    message = Some(back);
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
        let message = message.into();
        self.shared.change(|state| {
            state.ask();
            state.push_outbound(message, self.shared.queue)
        })
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

    /// Whether the upgrade is accepted, or was before the socket closed: what the handler returns is
    /// not an answer to the request any more.
    pub fn is_accepted(&self) -> bool {
        self.shared.lock().asked
    }

    /// Whether messages can be sent: the socket is open, or will be.
    pub fn is_open(&self) -> bool {
        !matches!(self.shared.lock().stage, Stage::Closed(_))
    }

    /// The subprotocol that client and server have agreed on.
    pub fn protocol(&self) -> Option<&str> {
        self.shared.protocol.as_deref()
    }

    /// Waits until `answer` has one, asking again each time `event` is notified.
    async fn wait<T>(&self, event: &Event, mut answer: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut listener: Option<EventListener> = None;
        loop {
            if let Some(value) = self.shared.change(&mut answer) {
                return value;
            }
            match listener.take() {
                Some(listener) => listener.await,
                // Asked once more after this: what happens in between must not be missed.
                None => listener = Some(event.listen()),
            }
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
        let state = self.shared.lock();
        f.debug_struct("WebSocket")
            .field("stage", &state.stage)
            .field("inbound", &state.inbound.messages.len())
            .field("outbound", &state.outbound.messages.len())
            .finish_non_exhaustive()
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

/// What handler and pump share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Notified for each message that comes in, and at the end.
    readable: Event,
    /// Notified for each message that goes out, and at the end.
    writable: Event,
    /// Notified when the socket opens, and at the end.
    opened: Event,
    /// How many messages wait in either direction.
    queue: usize,
    protocol: Option<Text>,
}

struct State {
    stage: Stage,
    inbound: Queue,
    outbound: Queue,
    /// The close frame that the handler wants sent after the outbound queue.
    goodbye: Option<Disconnected>,
    /// Whether the handler asked for the upgrade before the socket was closed.
    asked: bool,
    /// Whether the pump has started.
    was_opened: bool,
    /// The task that polls the pump or, before there is one, the handshake.
    pump: Option<Waker>,
    /// S3.
    polling: bool,
    /// S3.
    dirty: bool,
    /// Whether the change under way concerns the pump.
    poke: bool,
}

#[derive(Debug)]
enum Stage {
    Waiting,
    Asked,
    Open,
    Closed(Disconnected),
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Message>,
    /// The sum of the messages' lengths.
    bytes: usize,
}

impl Queue {
    fn push(&mut self, message: Message) {
        self.bytes += message.len();
        self.messages.push_back(message);
    }

    fn pop(&mut self) -> Option<Message> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.len();
        Some(message)
    }

    fn has_room(&self, queue: usize) -> bool {
        self.messages.len() < queue && self.bytes < QUEUED_BYTES
    }
}

impl State {
    fn ask(&mut self) {
        if matches!(self.stage, Stage::Waiting) {
            self.stage = Stage::Asked;
            self.asked = true;
            self.poke = true;
        }
    }

    fn pop_inbound(&mut self, queue: usize) -> Option<Message> {
        let was_full = !self.inbound.has_room(queue);
        let message = self.inbound.pop()?;
        let is_last = self.inbound.messages.is_empty() && matches!(self.stage, Stage::Closed(_));
        self.poke |= was_full || is_last;
        Some(message)
    }

    fn push_outbound(&mut self, message: Message, queue: usize) -> Result<(), TrySendError> {
        if let Stage::Closed(why) = &self.stage {
            return Err(TrySendError::Disconnected(why.clone()));
        }
        if !self.outbound.has_room(queue) {
            return Err(TrySendError::Full(message));
        }
        self.outbound.push(message);
        self.poke = true;
        Ok(())
    }
}

/// The handler's side.
impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No user code runs under the lock, so a poisoned one guards whole state all the same.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and has the pump look at it where that concerns it.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        let waker = match std::mem::take(&mut state.poke) {
            true if state.polling => {
                state.dirty = true;
                None
            }
            true => state.pump.take(),
            false => None,
        };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    /// Closes the socket with a close frame of ours, after what is queued.
    pub(super) fn say_goodbye(&self, code: u16, reason: Text) {
        let why = Disconnected::new(code, reason);
        let closed = self.change(|state| {
            if matches!(state.stage, Stage::Closed(_)) {
                return false;
            }
            state.goodbye = Some(why.clone());
            state.stage = Stage::Closed(why);
            state.poke = true;
            true
        });
        if closed {
            self.notify_all();
        }
    }

    fn notify_all(&self) {
        self.readable.notify(usize::MAX);
        self.writable.notify(usize::MAX);
        self.opened.notify(usize::MAX);
    }
}

/// The pump's side, and before it the handshake's.
impl Shared {
    /// Begins a poll of the task that `waker` wakes (S3).
    pub(super) fn begin_poll(&self, waker: &Waker) {
        let mut state = self.lock();
        state.polling = true;
        state.dirty = false;
        match &mut state.pump {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// Ends a poll, unless something has changed during it: then the caller looks again.
    pub(super) fn end_poll(&self) -> bool {
        let mut state = self.lock();
        state.polling = std::mem::take(&mut state.dirty);
        !state.polling
    }

    /// What the handler wants of the upgrade so far.
    pub(super) fn wish(&self) -> Wish {
        let state = self.lock();
        match &state.stage {
            // Also when it is closed by now: the peer is to see what was sent, and the close frame.
            _ if state.asked => Wish::Accept,
            Stage::Closed(_) => Wish::Refuse,
            Stage::Waiting | Stage::Asked | Stage::Open => Wish::None,
        }
    }

    /// The pump has started.
    pub(super) fn open(&self) {
        let mut state = self.lock();
        state.was_opened = true;
        if matches!(state.stage, Stage::Asked) {
            state.stage = Stage::Open;
        }
        drop(state);
        self.opened.notify(usize::MAX);
    }

    /// Nothing more will be sent or received, and this is why. What has come in before stays; what
    /// was to go out stays for the pump to send or not.
    pub(super) fn close(&self, why: Disconnected) {
        let mut state = self.lock();
        if matches!(state.stage, Stage::Closed(_)) {
            return;
        }
        state.stage = Stage::Closed(why);
        drop(state);
        self.notify_all();
    }

    /// How many messages wait for the handler.
    pub(super) fn inbound_len(&self) -> usize {
        self.lock().inbound.messages.len()
    }

    /// Whether the pump may read another message.
    pub(super) fn inbound_has_room(&self) -> bool {
        self.lock().inbound.has_room(self.queue)
    }

    /// A message has come in.
    pub(super) fn push_inbound(&self, message: Message) {
        self.lock().inbound.push(message);
        self.readable.notify_additional(1);
    }

    /// The next message that is to go out.
    pub(super) fn pop_outbound(&self) -> Option<Message> {
        let message = self.lock().outbound.pop()?;
        self.writable.notify_additional(1);
        Some(message)
    }

    /// The close frame to send, once the outbound queue is empty.
    pub(super) fn take_goodbye(&self) -> Option<Disconnected> {
        let mut state = self.lock();
        if state.outbound.messages.is_empty() { state.goodbye.take() } else { None }
    }

    /// Whether the handler wants the socket closed, and the close frame is still to be sent.
    pub(super) fn has_goodbye(&self) -> bool {
        self.lock().goodbye.is_some()
    }

    /// Forgets what was to go out: there is nobody to send it to.
    pub(super) fn discard_outbound(&self) {
        let forgotten = std::mem::take(&mut self.lock().outbound);
        drop(forgotten);
    }
}

/// What the handler wants of an upgrade.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// It has not said.
    None,
    /// To accept it.
    Accept,
    /// To refuse it.
    Refuse,
}
