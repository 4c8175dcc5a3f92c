use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use carafe_core::rt::{Signal, SignalStream};
use futures_core::Stream;

/// Signals, as they arrive through a pipe that the reactor watches.
#[derive(Debug)]
pub struct SystemSignals {
    inner: async_signal::Signals,
}

impl SystemSignals {
    /// Listens for `wanted` from now on.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] where the platform has no such signal, and what the system
    /// says.
    pub fn listen(wanted: &[Signal]) -> io::Result<Self> {
        let wanted: Vec<_> = wanted.iter().copied().map(named).collect::<io::Result<_>>()?;
        Ok(SystemSignals { inner: async_signal::Signals::new(wanted)? })
    }
}

impl SignalStream for SystemSignals {
    fn poll_signal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Signal>> {
        loop {
            let Some(heard) = ready!(Pin::new(&mut self.inner).poll_next(cx)) else {
                return Poll::Ready(Err(io::Error::other("no signal can arrive any more")));
            };
            // The stream hears what was named, so another one cannot come.
            if let Some(signal) = known(heard?) {
                return Poll::Ready(Ok(signal));
            }
        }
    }
}

/// The contract's signals, and what async-signal calls them.
const NAMES: [(Signal, async_signal::Signal); 5] = [
    (Signal::Interrupt, async_signal::Signal::Int),
    (Signal::Terminate, async_signal::Signal::Term),
    (Signal::Hangup, async_signal::Signal::Hup),
    (Signal::User1, async_signal::Signal::Usr1),
    (Signal::User2, async_signal::Signal::Usr2),
];

fn named(signal: Signal) -> io::Result<async_signal::Signal> {
    let unsupported =
        || io::Error::new(io::ErrorKind::Unsupported, "the system has no such signal");
    if cfg!(windows) && signal != Signal::Interrupt {
        return Err(unsupported());
    }
    NAMES.iter().find(|(ours, _)| *ours == signal).map(|names| names.1).ok_or_else(unsupported)
}

fn known(heard: async_signal::Signal) -> Option<Signal> {
    NAMES.iter().find(|(_, theirs)| *theirs == heard).map(|names| names.0)
}
