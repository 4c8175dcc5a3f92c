use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

use carafe_core::rt::{ByteStream, ConnectOptions, ListenOptions, Listener, Net, ReadBuf, Runtime};

/// A free port of the loopback's.
pub(crate) fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// A free port of an address that nobody else in this test run uses, where the loopback has many: so
/// a port that was given back is not taken by a case that runs at the same time.
pub(crate) fn port_of_our_own() -> SocketAddr {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    if !cfg!(target_os = "linux") {
        return any_port();
    }
    let asked = ASKED.fetch_add(1, Ordering::Relaxed);
    // Spread over 127.1.0.0 to 127.254.255.255 by a multiplicative hash.
    let spread = (std::process::id().rotate_left(16) ^ asked).wrapping_mul(0x9e37_79b9);
    let [a, b, c, _] = spread.to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(127, a % 254 + 1, b, c), 0))
}

pub(crate) async fn accept<L: Listener>(listener: &mut L) -> io::Result<(L::Stream, SocketAddr)> {
    poll_fn(|cx| listener.poll_accept(cx)).await
}

/// Two ends of a connection: the one that connected, the one that was accepted.
pub(crate) async fn connected<R: Runtime>(rt: &R) -> (Stream<R>, Stream<R>) {
    let mut listener = rt.bind(any_port(), ListenOptions::default()).await.expect("a port is free");
    let addr = listener.local_addr().expect("a bound socket has an address");
    let connecting = rt.connect(addr, ConnectOptions::default());
    let (ours, theirs) = futures_lite::future::try_zip(connecting, accept(&mut listener))
        .await
        .expect("the loopback connects");
    (ours, theirs.0)
}

pub(crate) type Stream<R> = <R as Net>::TcpStream;

/// One read into a buffer of `room` bytes.
pub(crate) async fn read<S: ByteStream>(stream: &mut S, room: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; room];
    let read = poll_fn(|cx| {
        let mut buf = ReadBuf::new(&mut bytes);
        stream.poll_read(cx, &mut buf).map_ok(|()| buf.filled().len())
    })
    .await?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Everything until the peer ends its half.
pub(crate) async fn read_to_end<S: ByteStream>(stream: &mut S) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let some = read(stream, 16 * 1024).await?;
        if some.is_empty() {
            return Ok(all);
        }
        all.extend(some);
    }
}

pub(crate) async fn write_all<S: ByteStream>(stream: &mut S, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|cx| stream.poll_write(cx, bytes)).await?;
        bytes = &bytes[written..];
    }
    poll_fn(|cx| stream.poll_flush(cx)).await
}

pub(crate) async fn end_writing<S: ByteStream>(stream: &mut S) -> io::Result<()> {
    poll_fn(|cx| stream.poll_shutdown(cx)).await
}
