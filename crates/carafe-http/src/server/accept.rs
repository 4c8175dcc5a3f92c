//! Accepting, also when the system has nothing left to accept with.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use carafe_core::rt::{Listener, Runtime};

/// The pause after the first failure, and what it doubles up to.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// How many connections are accepted in a row before others get their turn on this thread.
const ROW: u32 = 32;

/// A listener that outlives the errors it meets.
pub(super) struct Acceptor<R, L> {
    rt: R,
    listener: L,
    /// The last pause of an episode in which accepting fails; `None` while it works.
    pause: Option<Duration>,
    row: u32,
}

impl<R: Runtime, L: Listener> Acceptor<R, L> {
    pub(super) fn new(rt: R, listener: L) -> Self {
        Acceptor { rt, listener, pause: None, row: 0 }
    }

    /// The next connection. Dropping the future loses none.
    ///
    /// # Errors
    ///
    /// When the listener can never accept again.
    pub(super) async fn next(&mut self) -> io::Result<(L::Stream, SocketAddr)> {
        loop {
            self.row = (self.row + 1) % ROW;
            if self.row == 0 {
                futures_lite::future::yield_now().await;
            }
            match poll_fn(|cx| self.listener.poll_accept(cx)).await {
                Ok(connection) => {
                    self.pause = None;
                    return Ok(connection);
                }
                Err(error) => match Verdict::of(&error) {
                    Verdict::Skip => {}
                    Verdict::Pause => self.pause_for(&error).await,
                    Verdict::Broken => return Err(error),
                },
            }
        }
    }

    /// A connection that waits to be accepted, if there is one.
    pub(super) async fn next_waiting(&mut self) -> Option<(L::Stream, SocketAddr)> {
        loop {
            match poll_fn(|cx| Poll::Ready(self.listener.poll_accept(cx))).await {
                Poll::Ready(Ok(connection)) => return Some(connection),
                Poll::Ready(Err(error)) if matches!(Verdict::of(&error), Verdict::Skip) => {}
                Poll::Ready(Err(_)) | Poll::Pending => return None,
            }
        }
    }

    /// Waits for the system to have something left, a little longer each time.
    async fn pause_for(&mut self, error: &io::Error) {
        let pause = match self.pause {
            None => {
                // Once an episode: a line for each attempt would fill the disk that is full already.
                tracing::warn!("cannot accept connections, trying again: {error}");
                SHORTEST_PAUSE
            }
            Some(last) => (last * 2).min(LONGEST_PAUSE),
        };
        self.pause = Some(pause);
        self.rt.sleep_until(self.rt.now() + pause).await;
    }
}

/// What an error of `accept` means for the next attempt.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It was about one connection, which is gone.
    Skip,
    /// It is about the process or the system: no descriptors, no memory, or something unknown, which
    /// must not become a busy loop.
    Pause,
    /// It is about the listener, for ever.
    Broken,
}

impl Verdict {
    fn of(error: &io::Error) -> Self {
        use io::ErrorKind::{
            ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted,
            InvalidInput, NetworkDown, NetworkUnreachable, NotConnected, TimedOut, WouldBlock,
        };
        match error.kind() {
            // accept(2) hands errors of the network that are pending on the new socket to us.
            ConnectionAborted | ConnectionReset | ConnectionRefused | HostUnreachable
            | Interrupted | NetworkDown | NetworkUnreachable | TimedOut | WouldBlock => {
                Verdict::Skip
            }
            InvalidInput | NotConnected => Verdict::Broken,
            _ => Verdict::Pause,
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn each_error_of_accept_has_its_verdict() {
        let verdict = |errno| Verdict::of(&io::Error::from_raw_os_error(errno));
        // ECONNABORTED, EINTR, ENETDOWN, EHOSTUNREACH
        for errno in [103, 4, 100, 113] {
            assert_eq!(verdict(errno), Verdict::Skip, "errno {errno}");
        }
        // EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM
        for errno in [24, 23, 105, 12, 1] {
            assert_eq!(verdict(errno), Verdict::Pause, "errno {errno}");
        }
        // EINVAL: somebody has shut the listener down.
        assert_eq!(verdict(22), Verdict::Broken);
    }
}
