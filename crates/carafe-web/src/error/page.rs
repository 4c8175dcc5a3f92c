//! The small page that a browser shows for an error.

use axum_core::body::Body;
use axum_core::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};

/// The page for `status`, with `reason` in place of the status's own sentence.
pub(super) fn response(status: StatusCode, reason: Option<&str>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        return response;
    }
    let title = status.canonical_reason().unwrap_or("Error");
    let reason = escaped(reason.unwrap_or_else(|| sentence(status)));
    let code = status.as_str();
    *response.body_mut() = Body::from(format!(
        "<!doctype html>\n<html lang=en>\n<title>{code} {title}</title>\n<h1>{title}</h1>\n<p>{reason}</p>\n"
    ));
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, html);
    response
}

/// What an error of this status means, to whoever reads the page.
fn sentence(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "The server could not make sense of this request.",
        401 => "You need to log in to see this.",
        403 => "You are not allowed to see this.",
        404 => "There is nothing at this address.",
        405 => "This address does not take requests of this method.",
        408 => "The request took too long to arrive.",
        409 => "The request does not fit what is there already.",
        410 => "What was at this address is gone for good.",
        413 => "The request is larger than the server accepts.",
        415 => "The server does not accept content of this type.",
        422 => "The request is well formed but makes no sense here.",
        429 => "There were too many requests; try again later.",
        500 => "The server made a mistake and could not answer.",
        503 => "The server cannot answer right now; try again later.",
        _ => "The request could not be answered.",
    }
}

/// `text` as HTML.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            char => html.push(char),
        }
    }
    html
}
