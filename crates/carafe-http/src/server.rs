//! The server: a listener, a service, and the promise that what is accepted is answered.

mod accept;
mod app;
mod connection;
mod date;
mod drain;
mod linger;
mod link;
mod outgoing;
mod shared;
mod slot;

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use carafe_core::rt::{ByteStream, Listener, Runtime};
use carafe_core::{
    ChildInfo, Closed, Failure, Limiter, Nursery, NurseryError, NurseryOptions, Token, shutdown,
};
use futures_lite::future::or;
use http::{Request, Response};
use http_body::Body;
use hyper::server::conn::http1;
use tower_service::Service;

use self::accept::Acceptor;
use self::app::App;
use self::connection::Connection;
use self::link::Link;
use self::shared::Shared;
use crate::{BoxError, ConnectInfo, Incoming};

/// An HTTP server on the runtime `R`.
///
/// It serves any [`Service`] from requests to responses: an axum `Router`, say.
///
/// # Examples
///
/// ```no_run
/// use std::convert::Infallible;
/// use std::io;
///
/// use carafe_core::rt::{ListenOptions, Runtime};
/// use carafe_core::shutdown;
/// use carafe_http::{Incoming, Server};
/// use http::{Request, Response};
/// use tower_service::Service;
///
/// async fn serve<R, S>(rt: R, app: S) -> io::Result<()>
/// where
///     R: Runtime,
///     S: Service<Request<Incoming>, Response = Response<String>, Error = Infallible, Future: Send>
///         + Clone
///         + Send
///         + 'static,
/// {
///     let address = ([127, 0, 0, 1], 8000).into();
///     let listener = rt.bind(address, ListenOptions::default()).await?;
///     let report = Server::new(rt).serve(listener, app, shutdown::requested()).await?;
///     println!("answered {} requests", report.requests);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Server<R> {
    rt: R,
    max_connections: usize,
    graceful_timeout: Duration,
    begins_cancelling: bool,
    http1: http1::Builder,
}

impl<R: Runtime> Server<R> {
    /// A server with the default limits.
    pub fn new(rt: R) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .max_buf_size(64 * 1024)
            // hyper's one timer would close idle connections, and it reads the real clock.
            .header_read_timeout(None)
            // hyper's date comes from the real clock; the slots write it from the runtime's.
            .auto_date_header(false);
        Server {
            rt,
            max_connections: 10_000,
            graceful_timeout: Duration::from_secs(10),
            begins_cancelling: true,
            http1,
        }
    }

    /// Sets how many connections are served at a time, at least 1; 10,000 by default. More wait in
    /// the listener's backlog.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Sets how long requests and sockets that are in flight when the drain begins may take; 10 s by
    /// default. What is left then is cancelled, and named in the log.
    pub fn graceful_timeout(mut self, timeout: Duration) -> Self {
        self.graceful_timeout = timeout;
        self
    }

    /// Sets whether the run [begins to cancel](shutdown::begin_cancelling), and so an entry point's
    /// hard stop to count, when the graceful timeout has passed in a run that was asked to end; on by
    /// default. Off is for those whose run has phases after the server's: jobs that have a time of
    /// their own.
    pub fn begins_cancelling(mut self, begins: bool) -> Self {
        self.begins_cancelling = begins;
        self
    }

    /// Sets how many bytes a request's line and headers may have: 64 KiB by default, 8 KiB at least.
    /// What is bigger is answered with 431.
    pub fn max_header_size(mut self, bytes: usize) -> Self {
        self.http1.max_buf_size(bytes.max(8 * 1024));
        self
    }

    /// Sets whether a client that has ended its half of the connection is still answered; off by
    /// default, because it looks the same as a client that has left.
    pub fn half_close(mut self, is_answered: bool) -> Self {
        self.http1.half_close(is_answered);
        self
    }

    /// Serves until `drain` ends, and then until everything that was accepted is answered.
    ///
    /// Each connection is a child of a nursery here, named by its peer; a panic in one, which would
    /// be a bug of this crate, is logged and leaves the others alone. A handler that panics is
    /// answered for with a 500, and its connection lives on.
    ///
    /// When `drain` ends, the listener closes first. Then idle connections close, requests in flight
    /// are answered with `Connection: close`, and WebSockets are closed with 1001. When the graceful
    /// timeout has passed, what is left is cancelled.
    ///
    /// # Errors
    ///
    /// When the listener breaks for ever; what was accepted is served to its end even so. Errors that
    /// pass (a connection that is gone again, no descriptors left) are waited out.
    ///
    /// # Cancel safety
    ///
    /// When a scope around it is cancelled, everything in flight is, without a drain; handlers that
    /// hold (a shield, say) are waited for.
    pub async fn serve<L, S, B, D>(self, listener: L, service: S, drain: D) -> io::Result<Report>
    where
        L: Listener,
        S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + 'static,
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
        D: Future<Output = ()> + Send,
    {
        let Server { rt, max_connections, graceful_timeout, begins_cancelling, http1 } = self;
        let shared = &Arc::new(Shared::new(rt.clone(), http1));
        let acceptor = Acceptor::new(rt.clone(), listener);
        let limiter = Limiter::new(max_connections);
        let accepting = async {
            let result = accept(shared, acceptor, limiter, service, drain).await;
            shared.begin_drain(graceful_timeout);
            Ok(result)
        };
        let serving = supervised("detached handlers").open(&rt, |detached| {
            let _ = shared.detached.set(detached.clone()); // It was empty: this is its only writer.
            let connections = supervised("connections").open(&rt, |connections| {
                let _ = shared.connections.set(connections); // Like the other.
                accepting
            });
            async move {
                let result = connections.await;
                detached.set_deadline(shared.deadline());
                Ok(result)
            }
        });
        let ended = or(serving, cancel_late(shared, begins_cancelling)).await;
        let result = ended.and_then(|ended| ended).unwrap_or_else(|error| Err(interrupted(&error)));
        result.map(|()| shared.report())
    }
}

/// What a server has done when it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many connections were accepted.
    pub connections: u64,
    /// How many requests were begun.
    pub requests: u64,
    /// How many connections were cancelled with a request or a WebSocket in flight.
    pub cancelled: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { connections, requests, cancelled } = self;
        write!(f, "{requests} requests on {connections} connections, {cancelled} cancelled")
    }
}

/// A nursery in which one child's failure is nobody else's.
fn supervised(name: &'static str) -> NurseryOptions<Infallible> {
    NurseryOptions::new().name(name).supervised(|child: &ChildInfo, failure| match failure {
        Failure::Error(never) => match never {},
        failure @ Failure::Panic(_) => tracing::error!("{child} {failure}"),
    })
}

/// A nursery of the server's was cancelled with its body unfinished, which nobody here does.
fn interrupted(error: &NurseryError<Infallible>) -> io::Error {
    io::Error::other(format!("the server was interrupted: {error}"))
}

/// The body of the connections' nursery: accepts until `drain` ends, then closes the listener.
async fn accept<R, L, S, D>(
    shared: &Arc<Shared<R>>,
    mut acceptor: Acceptor<R, L>,
    limiter: Limiter,
    service: S,
    drain: D,
) -> io::Result<()>
where
    R: Runtime,
    L: Listener,
    S: App,
    D: Future<Output = ()>,
{
    let mut drain = pin!(drain);
    let result = loop {
        let accepting = async {
            let permit = limiter.acquire().await;
            Some(acceptor.next().await.map(|(stream, peer)| (stream, peer, permit)))
        };
        match or(until(drain.as_mut()), accepting).await {
            Some(Ok((stream, peer, permit))) => connect(shared, stream, peer, &service, permit),
            Some(Err(error)) => break Err(error),
            None => break Ok(()),
        }
    };
    // Those who have connected already, and perhaps sent a request, would meet a reset.
    while let Some(permit) = limiter.try_acquire() {
        let Some((stream, peer)) = acceptor.next_waiting().await else { break };
        connect(shared, stream, peer, &service, permit);
    }
    result
}

/// `None`, when `drain` has ended.
async fn until<T>(drain: Pin<&mut impl Future<Output = ()>>) -> Option<T> {
    drain.await;
    None
}

/// Serves one connection, in a child of its own.
fn connect<R, I, S>(
    shared: &Arc<Shared<R>>,
    stream: I,
    peer: SocketAddr,
    service: &S,
    permit: Token,
) where
    R: Runtime,
    I: ByteStream,
    S: App,
{
    // A socket without an address is gone already.
    let Ok(local) = stream.local_addr() else { return };
    shared.accepted.fetch_add(1, Ordering::Relaxed);
    let link = Link::new(shared.clone(), ConnectInfo::new(peer, local));
    let connection = Connection::new(stream, service.clone(), link, permit);
    let nursery: &Nursery<_, R> = shared.connections.get().expect("connections have a nursery");
    // Refused only by a nursery that has ended, and this runs in its body.
    if let Err(Closed(connection)) = nursery.named(peer.to_string()).try_spawn(connection) {
        drop(connection);
    }
}

/// Waits for the drain, gives it its time, and cancels what is left. Never ends.
async fn cancel_late<T, R: Runtime>(shared: &Shared<R>, begins_cancelling: bool) -> T {
    shared.drain.wait_begun().await;
    if let Some(deadline) = shared.deadline() {
        shared.rt.sleep_until(deadline).await;
        shared.cancel();
        if begins_cancelling && shutdown::is_requested() {
            // What goes on holding now is the entry point's to judge.
            shutdown::begin_cancelling();
        }
    }
    pending().await
}
