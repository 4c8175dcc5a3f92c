//! Carafe's attributes: `main` and `test`.
//!
//! Use them as `#[carafe::main]` and `#[carafe::test]`; this crate is how they are made. A proc macro
//! does not see which backends `carafe` was compiled with, so what depends on that is written as a
//! call of a `macro_rules` of `carafe-rt`, which has one definition per backend for either case.

#![forbid(unsafe_code)]

mod args;
mod backend;
mod main_fn;
mod test_fn;

#[cfg(test)]
mod refusals;

use proc_macro::TokenStream;

/// Makes an `async fn` the entry point of a program.
///
/// | written | runs on |
/// |---|---|
/// | `#[carafe::main]` | what `CARAFE_RUNTIME` names, else the only compiled backend |
/// | `#[carafe::main(smol)]` | smol; also `tokio`, `tokio_current_thread`, `async_std`, `sim` |
///
/// Options, after the backend if one is named:
///
/// - `threads = 4`: how many threads poll tasks, on tokio and smol.
/// - `seed = 7`: what decides the schedule of the simulator.
/// - `hard_stop = 10`: after so many seconds of cancelling, the process ends although something still
///   holds; 5 by default, `hard_stop = false` waits for ever.
/// - `crate = path`: where `carafe` is, if it was renamed.
///
/// The function may return nothing, an `ExitCode`, or a `Result` of these. An error is printed as one
/// line with its sources, and the process exits with 1; with 2 where whoever started the program asked
/// for what cannot be: a backend that is not there, a port in use.
///
/// # Examples
///
/// ```ignore
/// #[carafe::main(smol, threads = 2)]
/// async fn main() -> std::io::Result<()> {
///     println!("on {}", carafe::Handle::current().name());
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = item.into();
    main_fn::expand(args.into(), &item)
        .unwrap_or_else(|error| main_fn::refuse(&error, &item))
        .into()
}

/// Makes an `async fn` a test on every compiled backend.
///
/// A function `works` becomes the tests `works::tokio`, `works::tokio_current_thread`, `works::smol`,
/// `works::async_std` and `works::sim`: those of which the backend is compiled in. Each runs under a
/// watchdog, which fails a test that does not end and prints the tasks that live.
///
/// Options:
///
/// - names of backends: only these of the compiled ones.
/// - `timeout = 10`: the watchdog's patience in seconds; 60 by default.
/// - `seed = 7`: what decides the schedule of the simulator.
/// - `crate = path`: where `carafe` is, if it was renamed.
///
/// The function may return nothing or a `Result`, whose error fails the test. `#[ignore]`,
/// `#[should_panic]` and `#[cfg]` below the attribute apply to each of the tests.
///
/// # Examples
///
/// ```ignore
/// #[carafe::test]
/// async fn a_thread_gives_its_value_back() {
///     assert_eq!(carafe::to_thread(|| 1 + 1).await, 2);
/// }
/// ```
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    test_fn::expand(args.into(), &item.into())
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
