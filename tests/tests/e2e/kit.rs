//! What the tests of whole processes stand on: programs, clients, a browser, and patience.
//!
//! Nothing in here is asynchronous and nothing is ours below the socket: blocking sockets of std, a
//! foreign WebSocket implementation, a browser. So a mistake that client and server could share has
//! no place to hide.

pub(crate) mod browser;
pub(crate) mod http;
mod lines;
pub(crate) mod program;
pub(crate) mod tree;
mod wait;
mod watchdog;
pub(crate) mod ws;

use std::io::Write;

pub(crate) use http::get;
pub(crate) use program::{Program, Server};
pub(crate) use wait::{PATIENCE, wait_for, wait_until, wait_until_is};
pub(crate) use watchdog::watchdog;

/// Says why a test has not tested anything. Not with `eprintln`, which the test harness swallows.
pub(crate) fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    writeln!(std::io::stderr(), "\n{test}: skipped: {why}").expect("stderr is open");
}

/// Makes a test of `fn claim(runtime: &str)` for each loop, in a module of the claim's name.
macro_rules! on_each_loop {
    ($($claim:ident),* $(,)?) => {$(
        mod $claim {
            #[test]
            fn tokio() {
                super::$claim("tokio");
            }

            #[test]
            fn tokio_current_thread() {
                super::$claim("tokio-current-thread");
            }

            #[test]
            fn smol() {
                super::$claim("smol");
            }

            #[test]
            fn async_std() {
                super::$claim("async-std");
            }
        }
    )*};
}
pub(crate) use on_each_loop;
