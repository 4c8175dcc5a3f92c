//! A web framework for any event loop: routes, WebSockets, background work, clean shutdown.
//!
//! An [`App`] is built of routes, whose [handlers](Handler) are `async fn`s, or plain `fn`s that run on
//! threads; of [values](State) that they share; and of hooks around serving. It is served by
//! [`App::run`], which is a whole program, or by [`App::serve`] inside a run; or it is made a
//! [tower service](AppService) and carried by any server. Nothing in it names an event loop: which one
//! carries it is decided by the binary.
//!
//! ```no_run
//! use std::process::ExitCode;
//! use std::time::Duration;
//!
//! use carafe_web::{App, AppHandle, Path};
//!
//! async fn hello(Path(name): Path<String>) -> String {
//!     format!("Hello, {name}!")
//! }
//!
//! async fn start(app: AppHandle) -> (&'static str, u16) {
//!     app.nursery().spawn(carafe_rt::sleep(Duration::from_secs(3)));
//!     ("Started", 201)
//! }
//!
//! fn main() -> ExitCode {
//!     App::new("hello").get("/hello/<name>", hello).post("/job", start).run()
//! }
//! ```
//!
//! # How a request goes
//!
//! [`AppService`] finds the route by method and path; [`Call`] carries the request to the
//! handler's arguments, each an [`Arg`]; the handler's result is a [`Reply`]. A failure anywhere is
//! an [`Error`], whose response is the answer and whose source is logged.
//!
//! # How an app lives
//!
//! The hooks before serving run, then it listens. Asked to end, by a signal or by
//! [`AppHandle::shutdown`], it stops listening, answers what is under way, lets the jobs of its
//! [nursery](AppNursery) end, and runs the hooks after serving. Each phase has a limit; what takes
//! longer is cancelled and named in the log.
#![forbid(unsafe_code)]

mod app;
mod arg;
mod error;
mod handler;
mod html;
mod json;
mod never;
mod peers;
mod query;
mod reply;
mod routing;

pub use app::{
    App, AppFuture, AppHandle, AppNursery, AppService, Config, JobOutcome, JobSpawner,
    SYNC_HANDLERS, ServeError, StartupError, TaskFn, current_app, try_current_app,
};
pub use arg::{Arg, ArgSpec, Call, Path, PathArgs, State};
pub use axum_core::body::Body;
pub use axum_core::response::{IntoResponse, Response};
pub use carafe_http::ConnectInfo;
pub use carafe_http::ws::{self, WebSocket};
pub use error::{Error, Reported, Result, abort};
pub use handler::{Handler, HandlerSpec};
pub use html::Html;
pub use json::Json;
pub use peers::{Member, Peers};
pub use query::Query;
pub use reply::Reply;

/// The markers that tell implementations of one trait apart. They are inferred; only who implements
/// [`Arg`] writes one out, [`Native`](marker::Native).
pub mod marker {
    pub use crate::app::{AsyncTask, BlockingTask};
    pub use crate::arg::{Foreign, Native, Parts, Whole};
    pub use crate::handler::{Async, Blocking};
    pub use crate::reply::{Ours, Plain};
}
