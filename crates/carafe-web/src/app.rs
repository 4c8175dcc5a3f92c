//! The app: routes, values, hooks, and how it is served.

mod check;
mod config;
mod handle;
mod hook;
mod jobs;
mod lifespan;
mod outcome;
mod route;
mod run;
mod serve;
mod service;
mod state;
mod task;

use std::fmt;
use std::sync::Arc;

use carafe_http::ws;
use http::Method;

pub use check::StartupError;
pub use config::Config;
pub use handle::{AppHandle, SYNC_HANDLERS, current_app, try_current_app};
pub use jobs::{AppNursery, JobSpawner};
pub use outcome::JobOutcome;
pub(crate) use route::Route;
pub use serve::ServeError;
pub use service::{AppFuture, AppService};
pub use task::{AsyncTask, BlockingTask, TaskFn};

use crate::handler::{Handler, erased};
use crate::routing::{Router, Rule, Serves};
use check::Mistakes;
use handle::Built;
use hook::Hook;
use state::States;

/// How large a request's body may be, if the app says nothing else.
const BODY_LIMIT: usize = 16 << 20;

/// A web app: routes, values, hooks.
///
/// Nothing that is wrong with it is an error while it is built; what was found is told when it starts,
/// all at once.
///
/// # Examples
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use carafe_web::App;
///
/// async fn hello() -> &'static str {
///     "Hello"
/// }
///
/// fn main() -> ExitCode {
///     App::new("hello").get("/", hello).run()
/// }
/// ```
#[must_use = "an app does nothing until it is served"]
pub struct App {
    handle: AppHandle,
    routes: Vec<Route>,
    states: States,
    before_serving: Vec<Hook>,
    after_serving: Vec<Hook>,
    background: Vec<Hook>,
    body_limit: usize,
    websocket_options: ws::Options,
    mistakes: Mistakes,
}

impl App {
    /// An app without routes. The name stands in the log.
    pub fn new(name: impl Into<String>) -> Self {
        App {
            handle: AppHandle::new(name.into()),
            routes: Vec::new(),
            states: States::default(),
            before_serving: Vec::new(),
            after_serving: Vec::new(),
            background: Vec::new(),
            body_limit: BODY_LIMIT,
            websocket_options: ws::Options::new(),
            mistakes: Mistakes::default(),
        }
    }

    /// The app, as its handlers see it: for code that starts it and wants to stop it.
    pub fn handle(&self) -> AppHandle {
        self.handle.clone()
    }

    /// Adds a handler for GET requests; HEAD and OPTIONS come with it.
    ///
    /// The rule is a path whose arguments stand in angle brackets, with a converter if need be:
    /// `/hello/<name>`, `/posts/<int:id>`, `/files/<path:name>`, `/<any(news,blog):section>/`. There
    /// are `string` (one segment), `int`, `float`, `path` (several segments), `uuid` and `any`. A rule
    /// that ends with a slash takes requests without it by redirecting them.
    pub fn route<M: 'static, H: Handler<M>>(self, rule: &str, handler: H) -> Self {
        self.get(rule, handler)
    }

    /// Adds a handler for requests of these methods.
    pub fn route_methods<M: 'static, H: Handler<M>>(
        self,
        rule: &str,
        methods: impl IntoIterator<Item = Method>,
        handler: H,
    ) -> Self {
        self.add(rule, Serves::Methods(methods.into_iter().collect()), handler)
    }

    /// Adds a handler for GET requests; HEAD and OPTIONS come with it.
    pub fn get<M: 'static, H: Handler<M>>(self, rule: &str, handler: H) -> Self {
        self.route_methods(rule, [Method::GET], handler)
    }

    /// Adds a handler for POST requests.
    pub fn post<M: 'static, H: Handler<M>>(self, rule: &str, handler: H) -> Self {
        self.route_methods(rule, [Method::POST], handler)
    }

    /// Adds a handler for PUT requests.
    pub fn put<M: 'static, H: Handler<M>>(self, rule: &str, handler: H) -> Self {
        self.route_methods(rule, [Method::PUT], handler)
    }

    /// Adds a handler for PATCH requests.
    pub fn patch<M: 'static, H: Handler<M>>(self, rule: &str, handler: H) -> Self {
        self.route_methods(rule, [Method::PATCH], handler)
    }

    /// Adds a handler for DELETE requests.
    pub fn delete<M: 'static, H: Handler<M>>(self, rule: &str, handler: H) -> Self {
        self.route_methods(rule, [Method::DELETE], handler)
    }

    /// Adds a handler for WebSockets: an `async fn` that takes a [`WebSocket`](crate::WebSocket)
    /// beside its other arguments.
    ///
    /// The first `receive`, `send` or `accept` accepts the socket; what the handler returns before
    /// that is an ordinary response. The socket closes when the handler ends, and the handler is
    /// cancelled when the client has gone. A request that asks for no WebSocket is a 400.
    ///
    /// # Examples
    ///
    /// ```
    /// use carafe_web::{App, Result, WebSocket};
    ///
    /// async fn echo(ws: WebSocket) -> Result {
    ///     loop {
    ///         let message = ws.receive().await?;
    ///         ws.send(message).await?;
    ///     }
    /// }
    ///
    /// let app = App::new("echo").websocket("/ws", echo);
    /// ```
    pub fn websocket<M: 'static, H: Handler<M>>(self, rule: &str, handler: H) -> Self {
        self.add(rule, Serves::WebSocket, handler)
    }

    /// Sets the limits and habits of the app's WebSockets.
    pub fn websocket_options(mut self, options: ws::Options) -> Self {
        self.websocket_options = options;
        self
    }

    fn add<M: 'static, H: Handler<M>>(mut self, rule: &str, serves: Serves, handler: H) -> Self {
        let spec = H::spec();
        match Rule::parse(rule) {
            Ok(rule) => self.routes.push(Route::new(rule, serves, spec, erased(handler))),
            Err(mistake) => self.mistakes.note(rule, spec.function, mistake),
        }
        self
    }

    /// Gives the app a value, which handlers take as [`State<T>`](crate::State). There is one of each
    /// type; the last counts.
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self
    }

    /// Sets from how many bytes on a request's body is refused with 413; 16 MiB by default.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Adds a hook that runs before the app listens. They run one after the other; the first that
    /// fails keeps the app from serving.
    pub fn before_serving<M, T: TaskFn<M>>(mut self, hook: T) -> Self {
        self.before_serving.push(Hook::new(hook));
        self
    }

    /// Adds a hook that runs after the last request was answered and the last job has ended. They run
    /// one after the other; one that fails does not keep the others from running.
    pub fn after_serving<M, T: TaskFn<M>>(mut self, hook: T) -> Self {
        self.after_serving.push(Hook::new(hook));
        self
    }

    /// Adds a background task that starts when the app serves.
    /// [`AppHandle::add_background_task`] adds one at any later time.
    pub fn add_background_task<M, T: TaskFn<M>>(mut self, task: T) -> Self {
        self.background.push(Hook::new(task));
        self
    }

    /// Makes the service that any server can carry, and that tests can call.
    ///
    /// It answers 503 outside of [`AppService::lifespan`].
    ///
    /// # Errors
    ///
    /// [`StartupError`]: what is wrong with the rules and the handlers.
    pub fn into_service(mut self) -> Result<AppService, StartupError> {
        let mut router = Router::default();
        for (number, route) in self.routes.iter().enumerate() {
            check::check(route, |id| self.states.has(id), &mut self.mistakes);
            if let Err(taken) = router.add(&route.rule, route.serves.clone(), number) {
                let other = &self.routes[taken];
                let mistake = format!(
                    "the rule \"{}\" ({}) takes the same requests",
                    other.rule(),
                    other.function()
                );
                self.mistakes.note(route.rule(), route.function(), mistake);
            }
        }
        self.mistakes.into_result()?;
        self.handle.set_built(Built { states: self.states, body_limit: self.body_limit });
        let hooks = lifespan::Hooks {
            before_serving: self.before_serving,
            after_serving: self.after_serving,
            background: self.background,
        };
        let routes = self.routes.into_iter().map(Arc::new).collect();
        Ok(AppService::new(self.handle, router, routes, self.websocket_options, hooks))
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("name", &self.handle.name())
            .field("routes", &self.routes)
            .field("states", &self.states)
            .finish_non_exhaustive()
    }
}
