//! What a handler may return.
//!
//! | a handler returns | the client gets |
//! |---|---|
//! | anything that implements axum-core's `IntoResponse`: `&'static str`, `String`, `Vec<u8>`, `StatusCode`, `()`, [`Json`](crate::Json), [`Html`](crate::Html), a `Response` … | what that says |
//! | `serde_json::Value` | JSON |
//! | `(reply, u16)` | the reply with that status |
//! | `(reply, u16, headers)` | and with these headers |
//! | `Result<reply, Error>` | the reply, or the error's status and page |
//!
//! The first row and the others never overlap, or the compiler could not tell which one is meant: a
//! `Result` of a reply of the first row belongs to the first row, and only a `Result` of one of the
//! others is one of ours.

use std::marker::PhantomData;

use axum_core::response::{IntoResponse, IntoResponseParts, Response};
use serde_json::Value;

use crate::error::{Error, status_or_500};
use crate::json::Json;
use crate::never::Never;

/// Something to answer with.
///
/// The marker `M` is inferred; nobody writes it out.
#[diagnostic::on_unimplemented(
    message = "a handler cannot answer with `{Self}`",
    label = "not something that can become a response",
    note = "text: `&'static str`, `String`; JSON: `Json<T>`, `serde_json::Value`; HTML: `Html<T>`; also `()`, `StatusCode`, `Vec<u8>`",
    note = "with a status: `(reply, 201)`; with headers too: `(reply, 201, [(\"x-name\", \"value\")])`",
    note = "`Result<reply, E>`, where `E` is `carafe::Error` or implements `IntoResponse`",
    note = "any type that implements axum-core's `IntoResponse`"
)]
pub trait Reply<M> {
    /// Makes the response.
    fn reply(self) -> Response;
}

/// The marker of replies that implement `IntoResponse`.
#[derive(Debug)]
pub enum Plain {}

/// The marker of replies that do not, and are ours; `M` is that of the reply inside.
#[derive(Debug)]
pub struct Ours<M>(PhantomData<M>);

impl<T: IntoResponse> Reply<Plain> for T {
    fn reply(self) -> Response {
        self.into_response()
    }
}

impl Reply<Ours<()>> for Value {
    fn reply(self) -> Response {
        Json(self).into_response()
    }
}

/// A handler that does not come to an answer: it panics, or its client leaves first.
impl Reply<Ours<Never>> for Never {
    fn reply(self) -> Response {
        self
    }
}

impl<T: Reply<M>, M> Reply<Ours<(M,)>> for (T, u16) {
    fn reply(self) -> Response {
        let (reply, status) = self;
        let mut response = reply.reply();
        *response.status_mut() = status_or_500(status);
        response
    }
}

impl<T: Reply<M>, M, H: IntoResponseParts> Reply<Ours<(M, u16)>> for (T, u16, H) {
    fn reply(self) -> Response {
        let (reply, status, headers) = self;
        let mut response = (headers, reply.reply()).into_response();
        // After the headers: what is wrong with those (a line break in a value) is a 500.
        if !response.status().is_server_error() {
            *response.status_mut() = status_or_500(status);
        }
        response
    }
}

impl<T: Reply<Ours<M>>, M> Reply<Ours<Result<M, Error>>> for Result<T, Error> {
    fn reply(self) -> Response {
        match self {
            Ok(reply) => reply.reply(),
            Err(error) => error.into_response(),
        }
    }
}
