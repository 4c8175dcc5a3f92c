//! What the two ends of a socket inside the server share: the handler's
//! [`WebSocket`](super::WebSocket) and the pump.
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
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use event_listener::Event;

use super::{Disconnected, Message, Options, Text, TrySendError};

/// The bytes that may wait in one direction, whatever their number of messages. One message more
/// may exceed it.
const QUEUED_BYTES: usize = 1 << 20;

/// What handler and pump share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Notified for each message that comes in, and at the end.
    pub(super) readable: Event,
    /// Notified for each message that goes out, and at the end.
    pub(super) writable: Event,
    /// Notified when the socket opens, and at the end.
    pub(super) opened: Event,
    /// How many messages wait in either direction.
    queue: usize,
    /// The subprotocol that was agreed on.
    protocol: Option<Text>,
}

struct State {
    stage: Stage,
    /// From the peer to the handler.
    inbound: Queue,
    /// From the handler to the peer.
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
    /// Whether the change under way concerns the pump; false between two changes.
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
    /// Waiting → Asked, on the handler's first use of the socket.
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
        Shared {
            state: Mutex::new(state),
            readable: Event::new(),
            writable: Event::new(),
            opened: Event::new(),
            queue: options.queue,
            protocol,
        }
    }

    pub(super) fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// Whether the handler has asked for the upgrade.
    pub(super) fn is_accepted(&self) -> bool {
        self.lock().asked
    }

    pub(super) fn is_open(&self) -> bool {
        !matches!(self.lock().stage, Stage::Closed(_))
    }

    /// Asks for the upgrade; `None` while it is under way.
    pub(super) fn try_accept(&self) -> Option<Result<(), Disconnected>> {
        self.change(|state| {
            state.ask();
            match &state.stage {
                // Also when it is closed by now: what came in between waits to be received.
                _ if state.was_opened => Some(Ok(())),
                Stage::Closed(why) => Some(Err(why.clone())),
                Stage::Waiting | Stage::Asked | Stage::Open => None,
            }
        })
    }

    /// Takes the next message; `None` while there is none.
    pub(super) fn try_receive(&self) -> Option<Result<Message, Disconnected>> {
        self.change(|state| {
            state.ask();
            match (state.pop_inbound(self.queue), &state.stage) {
                (Some(message), _) => Some(Ok(message)),
                (None, Stage::Closed(why)) => Some(Err(why.clone())),
                (None, Stage::Waiting | Stage::Asked | Stage::Open) => None,
            }
        })
    }

    /// Queues a message for the peer.
    pub(super) fn try_send(&self, message: Message) -> Result<(), TrySendError> {
        self.change(|state| {
            state.ask();
            state.push_outbound(message, self.queue)
        })
    }

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
