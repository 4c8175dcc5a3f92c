//! A blocking WebSocket client: tungstenite on a std socket.

use std::net::{SocketAddr, TcpStream};

use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use super::http::{connect, reset};

/// A WebSocket that has been accepted.
pub(crate) struct Socket(WebSocket<TcpStream>);

impl Socket {
    #[track_caller]
    pub(crate) fn open(address: SocketAddr, path: &str) -> Self {
        let request = format!("ws://{address}{path}");
        let (socket, _) = tungstenite::client(request, connect(address))
            .unwrap_or_else(|error| panic!("no WebSocket: {error}"));
        Socket(socket)
    }

    #[track_caller]
    pub(crate) fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap_or_else(|error| panic!("cannot send: {error}"));
    }

    /// The next text.
    #[track_caller]
    pub(crate) fn text(&mut self) -> String {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return text.as_str().to_owned(),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("a text was expected, not {other:?}"),
            }
        }
    }

    /// Reads to the end, and gives the code of the close frame that came.
    #[track_caller]
    pub(crate) fn closed(mut self) -> u16 {
        loop {
            match self.0.read() {
                Ok(Message::Close(frame)) => {
                    return frame.map_or(CloseCode::Status, |frame| frame.code).into();
                }
                Ok(_) => {}
                Err(error) => panic!("a close frame was expected, not {error}"),
            }
        }
    }

    /// Leaves without a word: the connection ends (FIN).
    pub(crate) fn vanish(self) {
        drop(self);
    }

    /// Leaves like a process that crashes: the connection is reset (RST).
    pub(crate) fn vanish_by_reset(self) {
        reset(self.0.into_inner());
    }
}
