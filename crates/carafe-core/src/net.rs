//! What every real backend does about sockets in the same way: binding one, and asking for the
//! addresses of a host.
//!
//! A backend adopts the standard socket that [`listen`] returns. So the backlog, `SO_REUSEADDR` and
//! `TCP_NODELAY` are set in one place, and none of them depends on the loop.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use socket2::{Domain, Protocol, Socket, Type};

use crate::pool::Turn;
use crate::rt::{Blocking, ListenOptions};

/// Whether a stream has `TCP_NODELAY` because the listener that accepted it has.
///
/// Elsewhere a backend sets it on each stream, which is one system call per connection.
pub const ACCEPTED_STREAMS_INHERIT_NODELAY: bool =
    cfg!(any(target_os = "linux", target_os = "android"));

/// Binds a listening socket that does not block.
///
/// # Errors
///
/// What the system says: [`io::ErrorKind::AddrInUse`] for a port that somebody listens on;
/// [`io::ErrorKind::Unsupported`] for `reuse_port` where the system has no such thing.
pub fn listen(addr: SocketAddr, options: ListenOptions) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // A server that starts again must get its port back while connections of its predecessor are
    // in TIME_WAIT. On Windows the same option would let anybody steal a port in use.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if options.reuse_port {
        share_port(&socket)?;
    }
    if options.nodelay {
        socket.set_tcp_nodelay(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

#[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(all(
    unix,
    not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))
)))]
fn share_port(_: &Socket) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system cannot share a port"))
}

/// Asks the system's resolver for the addresses of `host`, on a thread of `blocking`. An address
/// is its own answer, and needs no thread.
///
/// # Errors
///
/// When the host is not known, the resolver fails, or no thread can be had.
///
/// # Cancel safety
///
/// Dropping the future loses the answer; the thread goes on until the resolver returns, which may
/// take as long as the resolver's own timeout.
pub async fn resolve<B>(blocking: &B, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>
where
    B: Blocking + Sync,
{
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let answer = Arc::new(Mutex::new(Answer::default()));
    let host = host.to_owned();
    let teller = answer.clone();
    blocking.spawn_blocking(Box::new(move || {
        let turn = Turn::take();
        let found = resolve_blocking(&host, port);
        turn.end();
        tell(&teller, found);
    }))?;
    Resolving(answer).await
}

/// Asks the system's resolver, and blocks until it answers.
///
/// # Errors
///
/// When the host is not known, or the resolver fails.
pub fn resolve_blocking(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<_> = (host, port).to_socket_addrs()?.collect();
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
    }
    Ok(found)
}

/// What the resolver's thread and the task that waits for it share.
#[derive(Default)]
struct Answer {
    /// Set once, by the thread.
    found: Option<io::Result<Vec<SocketAddr>>>,
    /// Who waits for it.
    waker: Option<Waker>,
}

fn tell(answer: &Mutex<Answer>, found: io::Result<Vec<SocketAddr>>) {
    let waker = {
        let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.found = Some(found);
        answer.waker.take()
    };
    if let Some(waker) = waker {
        waker.wake();
    }
}

struct Resolving(Arc<Mutex<Answer>>);

impl Future for Resolving {
    type Output = io::Result<Vec<SocketAddr>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut answer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answer.found.take() {
            Some(found) => Poll::Ready(found),
            None => {
                answer.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
