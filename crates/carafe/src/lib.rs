//! One program, any event loop: nurseries, deadlines, threads, sockets, HTTP and WebSockets.
//!
//! A program is written once, and runs on tokio, smol, async-std, or in a deterministic simulator. What
//! runs it is decided at one place, its entry point; nothing else names a loop:
//!
//! ```
//! use std::time::Duration;
//!
//! # #[cfg(feature = "tokio")]
//! #[carafe::main(tokio)]
//! async fn main() -> Result<(), carafe::NurseryError<std::io::Error>> {
//!     carafe::nursery(async |n| {
//!         n.spawn(async {
//!             carafe::sleep(Duration::from_millis(1)).await;
//!             Ok(println!("second"))
//!         });
//!         println!("first, on {}", carafe::Handle::current().name());
//!         Ok(())
//!     })
//!     .await
//! }
//! # #[cfg(not(feature = "tokio"))]
//! # fn main() {}
//! ```
//!
//! # Where things are
//!
//! | | |
//! |---|---|
//! | [`macro@main`], [`run`], [`Backend`] | start a program, on which loop |
//! | [`nursery()`], [`spawn()`] | tasks, and who waits for them |
//! | [`timeout`], [`CancelScope`], [`shield`] | deadlines and cancellation |
//! | [`sleep`], [`now`] | time |
//! | [`to_thread`], [`Limiter`] | what blocks, on threads |
//! | [`channel`], [`sync`] | items and values between tasks, locks, what tasks wait for |
//! | [`net`] | TCP |
//! | [`Handle`], [`rt`] | the loop as a value, and what a backend must be able to do |
//! | [`macro@test`] | a test on each compiled loop |
//!
//! With the feature `web`, which is on by default, the items of the web framework are at the root as
//! well: `App`, `Path`, `Query`, `Json`, `State` and so on; and `http` is the HTTP server below it.
//!
//! # Cargo features
//!
//! | feature | adds |
//! |---|---|
//! | `tokio` (default) | the backend for tokio, with several threads or one |
//! | `smol` | the backend for smol |
//! | `async-std` | the backend for async-std, which is discontinued upstream |
//! | `sim` | the deterministic simulator |
//! | `web` (default) | the web framework and the HTTP server |
//!
//! Features add backends, and never choose one. Where several are compiled, `#[carafe::main(smol)]` or
//! the environment variable `CARAFE_RUNTIME=smol` chooses; where neither does, the program says so and
//! ends. To have smol alone, write `default-features = false, features = ["smol", "web"]`.

#![forbid(unsafe_code)]

pub use carafe_rt::*;

// What the attributes expand to is hidden, and so not among the above for rustdoc's readers.
#[doc(hidden)]
pub use carafe_rt::__private;

#[cfg(feature = "web")]
pub use carafe_http as http;
#[cfg(feature = "web")]
pub use carafe_web::*;
