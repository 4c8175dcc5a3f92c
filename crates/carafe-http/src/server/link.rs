//! What one connection's parts share: its task, its slots, and through them the server.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carafe_core::rt::Runtime;
use http::header::{CONNECTION, DATE};
use http::{HeaderValue, Method, Request, Response, Uri};

use super::date::DateCache;
use super::outgoing::{InFlight, InFlightCount};
use super::shared::Shared;
use crate::ConnectInfo;
use crate::ws::Accepted;

/// One connection, as its slots see it.
pub(super) struct Link<R: Runtime> {
    pub(super) server: Arc<Shared<R>>,
    pub(super) info: ConnectInfo,
    in_flight: InFlightCount,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The request that was begun last.
    request: Option<(Method, Uri)>,
    /// A WebSocket on its way from a slot to the connection's task.
    accepted: Option<Accepted>,
    date: DateCache,
}

impl<R: Runtime> Link<R> {
    pub(super) fn new(server: Arc<Shared<R>>, info: ConnectInfo) -> Self {
        let (in_flight, state) = Default::default();
        Link { server, info, in_flight, state }
    }

    /// hyper has read a request's head.
    pub(super) fn begin<B>(&self, request: &Request<B>) -> InFlight {
        self.server.requests.fetch_add(1, Ordering::Relaxed);
        let request = (request.method().clone(), request.uri().clone());
        self.lock().request = Some(request);
        self.in_flight.begin()
    }

    /// Whether a request is not answered to the end.
    pub(super) fn is_busy(&self) -> bool {
        !self.in_flight.is_zero()
    }

    /// The request that was begun last, for the log: `GET /path from 192.0.2.1:50000`.
    pub(super) fn request(&self) -> String {
        struct Of<'a>(&'a Option<(Method, Uri)>);
        impl fmt::Display for Of<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    // Without the query: it may hold secrets, and this goes to a log.
                    Some((method, uri)) => write!(f, "{method} {}", uri.path()),
                    None => f.write_str("no request"),
                }
            }
        }
        format!("{} from {}", Of(&self.lock().request), self.info.peer)
    }

    /// Leaves a WebSocket for the connection's task.
    pub(super) fn hand_over(&self, accepted: Accepted) {
        self.lock().accepted = Some(accepted);
    }

    /// Takes the WebSocket that a slot has left.
    pub(super) fn take_over(&self) -> Option<Accepted> {
        self.lock().accepted.take()
    }

    /// Adds what a response tells of the server: the date, and whether it is the connection's last.
    pub(super) fn complete<B>(&self, response: &mut Response<B>) {
        let is_last = self.server.drain.has_begun() && !response.status().is_informational();
        let headers = response.headers_mut();
        headers.entry(DATE).or_insert_with(|| self.lock().date.now(&self.server.rt));
        if is_last {
            // hyper says so by itself only if it was told before this poll.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No user code runs under the lock, so a poisoned one guards whole state all the same.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
