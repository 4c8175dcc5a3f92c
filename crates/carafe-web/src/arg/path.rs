//! The arguments that a rule takes from the path.

mod de;
mod shape;

use std::fmt;
use std::sync::Arc;

use http::Uri;
use serde::de::DeserializeOwned;

use super::{Arg, ArgSpec, Call, Native};
use crate::Error;
use crate::routing::{Argument, Captures};
pub(crate) use shape::Shape;

/// The arguments of the rule, as a value of the handler's own type.
///
/// - one argument: the value itself, `Path(name): Path<String>`;
/// - several, in the order of the rule: a tuple, `Path((user, id)): Path<(String, u32)>`;
/// - several, by name: a struct that implements `Deserialize`;
/// - as many as come: a `Vec` or a map.
///
/// Whether the type fits the rule is checked when the app starts. A text that the type does not take
/// (`300` for a `u8`) is answered like one that the converter does not take: 404.
///
/// # Examples
///
/// ```
/// use carafe_web::{App, Path};
///
/// async fn hello(Path(name): Path<String>) -> String {
///     format!("Hello, {name}!")
/// }
///
/// async fn post(Path((user, id)): Path<(String, u32)>) -> String {
///     format!("post {id} of {user}")
/// }
///
/// let app = App::new("hello")
///     .get("/hello/<name>", hello)
///     .get("/<user>/posts/<int:id>", post);
/// assert!(app.into_service().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Path<T>(pub T);

impl<T> std::ops::Deref for Path<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Arg<Native> for Path<T>
where
    T: DeserializeOwned + Send + 'static,
{
    fn spec() -> ArgSpec {
        ArgSpec::path::<Self>(Shape::of::<T>(), shape::missing_field::<T>)
    }

    async fn extract(call: &mut Call) -> Result<Self, Error> {
        let value = de::from_args(call.path_args());
        value.map(Path).map_err(|error| crate::abort(404).with_source(error))
    }
}

/// The arguments of the rule as texts, whatever the rule is: for code that serves many rules.
///
/// It is an argument of a handler, and foreign extractors find it in the request's extensions.
#[derive(Clone)]
pub struct PathArgs {
    uri: Uri,
    names: Arc<[Argument]>,
    captures: Captures,
}

impl PathArgs {
    pub(crate) fn new(uri: Uri, names: Arc<[Argument]>, captures: Captures) -> Self {
        debug_assert_eq!(names.len(), captures.len(), "a route has a text for each argument");
        PathArgs { uri, names, captures }
    }

    /// The argument called `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| *key == name).map(|(_, text)| text)
    }

    /// Names and texts, in the order of the rule.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.names.iter().map(|argument| argument.name.as_str());
        names.zip(self.captures.texts(self.uri.path()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether the rule has none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

impl fmt::Debug for PathArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Arg<Native> for PathArgs {
    fn spec() -> ArgSpec {
        ArgSpec::reads_path::<Self>()
    }

    async fn extract(call: &mut Call) -> Result<Self, Error> {
        Ok(call.path_args().clone())
    }
}
