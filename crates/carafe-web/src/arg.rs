//! What a handler may take as an argument.
//!
//! There are two kinds, told apart by the marker of [`Arg`], which nobody writes out:
//!
//! - [`Native`]: ours, which know about rules and apps ([`Path`], [`State`], [`WebSocket`](crate::WebSocket) …). What
//!   they need is compared with the app when it starts.
//! - [`Foreign`]: everything that implements axum-core's `FromRequestParts` or `FromRequest`, so the
//!   extractors of that ecosystem work as they are. [`Query`](crate::Query) and [`Json`](crate::Json)
//!   are such ones too.
//!
//! Arguments are made one after the other, in their order. The first that cannot be made answers the
//! request; the handler is not called then.

mod call;
mod foreign;
mod native;
mod path;
mod spec;
mod state;

use std::future::Future;

pub use call::Call;
pub use foreign::{Foreign, Parts, Whole};
pub(crate) use path::Shape;
pub use path::{Path, PathArgs};
pub use spec::ArgSpec;
pub(crate) use spec::Needs;
pub use state::State;

use crate::Error;

/// An argument of a handler.
///
/// The marker `M` says which of the two kinds it is; it is inferred. Implement axum-core's
/// `FromRequestParts<AppHandle>` for a type of your own, or this trait with [`Native`], never both: the
/// compiler could not tell which one is meant.
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}` as an argument",
    label = "not something that a request can be turned into",
    note = "from the path: `Path<T>`; from the query: `Query<T>`; from the body: `Json<T>`, `String` or `Bytes`",
    note = "from the app: `State<T>` for a value given to `App::state`, and `AppHandle`",
    note = "any type that implements axum-core's `FromRequestParts` or `FromRequest`; its value must be `Send + 'static`",
    note = "`Path<T>` and `Query<T>` need `T: Deserialize`, `State<T>` needs `T: Clone + Send + Sync`"
)]
pub trait Arg<M>: Sized {
    /// What this argument needs of the rule and the app, to be checked when the app starts.
    fn spec() -> ArgSpec;

    /// Makes it from a request.
    fn extract(call: &mut Call) -> impl Future<Output = Result<Self, Error>> + Send;
}

/// The marker of arguments that are ours.
#[derive(Debug)]
pub enum Native {}
