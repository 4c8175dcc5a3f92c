//! A WebSocket client at the level of frames, written against RFC 6455 alone, so that it can be wrong
//! on purpose and shares no mistake with the server's codec.

use std::collections::HashMap;
use std::net::SocketAddr;

use carafe_core::rt::{ByteStream, Runtime};

use crate::peer::{Peer, Reply};

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// The client's end of a WebSocket.
pub(crate) struct WsPeer<S> {
    pub(crate) peer: Peer<S>,
    /// The headers of the 101.
    pub(crate) headers: HashMap<String, String>,
}

/// A frame that the server has sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

/// The request for a WebSocket, with further header lines.
pub(crate) fn upgrade(path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

/// A frame as a client has to write it: masked.
pub(crate) fn frame(is_final: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::from(is_final) << 7 | opcode];
    match payload.len() {
        len @ ..=125 => bytes.push(0x80 | len as u8),
        len @ ..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(0x80 | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    let mask = [0x12, 0x34, 0x56, 0x78];
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

impl<S: ByteStream> WsPeer<S> {
    /// A socket that the server has accepted.
    pub(crate) async fn open<R: Runtime<TcpStream = S>>(
        rt: &R,
        address: SocketAddr,
        path: &str,
    ) -> Self {
        Self::try_open(rt, address, path).await.expect("an accepted WebSocket")
    }

    /// Asks for a socket.
    pub(crate) async fn try_open<R: Runtime<TcpStream = S>>(
        rt: &R,
        address: SocketAddr,
        path: &str,
    ) -> Result<Self, Reply> {
        let mut peer = Peer::connect(rt, address).await;
        peer.send(upgrade(path, "")).await;
        Self::opened(peer).await
    }

    /// Reads the answer to an upgrade.
    pub(crate) async fn opened(mut peer: Peer<S>) -> Result<Self, Reply> {
        let (status, headers) = peer.head().await.expect("a head");
        if status == 101 {
            // The RFC's own example, section 1.3.
            assert_eq!(headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
            return Ok(WsPeer { peer, headers });
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let body = String::from_utf8(peer.take(length).await.unwrap()).unwrap();
        Err(Reply { status, headers, body })
    }

    pub(crate) async fn send(&mut self, opcode: u8, payload: impl AsRef<[u8]>) {
        self.peer.send(frame(true, opcode, payload.as_ref())).await;
    }

    /// Sends a part of a message.
    pub(crate) async fn fragment(&mut self, is_final: bool, opcode: u8, payload: &[u8]) {
        self.peer.send(frame(is_final, opcode, payload)).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.send(TEXT, text).await;
    }

    /// Sends a close frame.
    pub(crate) async fn close(&mut self, code: u16) {
        self.send(CLOSE, code.to_be_bytes()).await;
    }

    /// The next frame of the server, unless the connection ends.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let head = self.peer.take(2).await?;
        assert_eq!(head[0] & 0x70, 0, "no reserved bit");
        assert_eq!(head[1] & 0x80, 0, "a server does not mask");
        let length = match head[1] {
            126 => u16::from_be_bytes(self.peer.take(2).await?.try_into().unwrap()).into(),
            127 => u64::from_be_bytes(self.peer.take(8).await?.try_into().unwrap()),
            length => length.into(),
        };
        let payload = self.peer.take(length.try_into().unwrap()).await?;
        Some(Frame { opcode: head[0] & 0x0f, payload })
    }

    /// The next frame, which is a text.
    pub(crate) async fn next_text(&mut self) -> String {
        let frame = self.next().await.expect("a frame");
        assert_eq!(frame.opcode, TEXT, "a text, not {frame:?}");
        String::from_utf8(frame.payload).unwrap()
    }

    /// The code of the next frame, which is a close frame.
    pub(crate) async fn next_close(&mut self) -> u16 {
        let frame = self.next().await.expect("a frame");
        assert_eq!(frame.opcode, CLOSE, "a close frame, not {frame:?}");
        u16::from_be_bytes(frame.payload[..2].try_into().unwrap())
    }
}
