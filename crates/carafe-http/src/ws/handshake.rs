//! The opening handshake of RFC 6455, section 4.2: what is a request to upgrade, and what answers it.

use std::fmt;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use tungstenite::handshake::derive_accept_key;

/// Whether a request asks for a WebSocket; it may still ask wrongly (see [`Upgrade::from_parts`]).
pub fn is_upgrade(parts: &Parts) -> bool {
    has_token(&parts.headers, header::UPGRADE, "websocket")
        && has_token(&parts.headers, header::CONNECTION, "upgrade")
}

/// A request to become a WebSocket that follows the rules.
///
/// [`serve`](super::serve()) makes one of a whole request; this is for those who have its head alone.
pub struct Upgrade {
    pub(super) on_upgrade: OnUpgrade,
    pub(super) accept: HeaderValue,
    /// The client's subprotocols, in its order of preference.
    pub(super) offered: Vec<String>,
}

impl Upgrade {
    /// Takes the upgrade out of a request's head.
    ///
    /// # Errors
    ///
    /// When the request does not follow RFC 6455, or did not come over a connection that can be
    /// upgraded; the refusal is the answer to give.
    pub fn from_parts(parts: &mut Parts) -> Result<Self, Refusal> {
        if parts.method != Method::GET || parts.version != Version::HTTP_11 {
            return Err(Refusal::Malformed("a WebSocket is asked for with GET over HTTP/1.1"));
        }
        if !is_upgrade(parts) {
            return Err(Refusal::Malformed("this is a WebSocket: the upgrade headers are missing"));
        }
        match single(&parts.headers, header::SEC_WEBSOCKET_VERSION) {
            Some(version) if version == "13" => {}
            Some(_) => return Err(Refusal::Version),
            None => return Err(Refusal::Malformed("one Sec-WebSocket-Version is needed")),
        }
        let key = single(&parts.headers, header::SEC_WEBSOCKET_KEY)
            .filter(|key| is_nonce(key.as_bytes()))
            .ok_or(Refusal::Malformed("one Sec-WebSocket-Key of 16 bytes in base64 is needed"))?;
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()))
            .expect("base64 is visible ASCII");
        let offered =
            tokens(&parts.headers, header::SEC_WEBSOCKET_PROTOCOL).map(str::to_owned).collect();
        let on_upgrade = parts.extensions.remove::<OnUpgrade>().ok_or(Refusal::Impossible)?;
        Ok(Upgrade { on_upgrade, accept, offered })
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("offered", &self.offered).finish_non_exhaustive()
    }
}

/// Why a request does not become a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The request breaks a rule; the text says which.
    Malformed(&'static str),
    /// The client speaks another version than 13.
    Version,
    /// The connection cannot be upgraded: the service was called without this crate's server.
    Impossible,
}

impl Refusal {
    /// The status that answers: 400, 426 or 500.
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
            Refusal::Version => StatusCode::UPGRADE_REQUIRED,
            Refusal::Impossible => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The answer.
    pub fn into_response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        if self == Refusal::Version {
            let headers = response.headers_mut();
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Malformed(rule) => rule,
            Refusal::Version => "WebSocket version 13 is needed",
            Refusal::Impossible => "this connection cannot become a WebSocket",
        })
    }
}

impl std::error::Error for Refusal {}

/// The 101 that answers `upgrade`, with the chosen subprotocol.
pub(super) fn switching<B: Default>(accept: HeaderValue, protocol: Option<&str>) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(protocol) = protocol.and_then(|name| HeaderValue::try_from(name).ok()) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    response
}

/// The header's value, if it was sent once.
fn single(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Whether `key` is 16 bytes in base64: 21 digits, one that carries two bits, and the padding.
fn is_nonce(key: &[u8]) -> bool {
    let is_digit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    key.len() == 24
        && key[..21].iter().all(is_digit)
        && matches!(key[21], b'A' | b'Q' | b'g' | b'w')
        && key[22..] == *b"=="
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|candidate| candidate.eq_ignore_ascii_case(token))
}

/// The members of a comma-separated header, which may be sent in several lines.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request's head with the headers of a good upgrade, changed by `change`.
    fn head(change: impl FnOnce(&mut Parts)) -> Parts {
        let mut parts = http::Request::get("/")
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(())
            .unwrap()
            .into_parts()
            .0;
        change(&mut parts);
        parts
    }

    /// What refuses a good upgrade changed by `change`.
    fn refusal(change: impl FnOnce(&mut Parts)) -> Refusal {
        Upgrade::from_parts(&mut head(change)).expect_err("there is no connection to upgrade")
    }

    #[test]
    fn a_good_request_lacks_but_a_connection() {
        assert!(is_upgrade(&head(|_| {})));
        assert_eq!(refusal(|_| {}), Refusal::Impossible);
    }

    #[test]
    fn another_version_is_told_which_one_is_spoken() {
        let refusal = refusal(|parts| {
            parts.headers.insert("sec-websocket-version", HeaderValue::from_static("8"));
        });
        let response = refusal.into_response::<()>();
        assert_eq!(response.status(), 426);
        assert_eq!(response.headers()["sec-websocket-version"], "13");
    }

    #[test]
    fn what_breaks_a_rule_is_a_bad_request() {
        let breakages: [fn(&mut Parts); 7] = [
            |parts| parts.method = Method::POST,
            |parts| parts.version = Version::HTTP_10,
            |parts| drop(parts.headers.remove("upgrade")),
            |parts| drop(parts.headers.remove("sec-websocket-version")),
            |parts| drop(parts.headers.remove("sec-websocket-key")),
            |parts| {
                parts.headers.insert("sec-websocket-key", HeaderValue::from_static("c2hvcnQ="));
            },
            |parts| {
                let again = HeaderValue::from_static("AAAAAAAAAAAAAAAAAAAAAA==");
                parts.headers.append("sec-websocket-key", again);
            },
        ];
        for breakage in breakages {
            assert_eq!(refusal(breakage).status(), 400);
        }
    }

    #[test]
    fn the_answer_is_derived_from_the_key_as_the_rfc_shows() {
        let accept = HeaderValue::try_from(derive_accept_key(b"dGhlIHNhbXBsZSBub25jZQ==")).unwrap();
        let response = switching::<()>(accept, Some("chat"));
        assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    }
}
