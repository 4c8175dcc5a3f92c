//! Futures that run side by side, joined in one line: all of them, the first that ends well, the
//! first that ends, one after the other as they end.
//!
//! Each of these is a nursery whose children are the futures: they run in parallel where the loop has
//! several threads, and none of them is left when the function has returned, whatever the outcome.
//! For children that borrow from the stack see [`join_scope`](crate::join_scope()).

mod all;
mod completed;
mod first;
pub(crate) mod then;

pub use self::all::all;
pub use self::completed::{AsCompleted, as_completed};
pub use self::first::{any_ok, race};
