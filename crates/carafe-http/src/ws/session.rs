//! The pump: one upgraded connection, between its stream and its two queues.
//!
//! ```text
//!   Open ──handler closes or ends, drain──▶ Closing ──both close frames──┐
//!    │                                        │ the peer says nothing    ├──▶ Gone
//!    ├──the peer's close frame──▶ Answering ──┼──────────────────────────┤
//!    ├──the peer breaks a rule──▶ Lingering ──┘──────────────────────────┤
//!    └──the stream ends or fails─────────────────────────────────────────┘
//! ```
//!
//! - Open: messages go both ways.
//! - Closing: what was queued goes out, then our close frame; what comes in is thrown away until the
//!   peer's close frame comes.
//! - Answering: the peer's close frame is being answered with ours.
//! - Lingering: our close frame says what was wrong. Then our half of the stream is ended, and what
//!   the peer still sends is thrown away: if we closed at once, its own bytes would make the system
//!   answer with a reset, which can overtake the close frame.
//! - Gone: there is no stream any more; a handler that is left comes to its end.
//!
//! P1. All but Open and Gone have a deadline (`until`), and end with it.
//! P2. A frame once begun is finished before another begins: the codec's buffer is appended to only
//!     by whole frames, and a message is taken from the queue only when that buffer is flushed.
//! P3. When the pump is in Gone, and the handler has ended, the connection's task ends.

use std::mem;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use carafe_core::rt::{ByteStream, Runtime};
use tungstenite::error::ProtocolError;
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};

use super::serve::{Accepted, Ended, Handler};
use super::wire::Wire;
use super::{Disconnected, Message, Options, Text, WebSocket, code};
use crate::alarm::Alarm;
use crate::caught::panic_text;

/// The chunks in which is read and written: small, because a chat has many sockets, each with
/// buffers of its own.
const CHUNK: usize = 8 * 1024;

/// How many frames are read in one poll: the connection's task is not alone on its thread.
const FRAMES_PER_POLL: usize = 32;

/// How often pump and handler take turns in one poll, for the same reason.
const ROUNDS_PER_POLL: usize = 8;

/// How many pings are answered while nothing can be written; each answer waits in memory.
const UNSENT_PONGS: usize = 64;

/// A socket's pump and its handler, as the connection's task polls them.
pub(crate) struct Session<R: Runtime, S> {
    rt: R,
    socket: WebSocket,
    options: Options,
    handler: Option<Handler>,
    wire: Option<Wire<S>>,
    codec: WebSocketContext,
    phase: Phase,
    alarm: Alarm<R>,
    /// P1: when the phase ends at the latest.
    until: Option<Instant>,
    /// Whether the codec may have bytes that are not flushed.
    is_unflushed: bool,
    /// Pongs since the last time that everything was flushed.
    unsent_pongs: usize,
    /// When the peer was asked for a sign of life, if it is asked at all.
    next_ping: Option<Instant>,
    /// Whether it has given one since the last ping.
    was_heard: bool,
    /// When the handler, whose peer is gone, is cancelled though messages wait for it.
    patience: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Closing,
    Answering,
    Lingering,
    Gone,
}

impl<R: Runtime, S: ByteStream> Session<R, S> {
    /// Starts the pump of an accepted socket over `stream`, after `ahead`; without a stream, the peer
    /// has gone during the upgrade.
    pub(crate) fn new(rt: R, accepted: Accepted, stream: Option<(S, Bytes)>) -> Self {
        let Accepted { socket, options, on_upgrade: _, handler } = accepted;
        let config = WebSocketConfig::default()
            .read_buffer_size(CHUNK)
            .write_buffer_size(CHUNK)
            .max_message_size(Some(options.max_message_size))
            .max_frame_size(Some(options.max_message_size));
        let mut session = Session {
            codec: WebSocketContext::new(Role::Server, Some(config)),
            phase: Phase::Open,
            wire: stream.map(|(stream, ahead)| Wire::new(stream, ahead)),
            alarm: Alarm::new(),
            until: None,
            is_unflushed: false,
            unsent_pongs: 0,
            next_ping: options.ping_interval.and_then(|interval| rt.now().checked_add(interval)),
            was_heard: true,
            patience: None,
            handler: None,
            rt,
            socket,
            options,
        };
        match session.wire {
            Some(_) => session.socket.shared().open(),
            None => session.be_gone(),
        }
        match handler {
            Ok(handler) => session.handler = Some(handler),
            Err(ended) => session.handler_ended(ended),
        }
        session
    }

    /// Whether the stream is closed.
    pub(crate) fn is_gone(&self) -> bool {
        self.phase == Phase::Gone
    }

    /// The server shuts down: says so to the peer, and cancels the handler.
    pub(crate) fn go_away(&mut self) {
        self.say_goodbye(code::GOING_AWAY, "the server shuts down");
        if let Some(handler) = &self.handler {
            handler.scope.cancel_with("the server shuts down");
        }
    }

    /// Ready when the stream is closed and the handler has ended (P3).
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.socket.shared().begin_poll(cx.waker());
        for _ in 0..ROUNDS_PER_POLL {
            let before = self.progress();
            self.poll_alarm(cx);
            self.poll_read(cx);
            self.release_handler();
            self.poll_handler(cx);
            self.poll_write(cx);
            if self.phase == Phase::Gone && self.handler.is_none() {
                return Poll::Ready(());
            }
            if before == self.progress() && self.socket.shared().end_poll() {
                return Poll::Pending;
            }
        }
        // Peer and handler keep each other busy; the others on this thread have their turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// What must not have changed for a round to be the last: a new phase, a new deadline, or room in
    /// the codec's buffer lets something go on that this round did not poll, and so left no waker.
    fn progress(&self) -> impl PartialEq + use<R, S> {
        (self.phase, self.is_unflushed, self.deadlines())
    }

    fn deadlines(&self) -> [Option<Instant>; 3] {
        [self.until, self.next_ping, self.patience]
    }
}

/// Deadlines.
impl<R: Runtime, S: ByteStream> Session<R, S> {
    /// Acts on each deadline that has passed, and has the task woken at the next.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) {
        while let Some(next) = self.deadlines().into_iter().flatten().min() {
            if self.alarm.poll_at(&self.rt, next, cx).is_pending() {
                return;
            }
            if self.until == Some(next) {
                self.be_gone();
            } else if self.next_ping == Some(next) {
                self.ping();
            } else {
                self.patience = None;
                self.cancel_handler();
            }
        }
    }

    /// Asks the peer for a sign of life; one that has given none since the last time is gone.
    fn ping(&mut self) {
        self.next_ping = None;
        if self.phase != Phase::Open {
            return;
        }
        if !mem::take(&mut self.was_heard) {
            tracing::debug!("a WebSocket's peer answers no ping");
            return self.be_gone();
        }
        let interval = self.options.ping_interval.unwrap_or_default();
        self.next_ping = self.rt.now().checked_add(interval);
        // A stream that takes no bytes needs no ping to be found out.
        if !self.is_unflushed {
            self.queue(tungstenite::Message::Ping(Bytes::new()));
        }
    }
}

/// The handler.
impl<R: Runtime, S: ByteStream> Session<R, S> {
    fn poll_handler(&mut self, cx: &mut Context<'_>) {
        let Some(handler) = &mut self.handler else { return };
        if let Poll::Ready(ended) = handler.future.as_mut().poll(cx) {
            self.handler = None;
            self.handler_ended(ended);
        }
    }

    fn handler_ended(&mut self, ended: Ended) {
        self.patience = None;
        match ended {
            Ended::Done => self.say_goodbye(code::NORMAL, ""),
            Ended::Failed => self.say_goodbye(code::INTERNAL_ERROR, ""),
            Ended::Cancelled => self.say_goodbye(code::GOING_AWAY, ""),
            Ended::Panicked(payload) => {
                tracing::error!("a WebSocket handler {}", panic_text(&*payload));
                self.say_goodbye(code::INTERNAL_ERROR, "");
            }
        }
    }

    /// Cancels the handler whose peer is gone, once it has received everything or had its time.
    fn release_handler(&mut self) {
        let is_over = match self.phase {
            Phase::Open => self.wire.as_ref().is_some_and(Wire::has_ended),
            Phase::Closing => false,
            Phase::Answering | Phase::Lingering | Phase::Gone => true,
        };
        if !is_over || self.handler.is_none() {
            return;
        }
        if self.phase != Phase::Open && self.socket.shared().inbound_len() == 0 {
            self.patience = None;
            self.cancel_handler();
        } else if self.patience.is_none() {
            self.patience = self.rt.now().checked_add(self.options.drain_timeout);
        }
    }

    fn cancel_handler(&self) {
        if let Some(handler) = &self.handler {
            handler.scope.cancel_with("the WebSocket's peer is gone");
        }
    }
}

/// Transitions.
impl<R: Runtime, S: ByteStream> Session<R, S> {
    /// Open → Closing, for a reason of ours. The close frame goes out after what is queued; if the
    /// handler has asked for one of its own, that one does.
    fn say_goodbye(&mut self, code: u16, reason: &'static str) {
        if self.phase == Phase::Open {
            self.socket.shared().say_goodbye(code, Text::from_static(reason));
            self.begin_closing();
        }
    }

    /// Open → Closing.
    fn begin_closing(&mut self) {
        self.phase = Phase::Closing;
        self.until = self.rt.now().checked_add(self.options.close_timeout);
    }

    /// Open or Closing → Answering: the peer has sent a close frame.
    fn answer(&mut self, frame: Option<CloseFrame>) {
        let why = match frame {
            Some(frame) => Disconnected::new(frame.code.into(), Text::from_wire(frame.reason)),
            None => Disconnected::new(code::NO_STATUS, ""),
        };
        self.socket.shared().close(why);
        self.socket.shared().discard_outbound();
        self.phase = Phase::Answering;
        self.is_unflushed = true;
        self.limit();
    }

    /// Open or Closing → Lingering: the peer breaks a rule.
    fn fail(&mut self, code: u16, reason: &'static str) {
        self.socket.shared().close(Disconnected::new(code, reason));
        self.socket.shared().discard_outbound();
        self.queue(close_frame(&Disconnected::new(code, reason)));
        self.phase = Phase::Lingering;
        self.limit();
    }

    /// Any → Gone.
    fn be_gone(&mut self) {
        self.socket.shared().close(Disconnected::new(code::ABNORMAL, ""));
        self.socket.shared().discard_outbound();
        self.wire = None;
        self.phase = Phase::Gone;
        self.until = None;
        self.next_ping = None;
    }

    /// P1, for a phase that may follow one with a deadline already.
    fn limit(&mut self) {
        let limit = || self.rt.now().checked_add(self.options.close_timeout);
        self.until = self.until.or_else(limit);
    }
}

/// Reading.
impl<R: Runtime, S: ByteStream> Session<R, S> {
    fn poll_read(&mut self, cx: &mut Context<'_>) {
        for _ in 0..FRAMES_PER_POLL {
            let Some(wire) = &mut self.wire else { return };
            match self.phase {
                Phase::Open if !self.socket.shared().inbound_has_room() => {
                    // The handler is slow, which is no fault of the peer's.
                    self.was_heard = true;
                    let _ = wire.poll_watch(cx);
                    return;
                }
                Phase::Open | Phase::Closing if self.unsent_pongs >= UNSENT_PONGS => return,
                Phase::Open | Phase::Closing => {}
                Phase::Answering | Phase::Gone => return,
                // Before the close frame is out, the system keeps what comes in.
                Phase::Lingering if self.is_unflushed => return,
                Phase::Lingering => {
                    if wire.poll_discard(cx).is_ready() {
                        self.be_gone();
                    }
                    return;
                }
            }
            match self.codec.read(&mut wire.with(cx)) {
                Ok(message) => self.incoming(message),
                Err(error) if is_pending(&error) => return,
                Err(error) => return self.read_failed(error),
            }
        }
        cx.waker().wake_by_ref();
    }

    fn incoming(&mut self, message: tungstenite::Message) {
        use tungstenite::Message as Wire;
        self.was_heard = true;
        match message {
            Wire::Text(text) => self.deliver(Message::Text(Text::from_wire(text))),
            Wire::Binary(bytes) => self.deliver(Message::Binary(bytes)),
            Wire::Ping(_) => {
                // The codec has queued the pong.
                self.is_unflushed = true;
                self.unsent_pongs += 1;
            }
            Wire::Pong(_) => {}
            Wire::Close(frame) => self.answer(frame),
            Wire::Frame(_) => unreachable!("the codec returns whole messages"),
        }
    }

    fn deliver(&mut self, message: Message) {
        if self.phase == Phase::Open {
            self.socket.shared().push_inbound(message);
        }
    }

    fn read_failed(&mut self, error: tungstenite::Error) {
        use tungstenite::Error;
        match error {
            Error::Capacity(_) => self.fail(code::TOO_BIG, "the message is too big"),
            Error::Utf8(_) => self.fail(code::INVALID_TEXT, "the text is not UTF-8"),
            Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) => self.be_gone(),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => self.be_gone(),
            error => {
                tracing::debug!("a WebSocket's peer breaks the protocol: {error}");
                self.fail(code::PROTOCOL_ERROR, "the protocol is broken");
            }
        }
    }
}

/// Writing.
impl<R: Runtime, S: ByteStream> Session<R, S> {
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        if self.phase == Phase::Open && self.socket.shared().has_goodbye() {
            self.begin_closing();
        }
        let Poll::Ready(flushed) = self.poll_drain(cx) else { return };
        match (flushed, self.phase) {
            // Our close frame and the peer's have both gone their way: the server hangs up.
            (Err(tungstenite::Error::ConnectionClosed), _) => self.poll_hang_up(cx),
            (Err(_), _) => self.be_gone(),
            (Ok(()), Phase::Lingering) => {
                if let Some(wire) = &mut self.wire
                    && let Poll::Ready(Err(_)) = wire.poll_shutdown(cx)
                {
                    self.be_gone();
                }
            }
            (Ok(()), _) => {}
        }
    }

    /// Writes what is queued, and the close frame behind it. Ready when all of it is flushed.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<tungstenite::Result<()>> {
        loop {
            ready!(self.poll_flush(cx))?;
            // P2: the buffer is empty now.
            let Some(wire) = &mut self.wire else { return Poll::Ready(Ok(())) };
            let mut took_any = false;
            while let Some(message) = next_outgoing(&self.socket, self.phase) {
                took_any = true;
                self.is_unflushed = true;
                match self.codec.write(&mut wire.with(cx), message) {
                    Ok(()) => {}
                    // It is in the buffer all the same.
                    Err(error) if is_pending(&error) => return Poll::Pending,
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            if !took_any {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<tungstenite::Result<()>> {
        if let (true, Some(wire)) = (self.is_unflushed, &mut self.wire) {
            match self.codec.flush(&mut wire.with(cx)) {
                Ok(()) => {
                    self.is_unflushed = false;
                    self.unsent_pongs = 0;
                }
                Err(error) if is_pending(&error) => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Puts a frame of the pump's own into the codec's buffer.
    fn queue(&mut self, message: tungstenite::Message) {
        let Some(wire) = &mut self.wire else { return };
        self.is_unflushed = true;
        // With a waker that does nothing: `poll_write` follows in the same poll, and flushes. An
        // error shows up there again, or says that a close frame has gone out before.
        let _ = self
            .codec
            .write(&mut wire.with(&mut Context::from_waker(std::task::Waker::noop())), message);
    }

    fn poll_hang_up(&mut self, cx: &mut Context<'_>) {
        if let Some(wire) = &mut self.wire
            && wire.poll_shutdown(cx).is_ready()
        {
            self.be_gone();
        }
    }
}

/// What goes out next: a message, or the close frame behind the last one.
fn next_outgoing(socket: &WebSocket, phase: Phase) -> Option<tungstenite::Message> {
    if !matches!(phase, Phase::Open | Phase::Closing) {
        return None;
    }
    let shared = socket.shared();
    match shared.pop_outbound() {
        Some(Message::Text(text)) => Some(tungstenite::Message::Text(text.into_wire())),
        Some(Message::Binary(bytes)) => Some(tungstenite::Message::Binary(bytes)),
        None => shared.take_goodbye().map(|goodbye| close_frame(&goodbye)),
    }
}

fn close_frame(why: &Disconnected) -> tungstenite::Message {
    let reason = Text::from(why.reason()).into_wire();
    tungstenite::Message::Close(Some(CloseFrame { code: why.code().into(), reason }))
}

fn is_pending(error: &tungstenite::Error) -> bool {
    matches!(error, tungstenite::Error::Io(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

impl<R: Runtime, S> Unpin for Session<R, S> {}

/// The connection's task is dropped with a socket that is still open: nobody will move its messages.
impl<R: Runtime, S> Drop for Session<R, S> {
    fn drop(&mut self) {
        self.socket.shared().close(Disconnected::new(code::ABNORMAL, ""));
        self.socket.shared().discard_outbound();
    }
}
