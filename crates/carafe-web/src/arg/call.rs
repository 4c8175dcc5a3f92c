//! A request on its way to its handler.

use std::sync::Arc;

use axum_core::body::Body;
use axum_core::extract::DefaultBodyLimit;
use http::StatusCode;
use http::request::Parts;
use http_body::Body as _;
use http_body_util::Limited;

use super::PathArgs;
use crate::app::Route;
use crate::{AppHandle, Error, WebSocket};

/// A request on its way to its handler: what arguments are made from.
#[derive(Debug)]
pub struct Call {
    parts: Parts,
    /// `None` once somebody has taken it.
    body: Option<Body>,
    path_args: PathArgs,
    websocket: Option<WebSocket>,
    route: Arc<Route>,
    app: AppHandle,
    /// How many arguments are still to be made after the current one.
    args_left: usize,
    /// Whether foreign arguments find the path's arguments in the extensions already.
    shows_path_args: bool,
}

impl Call {
    pub(crate) fn new(
        parts: Parts,
        body: Body,
        path_args: PathArgs,
        route: Arc<Route>,
        app: AppHandle,
    ) -> Self {
        Call {
            parts,
            body: Some(body),
            path_args,
            websocket: None,
            route,
            app,
            args_left: 0,
            shows_path_args: false,
        }
    }

    pub(crate) fn with_websocket(mut self, websocket: WebSocket) -> Self {
        self.websocket = Some(websocket);
        self
    }

    /// The request's head.
    pub fn parts(&mut self) -> &mut Parts {
        &mut self.parts
    }

    /// The app that serves the request.
    pub fn app(&self) -> &AppHandle {
        &self.app
    }

    /// The arguments of the rule.
    pub fn path_args(&self) -> &PathArgs {
        &self.path_args
    }

    /// The rule that took the request, as it was written.
    pub fn rule(&self) -> &str {
        self.route.rule()
    }

    /// Takes the body, which fails from the app's limit on ([`App::body_limit`](crate::App::body_limit)).
    ///
    /// # Errors
    ///
    /// When it was taken before.
    pub fn take_body(&mut self) -> Result<Body, Error> {
        let body = self.body.take().ok_or_else(|| {
            Error::new(StatusCode::INTERNAL_SERVER_ERROR).with_source("the body was taken already")
        })?;
        let limit = self.app.body_limit();
        // A body of known length was compared with the limit before anything else happened, and the
        // server holds the client to that length.
        Ok(match body.size_hint().exact() {
            Some(_) => body,
            None => Body::new(Limited::new(body, limit)),
        })
    }

    pub(super) fn websocket(&self) -> Option<&WebSocket> {
        self.websocket.as_ref()
    }

    pub(super) fn parts_and_app(&mut self) -> (&mut Parts, &AppHandle) {
        (&mut self.parts, &self.app)
    }

    /// Lets foreign arguments find the path's arguments.
    pub(super) fn show_path_args(&mut self) {
        if !self.shows_path_args && !self.path_args.is_empty() {
            self.parts.extensions.insert(self.path_args.clone());
            self.shows_path_args = true;
        }
    }

    /// The whole request, for an argument that takes the body. The last argument gets the head
    /// itself, others a copy.
    pub(super) fn take_request(&mut self) -> Result<http::Request<Body>, Error> {
        let body = self.take_body()?;
        let parts = if self.args_left == 0 {
            std::mem::replace(&mut self.parts, http::Request::new(()).into_parts().0)
        } else {
            self.parts.clone()
        };
        let mut request = http::Request::from_parts(parts, body);
        DefaultBodyLimit::max(self.app.body_limit()).apply(&mut request);
        Ok(request)
    }

    pub(crate) fn expect_args(&mut self, count: usize) {
        self.args_left = count;
    }

    pub(crate) fn next_arg(&mut self) {
        self.args_left -= 1;
    }
}
