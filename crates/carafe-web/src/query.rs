//! The query string, as a value.

use axum_core::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::{Error, abort};

/// The query string as a value of the handler's own type; a `Vec` field takes repeats.
///
/// A query that does not fit is a 400 that says why.
///
/// # Examples
///
/// ```
/// use carafe_web::Query;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Search {
///     text: String,
///     #[serde(default)]
///     tag: Vec<String>,
/// }
///
/// async fn search(Query(search): Query<Search>) -> String {
///     format!("{} in {:?}", search.text, search.tag)
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Query<T>(pub T);

impl<T> std::ops::Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let query = parts.uri.query().unwrap_or("");
        serde_html_form::from_str(query).map(Query).map_err(|error| {
            abort(400).because(format!("The query does not fit: {error}.")).with_source(error)
        })
    }
}
