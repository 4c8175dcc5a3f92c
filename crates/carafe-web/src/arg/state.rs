//! Values that an app gives to its handlers.

use super::{Arg, ArgSpec, Call, Native};
use crate::{Error, abort};

/// The value of type `T` that was given to [`App::state`](crate::App::state), cloned.
///
/// A handler that asks for a type nobody has given keeps the app from starting.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use carafe_web::{App, State};
///
/// async fn visit(State(visits): State<Arc<AtomicU64>>) -> String {
///     format!("visit number {}", visits.fetch_add(1, Ordering::Relaxed) + 1)
/// }
///
/// let app = App::new("visits").state(Arc::new(AtomicU64::new(0))).get("/", visit);
/// assert!(app.into_service().is_ok());
///
/// let app = App::new("visits").get("/", visit);
/// assert!(app.into_service().unwrap_err().to_string().contains("AtomicU64"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct State<T>(pub T);

impl<T> std::ops::Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Arg<Native> for State<T>
where
    T: Clone + Send + Sync + 'static,
{
    fn spec() -> ArgSpec {
        ArgSpec::state::<Self, T>()
    }

    async fn extract(call: &mut Call) -> Result<Self, Error> {
        // Checked at start-up; only a handler that is called by hand gets here without.
        call.app().state::<T>().map(State).ok_or_else(|| abort(500))
    }
}
