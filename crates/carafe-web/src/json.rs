//! JSON, in and out.

use axum_core::body::Body;
use axum_core::extract::{FromRequest, Request};
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, abort};

/// A value as JSON: as an argument the request's body, as a reply the response's.
///
/// A body that is not labelled as JSON (`application/json`, or any type that ends with `+json`) is a
/// 415; one that is no JSON, or lacks what `T` needs, is a 400 that says where. Replies end with a
/// line break.
///
/// # Examples
///
/// ```
/// use carafe_web::{App, Json};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Item {
///     name: String,
/// }
///
/// async fn add(Json(item): Json<Item>) -> (Json<Item>, u16) {
///     (Json(item), 201)
/// }
///
/// let app = App::new("items").post("/items", add);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Json<T>(pub T);

impl<T> std::ops::Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<S, T> FromRequest<S> for Json<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        if !is_json(request.headers()) {
            return Err(abort(415).because("The request's body is not labelled as JSON."));
        }
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|rejection| Error::from_response(rejection.into_response()))?;
        serde_json::from_slice(&body).map(Json).map_err(|error| {
            abort(400).because(format!("The JSON does not fit: {error}.")).with_source(error)
        })
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut text = match serde_json::to_vec(&self.0) {
            Ok(text) => text,
            // A map whose keys are no strings, say.
            Err(error) => return Error::from(error).into_response(),
        };
        text.push(b'\n');
        let mut response = Response::new(Body::from(text));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }
}

/// Whether the content type is JSON, or built on it.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(label)) = headers.get(CONTENT_TYPE).map(HeaderValue::to_str) else { return false };
    let essence = label.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json" || (essence.contains('/') && essence.ends_with("+json"))
}
