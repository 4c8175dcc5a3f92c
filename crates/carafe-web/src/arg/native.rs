//! Small arguments of our own.

use carafe_http::ConnectInfo;
use carafe_rt::Handle;
use http::StatusCode;

use super::spec::Needs;
use super::{Arg, ArgSpec, Call, Native};
use crate::{AppHandle, Error, WebSocket};

impl Arg<Native> for AppHandle {
    fn spec() -> ArgSpec {
        ArgSpec::free::<Self>()
    }

    async fn extract(call: &mut Call) -> Result<Self, Error> {
        Ok(call.app().clone())
    }
}

/// The loop that serves the request.
impl Arg<Native> for Handle {
    fn spec() -> ArgSpec {
        ArgSpec::free::<Self>()
    }

    async fn extract(_: &mut Call) -> Result<Self, Error> {
        Ok(Handle::current())
    }
}

/// The WebSocket of an [`App::websocket`](crate::App::websocket) route.
impl Arg<Native> for WebSocket {
    fn spec() -> ArgSpec {
        ArgSpec::of::<Self>(Needs::WebSocket)
    }

    async fn extract(call: &mut Call) -> Result<Self, Error> {
        call.websocket().cloned().ok_or_else(|| missing("the request is no WebSocket's"))
    }
}

/// The addresses of the connection that brought the request.
impl Arg<Native> for ConnectInfo {
    fn spec() -> ArgSpec {
        ArgSpec::free::<Self>()
    }

    async fn extract(call: &mut Call) -> Result<Self, Error> {
        let info = call.parts().extensions.get::<ConnectInfo>().cloned();
        info.ok_or_else(|| missing("the server that carries the app says nothing of connections"))
    }
}

fn missing(what: &'static str) -> Error {
    Error::new(StatusCode::INTERNAL_SERVER_ERROR).with_source(what)
}
