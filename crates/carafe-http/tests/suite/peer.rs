//! A client that writes what it is told to, right or wrong, and reads HTTP/1.1.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;

use carafe_core::rt::{ByteStream, ConnectOptions, ReadBuf, Runtime};

/// One end of a connection, with what was read and not used yet.
pub(crate) struct Peer<S> {
    stream: S,
    unread: Vec<u8>,
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// By lower-case name.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl<S: ByteStream> Peer<S> {
    pub(crate) async fn connect<R: Runtime<TcpStream = S>>(rt: &R, address: SocketAddr) -> Self {
        let stream = rt.connect(address, ConnectOptions::default()).await.unwrap();
        Peer { stream, unread: Vec::new() }
    }

    /// Writes `bytes`; what a server that has hung up does to that shows up in reading.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.try_send(bytes).await;
    }

    /// Writes `bytes`.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let mut bytes = bytes.as_ref();
        while !bytes.is_empty() {
            let written = poll_fn(|cx| self.stream.poll_write(cx, bytes)).await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Sends a GET of `path`.
    pub(crate) async fn get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")).await;
    }

    /// Ends this half of the connection.
    pub(crate) async fn shutdown(&mut self) {
        poll_fn(|cx| self.stream.poll_shutdown(cx)).await.unwrap();
    }

    /// Reads the next response to its end.
    pub(crate) async fn reply(&mut self) -> Reply {
        self.try_reply().await.expect("a whole response")
    }

    /// Reads the next response, unless the connection ends before it does.
    pub(crate) async fn try_reply(&mut self) -> Option<Reply> {
        let (status, headers) = self.head().await?;
        let body = if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
            self.chunks().await?
        } else {
            let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
            self.take(length).await?
        };
        Some(Reply { status, headers, body: String::from_utf8(body).unwrap() })
    }

    /// Reads a response's head.
    pub(crate) async fn head(&mut self) -> Option<(u16, HashMap<String, String>)> {
        let line = self.line().await?;
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = HashMap::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { return Some((status, headers)) };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }

    async fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = usize::from_str_radix(&self.line().await?, 16).unwrap();
            body.extend(self.take(size).await?);
            self.line().await?;
            if size == 0 {
                return Some(body);
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        let end = loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\r\n") {
                break end;
            }
            self.read_more().await?;
        };
        let line = self.take(end).await?;
        self.take(2).await?;
        Some(String::from_utf8(line).unwrap())
    }

    /// The next `count` bytes, unless the connection ends before.
    pub(crate) async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.unread.len() < count {
            self.read_more().await?;
        }
        Some(self.unread.drain(..count).collect())
    }

    /// Reads to the connection's end, and whether it was an orderly one.
    pub(crate) async fn rest(&mut self) -> (Vec<u8>, io::Result<()>) {
        loop {
            match self.read().await {
                Ok(0) => return (std::mem::take(&mut self.unread), Ok(())),
                Ok(_) => {}
                Err(error) => return (std::mem::take(&mut self.unread), Err(error)),
            }
        }
    }

    async fn read_more(&mut self) -> Option<()> {
        matches!(self.read().await, Ok(1..)).then_some(())
    }

    async fn read(&mut self) -> io::Result<usize> {
        let mut space = [0; 4096];
        let mut buf = ReadBuf::new(&mut space);
        poll_fn(|cx| self.stream.poll_read(cx, &mut buf)).await?;
        self.unread.extend_from_slice(buf.filled());
        Ok(buf.filled().len())
    }
}
