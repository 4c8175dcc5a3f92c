//! The sockets of everybody who is there: what a broadcast needs.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::BuildHasherDefault;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carafe_http::ws::{Message, TrySendError, WebSocket, code};

/// The sockets of everybody who is there, and what is said to all of them.
///
/// # Examples
///
/// ```
/// use carafe_web::{App, Peers, Result, WebSocket};
///
/// static PEERS: Peers = Peers::new();
///
/// async fn chat(ws: WebSocket) -> Result {
///     let _member = PEERS.join(&ws);
///     loop {
///         let message = ws.receive().await?;
///         PEERS.send_all(message).await;
///     }
/// }
///
/// let app = App::new("chat").websocket("/ws", chat);
/// ```
#[derive(Default)]
pub struct Peers {
    // Not seeded at random, so that it can be made in a `static` and a simulated run repeats. What is
    // hashed is an address of ours: no client can choose it.
    sockets: Mutex<HashSet<WebSocket, BuildHasherDefault<DefaultHasher>>>,
}

/// How long a broadcast waits for peers whose queue is full.
const PATIENCE: Duration = Duration::from_secs(1);

impl Peers {
    /// Nobody.
    pub const fn new() -> Self {
        Peers { sockets: Mutex::new(HashSet::with_hasher(BuildHasherDefault::new())) }
    }

    /// Adds a socket until the membership is dropped, however its handler ends.
    pub fn join<'p>(&'p self, socket: &WebSocket) -> Member<'p> {
        self.lock().insert(socket.clone());
        Member { peers: self, socket: socket.clone() }
    }

    /// Sends a message to everybody.
    ///
    /// Who has room in its queue gets it at once. Those who have none are waited for together, one
    /// second at most; who has none even then is too slow for this company, and its socket is closed
    /// with 1008. So a peer that does not read delays one message, once, and nobody else's.
    ///
    /// # Cancel safety
    ///
    /// Dropping it may leave the message unsent to peers that are slow; their sockets stay open.
    pub async fn send_all(&self, message: impl Into<Message>) {
        let message = message.into();
        let everybody: Vec<_> = self.lock().iter().cloned().collect();
        let mut slow = Vec::new();
        for socket in everybody {
            match socket.try_send(message.clone()) {
                Err(TrySendError::Full(message)) => slow.push((socket, message)),
                // Whoever has just left is about to be taken off the list by its own handler.
                Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            }
        }
        if slow.is_empty() {
            return;
        }
        let limit = carafe_rt::now() + PATIENCE;
        for (socket, message) in slow {
            let left = limit.saturating_duration_since(carafe_rt::now());
            if carafe_rt::timeout(left, socket.send(message)).await.is_err() {
                socket.close(code::POLICY, "too slow").await;
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<WebSocket, BuildHasherDefault<DefaultHasher>>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("len", &self.len()).finish()
    }
}

/// A socket's membership; made by [`Peers::join`]. When it is dropped, the socket is no peer any more.
#[derive(Debug)]
#[must_use = "the socket is a peer only while this lives"]
pub struct Member<'p> {
    peers: &'p Peers,
    socket: WebSocket,
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        let gone = self.peers.lock().take(&self.socket);
        drop(gone);
    }
}
