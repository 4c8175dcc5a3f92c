//! A blocking HTTP/1.1 client that hides nothing: what is sent, and when, is up to the test.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::PATIENCE;

/// One request on a connection of its own.
#[track_caller]
pub(crate) fn get(address: SocketAddr, path: &str) -> Response {
    request(address, "GET", path)
}

/// One request on a connection of its own.
#[track_caller]
pub(crate) fn request(address: SocketAddr, method: &str, path: &str) -> Response {
    let mut connection = Connection::open(address);
    connection.send(&format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    ));
    connection.response()
}

/// Whether the port accepts nobody.
pub(crate) fn is_refused(address: SocketAddr) -> bool {
    match TcpStream::connect_timeout(&address, PATIENCE) {
        Ok(_) => false,
        // A reset says that it was in the backlog of a listener that is gone.
        Err(error) => {
            matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
        }
    }
}

/// A connection to a server.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    #[track_caller]
    pub(crate) fn open(address: SocketAddr) -> Self {
        Connection(BufReader::new(connect(address)))
    }

    /// Sends text as it is.
    #[track_caller]
    pub(crate) fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("the server reads");
    }

    /// Sends a GET request and leaves the connection open.
    #[track_caller]
    pub(crate) fn send_get(&mut self, path: &str) {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"));
    }

    /// Sends a GET request, and reads the response.
    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.send_get(path);
        self.response()
    }

    /// Reads a whole response.
    #[track_caller]
    pub(crate) fn response(&mut self) -> Response {
        Response::read(&mut self.0).unwrap_or_else(|error| panic!("no response: {error}"))
    }

    /// Reads until the server closes, and gives what came.
    #[track_caller]
    pub(crate) fn rest(mut self) -> String {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the server has not closed: {error}"),
        }
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Closes (FIN).
    pub(crate) fn leave(self) {
        drop(self);
    }

    /// Closes like a process that crashes (RST).
    pub(crate) fn leave_by_reset(self) {
        reset(self.0.into_inner());
    }
}

/// Closes a socket by resetting it.
pub(crate) fn reset(stream: TcpStream) {
    let linger = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    linger.expect("a TCP socket lingers");
    drop(stream);
}

/// Connects; nothing on the connection blocks for longer than [`PATIENCE`].
#[track_caller]
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("the server accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout that is not zero");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout that is not zero");
    stream.set_nodelay(true).expect("a TCP socket");
    stream
}

/// A response that has arrived.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Response {
    fn read(stream: &mut impl BufRead) -> io::Result<Response> {
        let status = line(stream)?;
        let status = status.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| bad("a status line"))?;
        let (mut length, mut is_chunked) = (None, false);
        loop {
            let header = line(stream)?.to_ascii_lowercase();
            match header.split_once(':') {
                None if header.is_empty() => break,
                None => return Err(bad("a header")),
                Some(("content-length", value)) => length = value.trim().parse::<u64>().ok(),
                Some(("transfer-encoding", value)) => is_chunked = value.trim() == "chunked",
                Some(_) => {}
            }
        }
        let mut body = Vec::new();
        match length {
            _ if is_chunked => read_chunks(stream, &mut body)?,
            Some(length) => {
                if stream.take(length).read_to_end(&mut body)? as u64 != length {
                    return Err(bad("the whole body"));
                }
            }
            None => _ = stream.read_to_end(&mut body)?,
        }
        let body = String::from_utf8(body).map_err(|_| bad("text"))?;
        Ok(Response { status, body })
    }
}

fn read_chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let size = u64::from_str_radix(&line(stream)?, 16).map_err(|_| bad("a chunk's size"))?;
        if stream.take(size).read_to_end(body)? as u64 != size {
            return Err(bad("the whole chunk"));
        }
        if !line(stream)?.is_empty() {
            return Err(bad("the end of a chunk"));
        }
        if size == 0 {
            return Ok(());
        }
    }
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let Some(line) = line.strip_suffix("\r\n") else { return Err(bad("a whole line")) };
    Ok(line.to_owned())
}

fn bad(expected: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{expected} was expected"))
}
