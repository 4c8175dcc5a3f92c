//! What the smol and async-std backends share: sockets, timers and signals on async-io.
//!
//! # What is peculiar about this reactor, and how it is levelled
//!
//! - There is one reactor in the process, and any thread may drive it: one that waits in
//!   `async_io::block_on`, or else the reactor's own thread. So sockets and timers can be made and
//!   polled anywhere.
//! - It caches no readiness. Every operation here tries the system call first and waits only if that
//!   would block.
//! - Closing the writing half of a stream only flushes in async-io's own adapter. Here it is
//!   `shutdown(Write)`.
//! - A timer that has fired stays pending for ever when it is polled once more. [`Sleep`] stays
//!   ready, as tokio's does.
//! - Nothing interrupts a task whose sockets are always ready: there is no budget as tokio has one.

#![forbid(unsafe_code)]

mod listener;
mod signals;
mod sleep;
mod stream;

pub use listener::TcpListener;
pub use signals::SystemSignals;
pub use sleep::Sleep;
pub use stream::TcpStream;

use std::io;
use std::task::{Context, Poll, ready};

use async_io::Async;

/// Fills `buf` with the operating system's random bytes.
pub fn fill_random(buf: &mut [u8]) {
    getrandom::fill(buf).expect("the operating system has random numbers");
}

/// Tries `operation` until it does not block any more, and `wait`s for the socket in between.
fn poll_socket<S, T>(
    socket: &Async<S>,
    wait: fn(&Async<S>, &mut Context<'_>) -> Poll<io::Result<()>>,
    cx: &mut Context<'_>,
    mut operation: impl FnMut(&S) -> io::Result<T>,
) -> Poll<io::Result<T>> {
    loop {
        match operation(socket.get_ref()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(wait(socket, cx))?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return Poll::Ready(done),
        }
    }
}
