//! TCP: what `rt::Net`, `rt::Listener` and `rt::ByteStream` promise.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::task::Poll;

use carafe_core::rt::{
    ByteStream, ConnectOptions, ListenOptions, Listener, Meta, Net, ReadBuf, Runtime, Spawn,
};
use futures_lite::future::{poll_once, try_zip, zip};

use crate::Backend;
use crate::kit::{
    Event, accept, any_port, connected, end_writing, port_of_our_own, read, read_to_end, write_all,
};

/// `Net::bind`: port 0 gives a free port, and `local_addr` says which.
pub fn a_listener_on_port_0_says_its_port<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let first = rt.bind(any_port(), ListenOptions::default()).await.unwrap();
        let second = rt.bind(any_port(), ListenOptions::default()).await.unwrap();
        let (first, second) = (first.local_addr().unwrap(), second.local_addr().unwrap());
        assert_eq!(first.ip(), Ipv4Addr::LOCALHOST);
        assert_ne!(first.port(), 0);
        assert_ne!(first.port(), second.port());
    });
}

/// `Net::bind`: a port that somebody listens on is `AddrInUse`, and free again once they are gone.
pub fn a_port_in_use_is_refused<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let first = rt.bind(port_of_our_own(), ListenOptions::default()).await.unwrap();
        let addr = first.local_addr().unwrap();
        let second = rt.bind(addr, ListenOptions::default()).await;
        assert_eq!(kind(second), Some(io::ErrorKind::AddrInUse));
        drop(first);
        rt.bind(addr, ListenOptions::default()).await.unwrap();
    });
}

/// `ListenOptions::reuse_port`: several sockets may bind a port if all of them say so.
pub fn sockets_may_share_a_port_if_all_agree<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let shared = ListenOptions::default().reuse_port(true);
        let first = rt.bind(port_of_our_own(), shared).await.unwrap();
        let addr = first.local_addr().unwrap();
        let second = rt.bind(addr, shared).await.unwrap();
        assert_eq!(second.local_addr().unwrap(), addr);
        let third = rt.bind(addr, ListenOptions::default()).await;
        assert_eq!(kind(third), Some(io::ErrorKind::AddrInUse));
    });
}

/// `Net::connect`: where nobody listens it is `ConnectionRefused`.
pub fn a_port_where_nobody_listens_refuses<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let listener = rt.bind(port_of_our_own(), ListenOptions::default()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        drop(listener);
        let refused = rt.connect(addr, ConnectOptions::default()).await;
        assert_eq!(kind(refused), Some(io::ErrorKind::ConnectionRefused));
    });
}

/// `Listener::poll_accept`: both ends know each other's address.
pub fn both_ends_know_their_addresses<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let mut listener = rt.bind(any_port(), ListenOptions::default()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let connecting = rt.connect(addr, ConnectOptions::default());
        let (ours, (theirs, peer)) = try_zip(connecting, accept(&mut listener)).await.unwrap();
        assert_eq!(ours.peer_addr().unwrap(), addr);
        assert_eq!(theirs.local_addr().unwrap(), addr);
        assert_eq!(ours.local_addr().unwrap(), peer);
        assert_eq!(theirs.peer_addr().unwrap(), peer);
    });
}

/// `Listener::poll_accept`: connections made before anybody accepts wait for their turn, in order.
pub fn connections_wait_to_be_accepted<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let mut listener = rt.bind(any_port(), ListenOptions::default()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        for id in 0..3 {
            let mut stream = rt.connect(addr, ConnectOptions::default()).await.unwrap();
            write_all(&mut stream, &[id]).await.unwrap();
            waiting.push(stream);
        }
        for id in 0..3 {
            let (mut stream, _) = accept(&mut listener).await.unwrap();
            assert_eq!(read(&mut stream, 16).await.unwrap(), [id]);
        }
    });
}

/// `Listener::poll_accept`: a task that waits for a connection is woken by one.
pub fn an_acceptor_is_woken_by_a_connection<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let mut listener = rt.bind(any_port(), ListenOptions::default()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (is_waiting, done) = (Event::new(), Event::new());
        let (waiting, its) = (is_waiting.clone(), done.clone());
        rt.spawn_detached(Meta::unnamed(), async move {
            let mut accepting = pin!(accept(&mut listener));
            assert!(poll_once(accepting.as_mut()).await.is_none(), "nobody has connected");
            waiting.set();
            accepting.await.unwrap();
            its.set();
        });
        is_waiting.wait().await;
        let _stream = rt.connect(addr, ConnectOptions::default()).await.unwrap();
        done.wait().await;
    });
}

/// `ByteStream`: bytes go both ways, in order and unchanged.
pub fn bytes_go_both_ways<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (mut ours, mut theirs) = connected(&rt).await;
        write_all(&mut ours, b"there").await.unwrap();
        assert_eq!(read(&mut theirs, 16).await.unwrap(), b"there");
        write_all(&mut theirs, b"and back").await.unwrap();
        assert_eq!(read(&mut ours, 16).await.unwrap(), b"and back");
    });
}

/// `ByteStream::poll_read`: a small buffer gets what fits, the rest stays.
pub fn a_small_buffer_gets_what_fits<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (mut ours, mut theirs) = connected(&rt).await;
        write_all(&mut ours, b"abcdef").await.unwrap();
        drop(ours);
        let mut all = Vec::new();
        loop {
            let some = read(&mut theirs, 2).await.unwrap();
            assert!(some.len() <= 2);
            if some.is_empty() {
                break;
            }
            all.extend(some);
        }
        assert_eq!(all, b"abcdef");
    });
}

/// `ByteStream::poll_read`: what was in the buffer before stays; what is read comes after it.
pub fn a_read_adds_to_what_the_buffer_has<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (mut ours, mut theirs) = connected(&rt).await;
        write_all(&mut ours, b"new").await.unwrap();
        drop(ours);
        let mut space = [0; 16];
        let mut buf = ReadBuf::new(&mut space);
        buf.put_slice(b"old ");
        loop {
            let before = buf.filled().len();
            poll_fn(|cx| theirs.poll_read(cx, &mut buf)).await.unwrap();
            if buf.filled().len() == before {
                break;
            }
        }
        assert_eq!(buf.filled(), b"old new");
    });
}

/// `ByteStream::poll_read`: it fills memory that was never initialised.
pub fn a_read_fills_uninitialised_memory<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (mut ours, mut theirs) = connected(&rt).await;
        write_all(&mut ours, b"fresh").await.unwrap();
        let mut space = [const { std::mem::MaybeUninit::uninit() }; 5];
        let mut buf = ReadBuf::uninit(&mut space);
        while buf.remaining() > 0 {
            poll_fn(|cx| theirs.poll_read(cx, &mut buf)).await.unwrap();
        }
        assert_eq!(buf.filled(), b"fresh");
    });
}

/// `ByteStream::poll_read`: a reader that waits is woken by bytes.
pub fn a_reader_is_woken_by_bytes<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (mut ours, mut theirs) = connected(&rt).await;
        let (is_waiting, done) = (Event::new(), Event::new());
        let (waiting, its) = (is_waiting.clone(), done.clone());
        rt.spawn_detached(Meta::unnamed(), async move {
            let mut reading = pin!(read(&mut theirs, 16));
            assert!(poll_once(reading.as_mut()).await.is_none(), "nothing was written");
            waiting.set();
            assert_eq!(reading.await.unwrap(), b"late");
            its.set();
        });
        is_waiting.wait().await;
        write_all(&mut ours, b"late").await.unwrap();
        done.wait().await;
    });
}

/// `ByteStream::poll_write`: a writer whose peer does not read waits, and goes on when it does; no
/// byte is lost.
pub fn a_writer_waits_for_its_reader<B: Backend>(backend: B) {
    // More than any socket buffers by default.
    const LEN: usize = 16 * 1024 * 1024;
    backend.enter(async |rt| {
        let (mut ours, mut theirs) = connected(&rt).await;
        let sent: Vec<u8> = (0..LEN).map(|at| (at % 251) as u8).collect();
        {
            let mut writing = pin!(write_all(&mut ours, &sent));
            assert!(poll_once(writing.as_mut()).await.is_none(), "16 MiB fitted into the buffers");
            let reading = async {
                let mut at = 0;
                while at < LEN {
                    let some = read(&mut theirs, 256 * 1024).await.unwrap();
                    assert!(some == sent[at..at + some.len()], "bytes changed behind {at}");
                    at += some.len();
                }
            };
            zip(writing, reading).await.0.unwrap();
        }
        drop(ours);
        assert_eq!(read_to_end(&mut theirs).await.unwrap(), b"");
    });
}

/// `ByteStream::poll_write_vectored`: the slices are written in order, empty ones too.
pub fn slices_are_written_in_order<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (mut ours, mut theirs) = connected(&rt).await;
        let parts: [&[u8]; 4] = [b"one ", b"", b"two ", b"three"];
        let slices = parts.map(IoSlice::new);
        let written = poll_fn(|cx| ours.poll_write_vectored(cx, &slices)).await.unwrap();
        assert!(written > 0);
        let whole = parts.concat();
        write_all(&mut ours, &whole[written..]).await.unwrap();
        drop(ours);
        assert_eq!(read_to_end(&mut theirs).await.unwrap(), whole);
    });
}

/// `ByteStream::is_write_vectored`: where it is better, one write takes more than the first slice.
pub fn a_vectored_write_takes_several_slices<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (mut ours, _theirs) = connected(&rt).await;
        let slices = [IoSlice::new(b"one"), IoSlice::new(b"two")];
        if ours.is_write_vectored() {
            let written = poll_fn(|cx| ours.poll_write_vectored(cx, &slices)).await.unwrap();
            assert_eq!(written, 6);
        }
    });
}

/// `ByteStream::poll_shutdown`: the peer reads to the end of what was written, and reading goes on.
pub fn a_half_closed_stream_still_reads<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (mut ours, mut theirs) = connected(&rt).await;
        write_all(&mut ours, b"question").await.unwrap();
        end_writing(&mut ours).await.unwrap();
        assert_eq!(read_to_end(&mut theirs).await.unwrap(), b"question");
        write_all(&mut theirs, b"answer").await.unwrap();
        drop(theirs);
        assert_eq!(read_to_end(&mut ours).await.unwrap(), b"answer");
    });
}

/// `ByteStream::poll_shutdown`: nothing can be written after it.
pub fn a_half_closed_stream_does_not_write<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (mut ours, _theirs) = connected(&rt).await;
        end_writing(&mut ours).await.unwrap();
        let written = write_all(&mut ours, b"late").await;
        assert_eq!(kind(written), Some(io::ErrorKind::BrokenPipe));
    });
}

/// `ByteStream`, on drop: the peer reads what was written, then the end.
pub fn a_dropped_stream_is_the_end_for_its_peer<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (mut ours, mut theirs) = connected(&rt).await;
        write_all(&mut ours, b"goodbye").await.unwrap();
        drop(ours);
        assert_eq!(read_to_end(&mut theirs).await.unwrap(), b"goodbye");
        assert_eq!(read(&mut theirs, 16).await.unwrap(), b"", "the end is the end");
    });
}

/// `ByteStream`, on drop: a reader that waits is woken by the end.
pub fn a_reader_is_woken_by_the_end<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (ours, mut theirs) = connected(&rt).await;
        let mut reading = pin!(read(&mut theirs, 16));
        assert!(poll_once(reading.as_mut()).await.is_none(), "nothing was written");
        drop(ours);
        assert_eq!(reading.await.unwrap(), b"");
    });
}

/// `ByteStream`, on drop: what the peer goes on writing fails in the end, by name.
pub fn writing_to_a_peer_that_is_gone_fails<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let (mut ours, theirs) = connected(&rt).await;
        drop(theirs);
        let failed = loop {
            // The system may take a few before it has heard.
            if let Err(error) = write_all(&mut ours, &[0; 1024]).await {
                break error.kind();
            }
            futures_lite::future::yield_now().await;
        };
        let is_named = matches!(
            failed,
            io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
        );
        assert!(is_named, "{failed:?}");
    });
}

/// `Net::connect`, on drop: an attempt that is given up, polled or not, leaves the listener usable.
pub fn a_connect_that_is_dropped_harms_nobody<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let mut listener = rt.bind(any_port(), ListenOptions::default()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        drop(rt.connect(addr, ConnectOptions::default()));
        {
            let mut given_up = Box::pin(rt.connect(addr, ConnectOptions::default()));
            let _maybe = poll_fn(|cx| Poll::Ready(given_up.as_mut().poll(cx))).await;
        }
        let mut kept = rt.connect(addr, ConnectOptions::default()).await.unwrap();
        let ours = kept.local_addr().unwrap();
        loop {
            // The one that was given up may be in front, and may be reset.
            if let Ok((mut stream, peer)) = accept(&mut listener).await
                && peer == ours
            {
                write_all(&mut stream, b"you").await.unwrap();
                break;
            }
        }
        assert_eq!(read(&mut kept, 16).await.unwrap(), b"you");
    });
}

/// `Listener`, on drop: its port refuses.
pub fn a_dropped_listener_refuses<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let mut listener = rt.bind(port_of_our_own(), ListenOptions::default()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        {
            let mut accepting = pin!(accept(&mut listener));
            assert!(poll_once(accepting.as_mut()).await.is_none(), "nobody has connected");
        }
        drop(listener);
        let refused = rt.connect(addr, ConnectOptions::default()).await;
        assert_eq!(kind(refused), Some(io::ErrorKind::ConnectionRefused));
    });
}

/// `ListenOptions`, `ConnectOptions`: each can be set, and the stream works as without.
pub fn options_are_taken<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        for nodelay in [true, false] {
            let listening = ListenOptions::default().backlog(4).nodelay(nodelay);
            let mut listener = rt.bind(any_port(), listening).await.unwrap();
            let addr = listener.local_addr().unwrap();
            let connecting = rt.connect(addr, ConnectOptions::default().nodelay(nodelay));
            let (mut ours, (mut theirs, _)) =
                try_zip(connecting, accept(&mut listener)).await.unwrap();
            write_all(&mut ours, b"x").await.unwrap();
            assert_eq!(read(&mut theirs, 16).await.unwrap(), b"x");
        }
    });
}

/// `Net`: the reading and the writing half are woken apart from each other.
pub fn both_directions_are_busy_at_once<B: Backend>(backend: B) {
    // More than the buffers hold, so both ends have to write and read by turns.
    const LEN: usize = 1024 * 1024;

    /// Writes and reads `LEN` bytes on one stream, in one task.
    async fn exchange<S: ByteStream>(mut stream: S) {
        let chunk = vec![7; 64 * 1024];
        let mut space = vec![0; 64 * 1024];
        let (mut sent, mut received) = (0, 0);
        poll_fn(|cx| {
            loop {
                let mut moved = false;
                if sent < LEN {
                    let rest = &chunk[..chunk.len().min(LEN - sent)];
                    if let Poll::Ready(written) = stream.poll_write(cx, rest) {
                        sent += written.expect("the peer reads");
                        moved = true;
                    }
                }
                if received < LEN {
                    let mut buf = ReadBuf::new(&mut space);
                    if let Poll::Ready(read) = stream.poll_read(cx, &mut buf) {
                        read.expect("the peer writes");
                        assert!(!buf.filled().is_empty(), "the peer ended after {received} bytes");
                        received += buf.filled().len();
                        moved = true;
                    }
                }
                if sent == LEN && received == LEN {
                    return Poll::Ready(());
                }
                if !moved {
                    return Poll::Pending;
                }
            }
        })
        .await;
        // Its own end would reset what the peer has not read yet.
        end_writing(&mut stream).await.expect("the stream is open");
        assert_eq!(read(&mut stream, 1).await.expect("the peer ends"), b"");
    }

    backend.enter(async |rt| {
        let (ours, theirs) = connected(&rt).await;
        let done = Event::new();
        let its = done.clone();
        rt.spawn_detached(Meta::unnamed(), async move {
            exchange(theirs).await;
            its.set();
        });
        zip(exchange(ours), done.wait()).await;
    });
}

/// `Net`: fifty connections at once, each answered by a task of its own.
pub fn fifty_connections_are_answered<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let mut listener = rt.bind(any_port(), ListenOptions::default()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = rt.clone();
        rt.spawn_detached(Meta::here("the acceptor"), async move {
            for _ in 0..50 {
                let (mut stream, _) = accept(&mut listener).await.unwrap();
                server.spawn_detached(Meta::here("an echo"), async move {
                    let all = read_to_end(&mut stream).await.unwrap();
                    write_all(&mut stream, &all).await.unwrap();
                });
            }
        });
        let done: Vec<Event> = (0..50).map(|_| Event::new()).collect();
        for (id, its) in done.iter().cloned().enumerate() {
            let client = rt.clone();
            rt.spawn_detached(Meta::here("a client"), async move {
                let said = ask(&client, addr, id.to_string().as_bytes()).await;
                assert_eq!(said.unwrap(), id.to_string().as_bytes());
                its.set();
            });
        }
        for its in done {
            its.wait().await;
        }
    });
}

async fn ask<R: Runtime>(rt: &R, addr: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = rt.connect(addr, ConnectOptions::default()).await?;
    write_all(&mut stream, question).await?;
    end_writing(&mut stream).await?;
    read_to_end(&mut stream).await
}

/// `Net::resolve`: an address is itself, with the port.
pub fn an_address_resolves_to_itself<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let v4 = rt.resolve("127.0.0.1", 80).await.unwrap();
        assert_eq!(v4, ["127.0.0.1:80".parse().unwrap()]);
        let v6 = rt.resolve("::1", 443).await.unwrap();
        assert_eq!(v6, ["[::1]:443".parse().unwrap()]);
    });
}

/// `Net::resolve`: `localhost` is the loopback.
pub fn localhost_resolves_to_the_loopback<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let addrs = rt.resolve("localhost", 80).await.unwrap();
        assert!(!addrs.is_empty());
        assert!(addrs.iter().all(|addr| addr.ip().is_loopback() && addr.port() == 80), "{addrs:?}");
    });
}

/// `Net::resolve`: a host that is not known is an error.
pub fn an_unknown_host_is_an_error<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        // The top-level domain is reserved for names that do not exist (RFC 6761), and the label is
        // longer than a name may have: no resolver asks anybody.
        let host = format!("{}.invalid", "x".repeat(64));
        assert!(rt.resolve(&host, 80).await.is_err());
    });
}

fn kind<T>(result: io::Result<T>) -> Option<io::ErrorKind> {
    result.err().map(|error| error.kind())
}
