//! The app as a tower service.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum_core::BoxError;
use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use carafe_http::ws;
use http::header::{ALLOW, CONTENT_LENGTH, HeaderValue, LOCATION};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use http_body::Body as _;

use super::handle::AppHandle;
use super::lifespan::Hooks;
use super::route::Route;
use crate::abort;
use crate::arg::{Call, PathArgs};
use crate::error::{Chain, Error, Reported};
use crate::handler::Answer;
use crate::routing::{Outcome, Router};

/// An app as a tower service: any server can carry it, and a test can call it.
///
/// It takes any body, never fails and is always ready. It answers within
/// [`lifespan`](AppService::lifespan) only; before and after that, everything is a 503.
///
/// # Examples
///
/// ```no_run
/// use carafe_web::App;
/// use tower_service::Service;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let service = App::new("hello").get("/", async || "Hello").into_service()?;
/// let mut client = service.clone();
/// let response = service
///     .lifespan(async move { client.call(http::Request::new(String::new())).await })
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AppService {
    shared: Arc<Shared>,
}

struct Shared {
    app: AppHandle,
    router: Router,
    routes: Vec<Arc<Route>>,
    websocket_options: ws::Options,
    /// Until the app starts.
    hooks: Mutex<Option<Hooks>>,
}

impl AppService {
    pub(super) fn new(
        app: AppHandle,
        router: Router,
        routes: Vec<Arc<Route>>,
        websocket_options: ws::Options,
        hooks: Hooks,
    ) -> Self {
        let hooks = Mutex::new(Some(hooks));
        AppService { shared: Arc::new(Shared { app, router, routes, websocket_options, hooks }) }
    }

    /// The app, as its handlers see it.
    pub fn handle(&self) -> AppHandle {
        self.shared.app.clone()
    }

    /// The hooks, for the first who asks.
    pub(super) fn take_hooks(&self) -> Option<Hooks> {
        self.shared.hooks.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Finds out who answers, and begins.
    fn begin(&self, parts: Parts, body: Body) -> Begun {
        let shared = &*self.shared;
        if !shared.app.is_serving() {
            return Begun::answered(abort(503));
        }
        if body.size_hint().lower() > shared.app.body_limit() as u64 {
            return Begun::answered(abort(413));
        }
        let is_websocket = ws::is_upgrade(&parts);
        match shared.router.find(&parts.method, &parts.uri, is_websocket) {
            Outcome::Found(route, captures) => {
                let route = shared.routes[route].clone();
                let uri = parts.uri.clone();
                let args = PathArgs::new(uri, route.arguments().clone(), captures);
                let call = Call::new(parts, body, args, route.clone(), shared.app.clone());
                if is_websocket {
                    self.begin_websocket(call, route)
                } else {
                    Begun::handler(call, route)
                }
            }
            Outcome::SlashMissing(target) => Begun::answered(moved(&target)),
            Outcome::MethodNotAllowed(allowed) if parts.method == Method::OPTIONS => {
                Begun::answered(with_allow(().into_response(), &allowed))
            }
            Outcome::MethodNotAllowed(allowed) => {
                Begun::answered(with_allow(abort(405).into_response(), &allowed))
            }
            Outcome::OtherProtocol if is_websocket => {
                Begun::answered(abort(400).because("There is no WebSocket at this address."))
            }
            Outcome::OtherProtocol => {
                Begun::answered(abort(400).because("This address takes WebSockets only."))
            }
            Outcome::Undecodable => {
                Begun::answered(abort(400).because("The address is not UTF-8."))
            }
            Outcome::NotFound => Begun::answered(abort(404)),
        }
    }

    fn begin_websocket(&self, mut call: Call, route: Arc<Route>) -> Begun {
        let upgrade = match ws::Upgrade::from_parts(call.parts()) {
            Ok(upgrade) => upgrade,
            Err(refusal) => {
                let because = abort(refusal.status().as_u16()).because(refusal.to_string());
                // The headers that tell which version would do.
                let headers = refusal.into_response::<Body>().into_parts().0.headers;
                let mut response = because.into_response();
                response.headers_mut().extend(headers);
                return Begun::answered(response);
            }
        };
        let options = self.shared.websocket_options.clone();
        let handler_route = route.clone();
        let serving = upgrade.serve(options, |socket| {
            let answer = handler_route.call(call.with_websocket(socket.clone()));
            async move { goodbye(answer.await, &socket, &handler_route) }
        });
        Begun::Running { answer: Box::pin(serving), route }
    }
}

/// What a WebSocket's handler came to: an `Err` is the plain answer of one that never accepted, and
/// the failure of one that did.
#[expect(clippy::result_large_err, reason = "carafe-http's handlers end with it")]
fn goodbye(response: Response, socket: &ws::WebSocket, route: &Route) -> Result<(), Response> {
    let reported = response.extensions().get::<Reported>();
    // How most handlers notice that the client has left.
    let is_over = reported.is_some_and(|error| error.find::<ws::Disconnected>().is_some());
    if !socket.is_accepted() {
        // A handler that just ends has not let the client in: 403.
        let says_nothing =
            response.status() == StatusCode::OK && response.body().size_hint().exact() == Some(0);
        return if is_over || says_nothing { Ok(()) } else { Err(response) };
    }
    if is_over || response.status().as_u16() < 400 {
        return Ok(());
    }
    log_failure(&response, route);
    Err(response)
}

/// What [`AppService::begin`] came to.
enum Begun {
    Answered(Box<Response>),
    Running { answer: Answer, route: Arc<Route> },
}

impl Begun {
    fn answered(response: impl IntoResponse) -> Self {
        Begun::Answered(Box::new(response.into_response()))
    }

    fn handler(call: Call, route: Arc<Route>) -> Self {
        Begun::Running { answer: route.call(call), route }
    }
}

impl<B> tower_service::Service<Request<B>> for AppService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = AppFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> AppFuture {
        let (parts, body) = request.into_parts();
        let is_head = parts.method == Method::HEAD;
        let body = if body.is_end_stream() { Body::empty() } else { Body::new(body) };
        AppFuture { begun: self.begin(parts, body), is_head }
    }
}

impl fmt::Debug for AppService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppService")
            .field("app", &self.shared.app)
            .field("routes", &self.shared.routes)
            .finish_non_exhaustive()
    }
}

/// A response to come.
///
/// # On drop
///
/// Drops the handler, except one that runs on a thread: that runs to its end, and whoever serves the
/// app waits for it.
#[must_use = "a future does nothing until it is awaited"]
pub struct AppFuture {
    begun: Begun,
    is_head: bool,
}

impl Future for AppFuture {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = match &mut self.begun {
            Begun::Answered(response) => std::mem::take(&mut **response),
            Begun::Running { answer, route } => {
                let response = ready!(answer.as_mut().poll(cx));
                log_failure(&response, route);
                response
            }
        };
        Poll::Ready(Ok(if self.is_head { without_body(response) } else { response }))
    }
}

impl fmt::Debug for AppFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppFuture").finish_non_exhaustive()
    }
}

/// Logs an error that is the app's own fault, which the client is not told.
fn log_failure(response: &Response, route: &Route) {
    let Some(error) = response.extensions().get::<Reported>() else { return };
    if !error.status().is_server_error() {
        return;
    }
    let (rule, function) = (route.rule(), route.function());
    match error.source() {
        Some(source) => {
            tracing::error!(rule, function, "{}: {}", **error, Chain(source));
        }
        None => tracing::error!(rule, function, "{}", **error),
    }
}

/// The answer to HEAD: that to GET, with its length and without its body.
fn without_body(mut response: Response) -> Response {
    let length = response.body().size_hint().exact();
    *response.body_mut() = Body::empty();
    if let Some(length) = length {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    response
}

fn moved(target: &str) -> Response {
    let mut response = Error::new(StatusCode::PERMANENT_REDIRECT)
        .because("This address ends with a slash.")
        .into_response();
    match HeaderValue::try_from(target) {
        Ok(target) => {
            response.headers_mut().insert(LOCATION, target);
            response
        }
        // A path with bytes that no header may hold.
        Err(_) => abort(404).into_response(),
    }
}

fn with_allow(mut response: Response, methods: &[Method]) -> Response {
    let names: Vec<_> = methods.iter().map(Method::as_str).collect();
    if let Ok(value) = HeaderValue::try_from(names.join(", ")) {
        response.headers_mut().insert(ALLOW, value);
    }
    response
}
